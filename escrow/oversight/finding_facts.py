"""What the rules of findings are asked about, each in one statement over the whole county (风险提示的事实)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from config.clock import bureau_day
from config.regulations import Law
from config.settings import Settings
from escrow.access.sealing import mask_account
from escrow.oversight.finding_rules import Deposited, Group, Insider, Insiders, Listing, TakenBack
from escrow.oversight.round_trips import Flow
from escrow.oversight.watching import account_index, closed_up, name_index
from ledger.money import Yuan

_PAYEES = text("""
SELECT p.id, p.name, p.account_no, c.contractor, j.name AS place
  FROM listed_payee p JOIN construction_contract c ON c.id = p.contract_id
  JOIN supervised_account s ON s.id = p.account_id JOIN project j ON j.id = s.project_id
 WHERE p.status <> 'rejected' ORDER BY p.id
""")
_DEVELOPERS = text("SELECT name FROM developer ORDER BY id")
_ACCOUNTS = text("""
SELECT s.account_no, s.project_id, j.name AS place
  FROM supervised_account s JOIN project j ON j.id = s.project_id ORDER BY s.id
""")
# Paid and not returned: what a bank has said and we believed (已付的拨付指令).
_PAID = text("""
SELECT i.id, i.instruction_no, i.amount, r.value_date, l.withdrawal_id, s.account_no AS source_no,
       p.account_no, p.name, c.contractor
  FROM withdrawal_order o JOIN instruction i ON i.id = o.instruction_id AND i.status = 'paid'
  JOIN instruction_result r ON r.instruction_id = i.id AND r.outcome = 'paid'
                           AND r.verdict IN ('moves', 'early')
  JOIN withdrawal_line l ON l.id = o.line_id JOIN listed_payee p ON p.id = l.payee_id
  JOIN construction_contract c ON c.id = p.contract_id JOIN supervised_account s ON s.id = i.account_id
""")
_DEPOSIT = """
SELECT r.id, r.receipt_no, r.amount, r.value_date, r.payer_name_masked, r.payer_account_masked,
       w.account_index, w.name_index, s.account_no, j.name AS place, a.contract_no
  FROM watched_receipt w JOIN receipt r ON r.id = w.receipt_id
  JOIN supervised_account s ON s.id = r.account_id JOIN project j ON j.id = s.project_id
  LEFT JOIN LATERAL (
       SELECT string_agg(DISTINCT c.contract_no, '、') AS contract_no
         FROM receipt_allocation s JOIN contract c ON c.id = s.contract_id
        WHERE s.receipt_id = r.id) a ON true
 WHERE NOT EXISTS (SELECT FROM receipt_reversal v WHERE v.receipt_id = r.id)
"""
_BY_INSIDERS = text(f"{_DEPOSIT} AND (w.account_index = ANY (:marks) OR w.name_index = ANY (:marks))")
# A lender pays for his borrowers: only a contract's own money is asked about (自有资金).
_BY_STRANGERS = text(f"""
{_DEPOSIT} AND w.pays_for_buyer IS FALSE AND r.channel NOT IN ('loan', 'provident_fund')
   AND (CAST(:fresh AS bigint[]) IS NULL OR r.id = ANY (:fresh)) ORDER BY r.id
""")
_ONE_ACCOUNT = text("""
SELECT w.account_index AS mark, min(r.payer_name_masked || ' ' || r.payer_account_masked) AS shown,
       array_agg(DISTINCT c.contract_no) AS contracts, array_agg(DISTINCT r.id) AS receipts
  FROM watched_receipt w JOIN receipt r ON r.id = w.receipt_id
  JOIN receipt_allocation a ON a.receipt_id = r.id JOIN contract c ON c.id = a.contract_id
 WHERE r.channel NOT IN ('loan', 'provident_fund') AND c.status <> 'cancelled'
   AND NOT EXISTS (SELECT FROM receipt_reversal v WHERE v.receipt_id = r.id)
   AND (CAST(:fresh AS bigint[]) IS NULL OR w.account_index IN
        (SELECT f.account_index FROM watched_receipt f WHERE f.receipt_id = ANY (:fresh)))
 GROUP BY w.account_index HAVING count(DISTINCT c.id) >= :least
""")
_ONE_ID = text("""
SELECT p.id_no_index AS mark, min(p.id_no_masked) AS shown,
       array_agg(DISTINCT c.contract_no) AS contracts, CAST('{}' AS bigint[]) AS receipts
  FROM party p JOIN contract c ON c.id = p.contract_id AND c.version = p.version
 WHERE c.status <> 'cancelled'
   AND (CAST(:fresh AS bigint[]) IS NULL OR p.id_no_index IN
        (SELECT q.id_no_index FROM receipt_allocation a JOIN party q ON q.contract_id = a.contract_id
          WHERE a.receipt_id = ANY (:fresh)))
 GROUP BY p.id_no_index HAVING count(DISTINCT c.id) >= :least
""")
_REVERSALS = text("""
SELECT r.id, r.receipt_no, r.amount, r.payer_name_masked, r.payer_account_masked, r.booked_at, v.reversed_at,
       j.name AS place, a.contract_no
  FROM receipt_reversal v JOIN receipt r ON r.id = v.receipt_id
  JOIN supervised_account s ON s.id = r.account_id JOIN project j ON j.id = s.project_id
  LEFT JOIN LATERAL (
       SELECT string_agg(DISTINCT c.contract_no, '、') AS contract_no
         FROM receipt_allocation s JOIN contract c ON c.id = s.contract_id
        WHERE s.receipt_id = r.id) a ON true
 ORDER BY r.id
""")


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything the rules are asked about (风险提示的事实)."""

    insiders: Insiders
    developers: tuple[str, ...]
    listings: list[Listing]
    by_insiders: list[Deposited]
    by_strangers: list[Deposited]
    flows: list[Flow]
    labels: dict[bytes, str]
    one_account: list[Group]
    one_id: list[Group]
    reversals: list[TakenBack]


def facts_of(session: Session, told: Settings, law: Law, fresh: list[int] | None) -> Facts:
    """The county as it stands; where `fresh` receipts are named, their payers' part of it (事实)."""
    payees, accounts = session.execute(_PAYEES).all(), session.execute(_ACCOUNTS).all()
    developers = tuple(session.scalars(_DEVELOPERS))
    insiders = Insiders(_developers(developers, accounts, told), _payees(payees, told))
    marks = {"marks": [*insiders.developers, *insiders.payees]}
    deposits = [_deposited(row, told) for row in session.execute(_BY_INSIDERS, marks)]
    paid = session.execute(_PAID).all()
    homes = _homes(accounts, told)
    labels = {homes[account_index(row.account_no, told)]: f"{row.place} 监管专户" for row in accounts}
    labels |= {one.account: one.payer for one in deposits if one.account not in labels}
    labels |= {
        account_index(row.account_no, told): f"{row.name} {mask_account(row.account_no)}" for row in paid
    }
    return Facts(
        insiders, tuple(closed_up(name) for name in developers), _listings(payees, told),
        by_insiders=deposits,
        by_strangers=[_deposited(row, told) for row in session.execute(_BY_STRANGERS, {"fresh": fresh})],
        flows=[*(_out(row, homes, told) for row in paid), *(_back(one, homes) for one in deposits)],
        labels=labels,
        one_account=_groups(session, _ONE_ACCOUNT, fresh, law["finding_account_contracts"].value),
        one_id=_groups(session, _ONE_ID, fresh, law["finding_id_contracts"].value),
        reversals=[_taken_back(row) for row in session.execute(_REVERSALS)],
    )  # fmt: skip


def _developers(names: Iterable[str], accounts: Iterable[Row[Any]], told: Settings) -> dict[bytes, Insider]:
    """Developers by name, and every supervised account: its holder is a developer too."""
    found = {account_index(row.account_no, told): Insider(f"{row.place} 的监管专户") for row in accounts}
    return found | {name_index(name, told): Insider(f"开发企业“{name}”") for name in names}


def _payees(rows: Iterable[Row[Any]], told: Settings) -> dict[bytes, Insider]:
    found: dict[bytes, Insider] = {}
    for row in rows:
        marks = {
            name_index(row.name, told), name_index(row.contractor, told), account_index(row.account_no, told)
        }  # fmt: skip
        for mark in marks:
            before = found.get(mark, Insider(f"收款单位“{row.name}”"))
            found[mark] = Insider(before.label, (*before.payees, row.id))
    return found


def _listings(rows: Iterable[Row[Any]], told: Settings) -> list[Listing]:
    return [
        Listing(
            row.id, row.place, closed_up(row.name), account_index(row.account_no, told),
            mask_account(row.account_no),
        )
        for row in rows
    ]  # fmt: skip


def _deposited(row: Row[Any], told: Settings) -> Deposited:
    return Deposited(
        row.id, row.receipt_no, bytes(row.account_index), bytes(row.name_index),
        account_index(row.account_no, told), row.place, _payer(row),
        Yuan.from_fen(row.amount), row.value_date, row.contract_no,
    )  # fmt: skip


def _homes(accounts: Iterable[Row[Any]], told: Settings) -> dict[bytes, bytes]:
    """A project that moved from one supervised account to another is one point still (同一项目的账户)."""
    first: dict[int, bytes] = {}
    return {
        mark: first.setdefault(row.project_id, mark)
        for row in accounts
        for mark in [account_index(row.account_no, told)]
    }


def _out(row: Row[Any], homes: dict[bytes, bytes], told: Settings) -> Flow:
    return Flow(
        f"order-{row.id}", row.instruction_no, homes[account_index(row.source_no, told)],
        account_index(row.account_no, told),
        frozenset({name_index(row.name, told), name_index(row.contractor, told)}), row.value_date,
        Yuan.from_fen(row.amount), withdrawal_id=row.withdrawal_id,
    )  # fmt: skip


def _back(one: Deposited, homes: dict[bytes, bytes]) -> Flow:
    return Flow(
        f"receipt-{one.receipt_id}", one.receipt_no, homes.get(one.account, one.account), homes[one.into],
        frozenset({one.holder}), one.on, one.amount, receipt_id=one.receipt_id, contract_no=one.contract_no,
    )  # fmt: skip


def _groups(session: Session, query: Any, fresh: list[int] | None, least: int) -> list[Group]:
    rows = session.execute(query, {"fresh": fresh, "least": least})
    return [Group(bytes(row.mark), row.shown, tuple(row.contracts), tuple(row.receipts)) for row in rows]


def _taken_back(row: Row[Any]) -> TakenBack:
    return TakenBack(
        row.id, row.receipt_no, row.place, _payer(row),
        Yuan.from_fen(row.amount), bureau_day(row.booked_at), bureau_day(row.reversed_at), row.contract_no,
    )  # fmt: skip


def _payer(row: Row[Any]) -> str:
    return f"{row.payer_name_masked} {row.payer_account_masked}".strip() or "不明付款人"
