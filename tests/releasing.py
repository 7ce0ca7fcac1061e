"""What the release tests do again and again: approve, be refused, file a paper (解除监管测试用)."""

from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import text

from config.clock import bureau_day
from escrow.errors import Refused
from escrow.release.actions import approve
from escrow.release.evidence import Evidence, decide_evidence, enter_evidence
from escrow.release.receiving import ReceivingAsked, decide_receiving, enter_receiving
from escrow.release.rules import EvidenceStatus
from ledger.money import Yuan
from tests.estate import Estate, build, file_hash, new_number, officers


def named(house: Any) -> SimpleNamespace:
    """Clerk, reviewer, release clerk and two more (办理人员)."""
    names = ("clerk", "reviewer", "handler", "chief", "other")
    return SimpleNamespace(**dict(zip(names, officers(house, *names), strict=True)))


def registered(house: Any, app: Any) -> SimpleNamespace:
    """A scene: two buildings, both registered, nothing open (两幢都已首次登记)."""
    people = named(house)
    estate = build(house, [people.clerk, people.reviewer])
    estate.register()
    return SimpleNamespace(people=people, estate=estate)


def with_money(house: Any, app: Any) -> SimpleNamespace:
    """The same with money on the first building (一号楼有钱)."""
    made = registered(house, app)
    made.estate.put("1", "100.00")
    return made


def approved(estate: Estate, release_no: str, officer_id: int) -> Yuan:
    return estate.do(lambda session: approve(session, release_no, officer_id=officer_id))


def codes(estate: Estate, release_no: str, officer_id: int) -> list[str]:
    with pytest.raises(Refused) as refused:
        approved(estate, release_no, officer_id)
    assert all(refusal.citation for refusal in refused.value.refusals)
    return [refusal.code for refusal in refused.value.refusals]


def one(estate: Estate, query: str, **values):
    with estate.house.database.read() as session:
        return session.execute(text(query), values).one()


def filed(estate, people, kind, clause, *, ratio=None, confirmed=True):
    """A paper entered by the clerk and confirmed by the reviewer."""
    number = new_number("CL")
    paper = Evidence(estate.account_no, kind, clause, number, bureau_day(), file_hash(number), ratio=ratio)
    entry = estate.do(lambda session: enter_evidence(session, paper, officer_id=people.clerk))
    if confirmed:
        estate.do(
            lambda session: decide_evidence(
                session, entry, EvidenceStatus.CONFIRMED, officer_id=people.reviewer
            )
        )
    return entry


def receiving(estate, entered_by, confirmed_by, account_no="6222021410001112223"):
    """The developer's own account, entered by one officer and confirmed by another (收款账户)."""
    number, told = new_number("SK"), estate.house.settings
    asked = ReceivingAsked(
        estate.account_no, account_no, "农业银行交口支行", number, bureau_day(), file_hash(number)
    )
    entry = estate.do(lambda session: enter_receiving(session, asked, told, officer_id=entered_by))
    estate.do(lambda session: decide_receiving(session, entry, officer_id=confirmed_by))
    return entry


EVIDENCE = """
INSERT INTO release_evidence (account_id, kind, clause, paper_no, dated_on, file_hash, status, entered_by)
VALUES (%s, 'document', '条款', 'CL', current_date, %s, 'entered', %s) RETURNING id
"""


def refused_by(error) -> str:
    return str(error.value.diag.constraint_name)
