"""A running project is opened: uploaded, approved by another, or sent back. Lock, look, judge, write."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from config.clock import bureau_day
from config.regulations import Law
from config.settings import Settings
from escrow.access import audit
from escrow.access.sealing import seal_bytes, unseal_bytes
from escrow.errors import EscrowError, Invalid, NotFound, Refusal, Refused
from escrow.opening.booking import book
from escrow.opening.models import AccountOpening
from escrow.opening.reading import read_sheet
from escrow.opening.rules import (
    Fault,
    OpeningFacts,
    OpeningStatus,
    Registered,
    Sheet,
    decider_refusals,
    faults,
    opening_refusals,
)
from escrow.supervision.court_holds import account_locked
from escrow.supervision.models import SupervisedAccount
from escrow.supervision.papers import used_papers
from ledger.money import Yuan

Read = tuple[Sheet, list[Fault]]
Held = tuple[AccountOpening, SupervisedAccount, Law]
# Of more contracts than these, booking takes longer than an officer should look at a blank page.
AT_ONCE = 200
LAW_KEYS = ("opening_two_officers", "opening_once", "opening_balance", "account_active")


class Faulty(EscrowError):
    """The file has faults: all of them, row by row, and nothing was taken (文件有误)."""

    code, label, status = "opening-faulty", "导入文件有误，未作任何更改", 422

    def __init__(self, found: list[Fault]) -> None:
        super().__init__(f"导入文件有 {len(found)} 处错误，逐行列在下面")
        self.faults = found


@dataclass(frozen=True, slots=True)
class Opening:
    """What one officer hands in (期初导入材料)."""

    account_no: str
    as_of: date
    bank_balance: Yuan
    unmatched: Yuan
    certificate_no: str
    file_hash: str
    content: bytes


def upload(session: Session, asked: Opening, told: Settings, *, officer_id: int) -> str:
    """One officer uploads the file with the bank's certificate; its number (上传).

    Raises NotFound, Invalid, Faulty with every fault, or Refused with every reason.
    """
    if asked.as_of > bureau_day():
        raise Invalid({"as_of": "余额日期不能晚于今天。"})
    # Before the first lock: a large file takes seconds to read.
    sheet, found = read_sheet(asked.content)
    account, law = account_locked(session, asked.account_no)
    facts = _facts(session, account, sheet, (asked.as_of, asked.bank_balance, asked.unmatched))
    reasons = [
        *opening_refusals(facts, _other(session, account.id), law),
        *used_papers(session, [asked.file_hash], law),
    ]
    if reasons:
        raise Refused(reasons)
    # What could not be read is not there to be compared: the sums are asked of a file that reads whole.
    if found := found or faults(sheet, facts):
        raise Faulty(found)
    number = f"QC{bureau_day():%Y%m%d}{secrets.token_hex(4).upper()}"
    session.add(
        AccountOpening(
            opening_no=number, account_id=account.id, as_of=asked.as_of, bank_balance=asked.bank_balance,
            unmatched=asked.unmatched, paid_in=sheet.paid_in, paid_out=sheet.paid_out,
            units=len(sheet.units), contracts=len(sheet.sales), certificate_no=asked.certificate_no,
            file_hash=asked.file_hash, sheet_hash=sha256(asked.content).hexdigest(),
            sheet_sealed=seal_bytes(asked.content, told, context=f"opening:{number}"),
            status=OpeningStatus.ENTERED, entered_by=officer_id,
        )
    )  # fmt: skip
    session.flush()
    audit.record(
        session, "opening.entered", number, account_no=asked.account_no, units=len(sheet.units),
        contracts=len(sheet.sales), bank_balance=str(asked.bank_balance), file_hash=asked.file_hash,
    )  # fmt: skip
    return number


_XACT = text("SELECT pg_current_xact_id()::text::bigint")


def approve(
    session: Session, opening_no: str, read: Read, told: Settings, *, officer_id: int
) -> OpeningStatus:  # fmt: skip
    """Another officer: the file is asked everything again; a small one is booked, a large one waits (批准).

    Raises NotFound, Faulty, or Refused with every reason.
    """
    opening, account, law = _held(session, opening_no)
    facts = _facts_of(session, opening, account, read)
    reasons = [
        *decider_refusals(opening.status, opening.entered_by, officer_id, law),
        *opening_refusals(facts, None, law),
    ]
    _judged(reasons, read, facts)
    opening.decided_by, opening.decided_at = officer_id, func.clock_timestamp()
    if opening.contracts > AT_ONCE:
        opening.status = OpeningStatus.APPROVED
        session.flush()
        audit.record(session, "opening.approved", opening_no, account_no=account.account_no)
    else:
        _book(session, (opening, account, law), read, told)
    return opening.status


def book_approved(
    session: Session, opening_no: str, read: Read, told: Settings, tell: Callable[[int], None]
) -> bool:
    """An approved opening is asked once more and booked whole (后台入账); False: there is nothing to do.

    Raises Faulty, or Refused with every reason.
    """
    held = opening, account, law = _held(session, opening_no)
    if opening.status is not OpeningStatus.APPROVED:
        return False
    facts = _facts_of(session, opening, account, read)
    _judged(opening_refusals(facts, None, law), read, facts)
    _book(session, held, read, told, tell)
    return True


def stop(session: Session, opening_no: str, reason: str) -> None:
    """What was approved cannot be booked: it goes back, saying why; a new file may be uploaded (退回)."""
    opening, account, _ = _held(session, opening_no)
    if opening.status is not OpeningStatus.APPROVED:
        return
    opening.status, opening.reason = OpeningStatus.REJECTED, reason[:200]
    session.flush()
    audit.record(
        session, "opening.stopped", opening_no, result="refused", account_no=account.account_no,
        reason=opening.reason,
    )  # fmt: skip


def _judged(reasons: list[Refusal], read: Read, facts: OpeningFacts) -> None:
    if reasons:
        raise Refused(reasons)
    if found := read[1] or faults(read[0], facts):
        raise Faulty(found)


def _book(
    session: Session, held: Held, read: Read, told: Settings, tell: Callable[[int], None] = lambda _: None
) -> None:
    opening, account, law = held
    opening.status, opening.law = OpeningStatus.BOOKED, law.stored(LAW_KEYS)
    opening.booked_in = session.scalar(_XACT)
    session.flush()
    book(session, opening, read[0], told, tell)
    audit.record(
        session, "opening.booked", opening.opening_no, account_no=account.account_no,
        bank_balance=str(opening.bank_balance), contracts=opening.contracts,
    )  # fmt: skip


def reject(session: Session, opening_no: str, *, officer_id: int, reason: str) -> None:
    """Another officer sends it back; a new file may be uploaded (退回). Raises NotFound or Refused."""
    opening, account, law = _held(session, opening_no)
    if reasons := decider_refusals(opening.status, opening.entered_by, officer_id, law):
        raise Refused(reasons)
    opening.status, opening.reason = OpeningStatus.REJECTED, reason
    opening.decided_by, opening.decided_at = officer_id, func.clock_timestamp()
    session.flush()
    audit.record(session, "opening.rejected", opening_no, account_no=account.account_no, reason=reason)


def sheet_of(session: Session, opening_no: str, told: Settings) -> bytes:
    """The file as it was uploaded (原文件). Raises NotFound."""
    query = select(AccountOpening.sheet_sealed).where(AccountOpening.opening_no == opening_no)
    sealed = session.scalar(query)
    if sealed is None:
        raise NotFound("没有这件期初导入")
    return unseal_bytes(sealed, told, context=f"opening:{opening_no}")


_UNITS = text("""
SELECT u.unit_code, b.building_no, u.area, b.project_id = :project_id AND u.removed_at IS NULL AS is_ours,
       c.contract_no
  FROM unit u JOIN building b ON b.id = u.building_id
  LEFT JOIN contract c ON c.unit_id = u.id AND c.status <> 'cancelled'
 WHERE b.project_id = :project_id AND u.removed_at IS NULL OR u.unit_code = ANY (:codes)
""")
_TAKEN = text("""
SELECT ARRAY(SELECT contract_no FROM contract WHERE contract_no = ANY (:contracts)) AS contracts,
       ARRAY(SELECT filing_no FROM contract_filing WHERE filing_no = ANY (:filings)
             UNION SELECT filing_no FROM opening_contract WHERE filing_no = ANY (:filings)) AS filings,
       ARRAY(SELECT building_no FROM building WHERE project_id = :project_id AND removed_at IS NULL
                AND NOT EXISTS (SELECT FROM released_building r WHERE r.building_id = building.id))
           AS buildings,
       NOT EXISTS (SELECT FROM contract WHERE project_id = :project_id)
       AND NOT EXISTS (SELECT FROM ledger.journal_entry
                        WHERE book_id = :book_id AND movement NOT IN ('P7', 'P8')) AS is_empty
""")


def _facts(
    session: Session, account: SupervisedAccount, sheet: Sheet, said: tuple[date, Yuan, Yuan]
) -> OpeningFacts:
    asked: dict[str, Any] = {
        "project_id": account.project_id, "book_id": account.book_id,
        "codes": [unit.unit_code for unit in sheet.units],
        "contracts": [sale.contract_no for _, sale in sheet.sales],
        "filings": [sale.filing_no for _, sale in sheet.sales if sale.filing_no],
    }  # fmt: skip
    taken = session.execute(_TAKEN, asked).one()
    return OpeningFacts(
        status=account.status, is_empty=taken.is_empty, as_of=said[0], balance=said[1], unmatched=said[2],
        buildings=frozenset(taken.buildings), contracts=frozenset(taken.contracts),
        filings=frozenset(taken.filings),
        units={
            row.unit_code: Registered(row.building_no, row.area, row.is_ours, row.contract_no)
            for row in session.execute(_UNITS, asked)
        },
    )  # fmt: skip


def _facts_of(
    session: Session, opening: AccountOpening, account: SupervisedAccount, read: Read
) -> OpeningFacts:
    return _facts(session, account, read[0], (opening.as_of, opening.bank_balance, opening.unmatched))


def _other(session: Session, account_id: int) -> str | None:
    query = select(AccountOpening.opening_no).where(
        AccountOpening.account_id == account_id, AccountOpening.status != OpeningStatus.REJECTED
    )
    return session.scalar(query)


def _held(session: Session, opening_no: str) -> Held:
    """The opening under its lock, project and account before it. Raises NotFound or Refused."""
    account_no = session.scalar(
        select(SupervisedAccount.account_no)
        .join(AccountOpening, AccountOpening.account_id == SupervisedAccount.id)
        .where(AccountOpening.opening_no == opening_no)
    )
    if account_no is None:
        raise NotFound("没有这件期初导入")
    account, law = account_locked(session, account_no)
    query = select(AccountOpening).where(AccountOpening.opening_no == opening_no).with_for_update()
    return session.scalars(query.execution_options(populate_existing=True)).one(), account, law
