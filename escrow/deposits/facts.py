"""What a booking and a reversal are judged by, read under the locks in their fixed order (入账事实).

Order of locks: supervised account, contract, notice, then balances by id inside the ledger.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from config.clock import bureau_day
from config.regulations import Law, law_on
from config.statement import Asked
from escrow import chart
from escrow.contracts.rules import ContractStatus, Source
from escrow.deposits.rules import NoticeFacts, Promise, account_refusals
from escrow.errors import NotFound, Refused
from escrow.projects.models import Project
from escrow.supervision.books import account_of, opened_account
from escrow.supervision.models import Agreement
from escrow.supervision.rules import AccountStatus, AgreementStatus
from ledger.accounts import Account
from ledger.money import ZERO, Yuan
from ledger.wire import ask


@dataclass(frozen=True, slots=True)
class Place:
    """The account a bank speaks of, locked so that supervision cannot end meanwhile (所涉监管账户)."""

    id: int
    account_no: str
    project_id: int
    book_id: int
    opened_on: date
    status: AccountStatus
    law: Law


_OPEN_FROM = """
SELECT b.closed_through + 1 FROM ledger.account a JOIN ledger.balance b ON b.account_id = a.id
 WHERE a.book_id = %s AND a.code = '1101' AND a.key = ''
"""


def open_day(session: Session, book_id: int, value_date: date) -> date:
    """The day on which a fact counts in the book: its value date, or the first open day after it (记账日).

    Today is never closed, so only what is told late asks.
    """
    if value_date >= bureau_day():
        return value_date
    [(open_from,)] = ask(session, _OPEN_FROM, (book_id,))
    found: date = max(value_date, open_from)
    return found


@dataclass(frozen=True, slots=True)
class Named:
    """The notice a bank names with its contract, both locked (所报通知书)."""

    id: int
    contract_id: int
    contract_no: str
    building_id: int
    facts: NoticeFacts
    # Ledger accounts already opened for it, by heading.
    opened: dict[str, int]


_PLACE = """
SELECT a.id, a.project_id, a.book_id, a.opened_on, a.status, p.region
  FROM supervised_account a JOIN project p ON p.id = a.project_id
 WHERE a.account_no = %s AND a.bank_code = %s
   FOR SHARE OF a
"""


def place(session: Session, account_no: str, bank_code: str, day: date) -> Place:
    """The bank's own account, or NotFound; Refused where supervision is only proposed (查账户)."""
    rows = ask(session, _PLACE, (account_no, bank_code))
    if not rows:
        _refuse_proposed(session, account_no, bank_code, day)
        raise NotFound("没有这个监管账户，或不属于贵行")
    [(account_id, project_id, book_id, opened_on, status, region)] = rows
    law = law_on(day, "presale_funds", region)
    return Place(account_id, account_no, project_id, book_id, opened_on, AccountStatus(status), law)


def _refuse_proposed(session: Session, account_no: str, bank_code: str, day: date) -> None:
    region = session.scalar(
        select(Project.region)
        .join(Agreement, Agreement.project_id == Project.id)
        .where(
            Agreement.account_no == account_no,
            Agreement.bank_code == bank_code,
            Agreement.status == AgreementStatus.PROPOSED,
        )
    )
    if region is not None:
        law = law_on(day, "presale_funds", region)
        raise Refused(account_refusals(account_no, AccountStatus.PROPOSED, law))


# With the ledger accounts a deposit on it touches, so that the door asks once. OFFSET 0 keeps each of them a
# probe of its key, however many accounts the book has.
_NOTICE = """
SELECT n.id, n.contract_id, n.amount, n.paid,
       n.voided_at IS NOT NULL
       OR EXISTS (SELECT FROM released_building r WHERE r.building_id = u.building_id) AS is_void,
       c.contract_no, c.status, c.project_id, u.building_id,
       (SELECT jsonb_object_agg(w.code, l.id)
          FROM (VALUES ('1101', ''), ('2101', ''), ('8199', ''), ('2111', 'building:' || u.building_id),
                       ('2112', 'building:' || u.building_id), ('8201', 'building:' || u.building_id),
                       ('8101', 'contract:' || c.id)) AS w (code, key),
               LATERAL (SELECT a.id FROM ledger.account a
                         WHERE a.book_id = (SELECT s.book_id FROM supervised_account s
                                           WHERE s.account_no = %(account_no)s)
                           AND a.code = w.code AND a.key = w.key OFFSET 0) l
       ) AS opened
  FROM payment_notice n JOIN contract c ON c.id = n.contract_id JOIN unit u ON u.id = c.unit_id
 WHERE n.notice_no = %(notice_no)s
   FOR NO KEY UPDATE OF c, n
"""


def named(session: Session, notice_no: str | None, account: Place) -> Named | None:
    """The notice and its contract under their locks, if we know it (查通知书)."""
    if notice_no is None:
        return None
    found = ask(session, *_asked_notice(notice_no, account.account_no), named=True)
    if not found:
        return None
    [row] = found
    facts = _notice_facts(row, account.project_id)
    return Named(row.id, row.contract_id, row.contract_no, row.building_id, facts, row.opened)


def _asked_notice(notice_no: str, account_no: str) -> Asked:
    return _NOTICE, {"notice_no": notice_no, "account_no": account_no}


def first_asked(account_no: str, bank_code: str, notice_no: str | None) -> list[Asked]:
    """What every booking begins with: its account, and the notice it names (先问)."""
    notice = [_asked_notice(notice_no, account_no)] if notice_no is not None else []
    return [(_PLACE, (account_no, bank_code)), *notice]


def _notice_facts(row: Any, project_id: int) -> NoticeFacts:
    return NoticeFacts(
        amount=Yuan.from_fen(row.amount),
        paid=Yuan.from_fen(row.paid),
        is_void=row.is_void,
        contract_status=ContractStatus(row.status),
        same_account=row.project_id == project_id,
    )


_ACCOUNTS = """
SELECT l.id, w.code, w.key
  FROM unnest(%s::text[], %s::text[]) AS w (code, key),
       LATERAL (SELECT a.id FROM ledger.account a
                 WHERE a.book_id = %s AND a.code = w.code AND a.key = w.key OFFSET 0) l
"""


def accounts(session: Session, book_id: int, wanted: list[tuple[str, str]]) -> list[Account]:
    """The ledger accounts of these headings and keys, in the order asked, opened when first needed (取科目)."""
    rows = ask(session, _ACCOUNTS, ([code for code, _ in wanted], [key for _, key in wanted], book_id))
    known = {(code, key): opened_account(id_, book_id, code, key) for id_, code, key in rows}
    return [known.get(one) or account_of(session, book_id, one[0], key=one[1]) for one in wanted]


def deposit_accounts(session: Session, book_id: int, notice: Named | None) -> list[Account]:
    """1101 and 2101, and with a notice also 2111 of the building, 8101 of the contract and 8199."""
    wanted = [(chart.DEPOSITS_AT_BANK, ""), (chart.UNMATCHED, "")]
    if notice is None:
        return accounts(session, book_id, wanted)
    wanted += [
        (chart.KEY_FUNDS, chart.building_key(notice.building_id)),
        (chart.PAID_IN_BY_CONTRACT, chart.contract_key(notice.contract_id)),
        (chart.MEMO_CONTRA, ""),
    ]
    return [
        opened_account(notice.opened[code], book_id, code, key)
        if code in notice.opened
        else account_of(session, book_id, code, key=key)
        for code, key in wanted
    ]


_PLAN = text("""
SELECT amount, paid, due_on, source FROM payment_notice
 WHERE contract_id = :contract_id AND (voided_at IS NULL OR account_change_id = (
       SELECT max(v.account_change_id) FROM payment_notice v WHERE v.contract_id = :contract_id)
       AND NOT EXISTS (SELECT FROM payment_notice n
                        WHERE n.contract_id = :contract_id AND n.issued_at > payment_notice.voided_at))
 ORDER BY position
""")


def plan(session: Session, contract_id: int) -> list[Promise]:
    """The living plan of a contract, with what a change of account voided and nobody reissued (缴款计划)."""
    return [
        Promise(Yuan.from_fen(row.amount), Yuan.from_fen(row.paid), row.due_on, Source(row.source))
        for row in session.execute(_PLAN, {"contract_id": contract_id})
    ]


def sums(parts: list[Row[Any]], by: str) -> dict[int, Yuan]:
    """What was matched, by contract or by building (匹配合计)."""
    found: dict[int, Yuan] = {}
    for part in parts:
        of = getattr(part, by)
        found[of] = found.get(of, ZERO) + Yuan.from_fen(part.amount)
    return found
