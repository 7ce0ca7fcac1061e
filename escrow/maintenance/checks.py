"""Whether every level of the fund agrees with the next and with the books, by named check (维修资金各级核验)."""

from collections import defaultdict
from typing import Any

import psycopg
from sqlalchemy import text
from sqlalchemy.orm import Session

from ledger.checks import SHOWN, Finding

# What PostgreSQL's fund_disagreements() looks at, and what is true when it finds nothing (核验项目).
RULES = {
    "house": ("fund-houses-agree", "各户余额、占用、待归还与账上逐户相符"),
    "building": ("fund-buildings-agree", "各幢各户合计与账上相符"),
    "community": ("fund-communities-agree", "各小区合计等于专户存款、国债、备用金减负债与待分配收益"),
    "account": ("fund-accounts-balance", "专户资产等于负债、待分配收益与各户各小区科目之和"),
}
_WRONG = "SELECT rule, what FROM fund_disagreements() LIMIT 1000"


def disagreements(session: Session) -> dict[str, list[str]]:
    """What does not agree, by rule (各级不符)."""
    # It reads every house: half a minute at a million, and somebody has asked for it.
    session.execute(text("SET LOCAL statement_timeout = '60s'"))
    return _by_rule(session.execute(text(_WRONG)).all())


def verify(connection: psycopg.Connection[Any]) -> list[Finding]:
    """The fund's checks as `flask verify` says them, in one read-only snapshot (核验维修资金)."""
    with connection.transaction():
        wrong = _by_rule(connection.execute(_WRONG).fetchall())
    return [_finding(name, wrong.get(rule, []), held) for rule, (name, held) in RULES.items()]


def _by_rule(rows: Any) -> dict[str, list[str]]:
    found = defaultdict(list)
    for rule, what in rows:
        found[rule].append(what)
    return found


def _finding(name: str, wrong: list[str], held: str) -> Finding:
    more = f" 等 {len(wrong)} 处" if len(wrong) > SHOWN else ""
    return Finding(name, not wrong, "；".join(wrong[:SHOWN]) + more if wrong else held)
