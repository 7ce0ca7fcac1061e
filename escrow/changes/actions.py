"""A project's account is changed: entered, approved by another, or sent back. Lock, look, judge, write."""

import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from config.clock import bureau_day
from config.regulations import Law
from config.settings import Settings
from escrow import chart
from escrow.access import audit
from escrow.changes.facts import facts_of
from escrow.errors import Invalid, NotFound, Refused
from escrow.instructions.actions import Order, Payee, issue
from escrow.instructions.carrying import complete
from escrow.instructions.rules import InstructionKind
from escrow.supervision.books import account_of
from escrow.supervision.change_models import AccountChange
from escrow.supervision.change_rules import ChangeStatus, change_refusals, decider_refusals
from escrow.supervision.court_holds import account_locked
from escrow.supervision.models import SupervisedAccount
from escrow.supervision.papers import used_number, used_papers
from escrow.supervision.rules import AccountStatus
from ledger.accounts import Account, lock_accounts
from ledger.money import ZERO, Yuan
from ledger.movements import Transfer

# What an approval is judged by and keeps (随决定存档的规定).
LAW_KEYS = (
    "account_change_apart", "account_change_two_officers", "account_change_clear", "account_changing",
    "agreement_account_once", "account_active", "account_change_frozen", "account_change_guaranteed",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ChangeAsked:
    """The new agreement and the account it names (变更材料)."""

    document_no: str
    file_hash: str
    agreement_no: str
    signed_on: date
    bank_code: str
    bank_name: str
    account_no: str
    account_name: str


def enter(session: Session, account_no: str, asked: ChangeAsked, *, officer_id: int) -> str:
    """One officer writes down that the parties agreed on another account; the change's number (录入变更).

    Raises NotFound, Invalid or Refused with every reason.
    """
    if asked.signed_on > bureau_day():
        raise Invalid({"signed_on": "签订日期不能晚于今天。"})
    account, law = account_locked(session, account_no)
    change = AccountChange(
        change_no=f"BG{bureau_day():%Y%m%d}{secrets.token_hex(4).upper()}", account_id=account.id,
        status=ChangeStatus.ENTERED, entered_by=officer_id, **asdict(asked),
    )  # fmt: skip
    reasons = [
        *change_refusals(facts_of(session, account, change), law),
        *used_papers(session, [asked.file_hash], law),
        *used_number(session, "account_change", account.id, asked.document_no, law),
    ]
    if reasons:
        raise Refused(reasons)
    session.add(change)
    session.flush()
    audit.record(
        session, "account.change-entered", change.change_no, account_no=account_no,
        new_account_no=asked.account_no, document_no=asked.document_no, file_hash=asked.file_hash,
    )  # fmt: skip
    return change.change_no


def approve(session: Session, change_no: str, told: Settings, *, officer_id: int) -> str | None:
    """Another officer orders the whole balance over; the old account stops at once (批准变更).

    The order's number; None where there was nothing to move and the new account is in use already.
    Raises NotFound or Refused with every reason.
    """
    change, account, law = _held(session, change_no)
    reasons = [
        *decider_refusals(change.status, change.entered_by, officer_id, law),
        *change_refusals(facts_of(session, account, change), law),
    ]
    if reasons:
        raise Refused(reasons)
    bank = account_of(session, account.book_id, chart.DEPOSITS_AT_BANK)
    amount = lock_accounts(session, [bank])[bank.id]
    number = _order(session, change, account, amount, told, officer_id) if amount > ZERO else None
    change.decided_by, change.decided_at = officer_id, func.clock_timestamp()
    change.amount, change.law = amount, law.stored(LAW_KEYS)
    if number is not None:
        change.status = ChangeStatus.ORDERED
        session.flush()
        account.status = AccountStatus.SUSPENDED
        session.flush()
    else:
        change.status, change.finished_at = ChangeStatus.DONE, func.clock_timestamp()
        session.flush()
        complete(session, change, account, bureau_day())
    audit.record(
        session, "account.change-approved", change_no, account_no=account.account_no,
        new_account_no=change.account_no, amount=str(amount), instruction_no=number,
    )  # fmt: skip
    return number


def reject(session: Session, change_no: str, *, officer_id: int, reason: str) -> None:
    """Another officer sends it back, saying why (退回). Raises NotFound or Refused."""
    change, account, law = _held(session, change_no)
    if reasons := decider_refusals(change.status, change.entered_by, officer_id, law):
        raise Refused(reasons)
    change.status, change.reason = ChangeStatus.REJECTED, reason
    change.decided_by, change.decided_at = officer_id, func.clock_timestamp()
    session.flush()
    audit.record(
        session, "account.change-rejected", change_no, account_no=account.account_no, reason=reason
    )  # fmt: skip


def _order(
    session: Session, change: AccountChange, account: SupervisedAccount, amount: Yuan, told: Settings,
    officer_id: int,
) -> str:  # fmt: skip
    """The paper to the old account's bank; the money is on its way between the two (P21)."""
    issued = issue(
        session,
        Order(
            InstructionKind.TRANSFER, account.id, amount,
            Payee(change.account_name, change.account_no, change.bank_name),
            f"监管账户变更 {change.change_no}", chart.INSTRUCT_TRANSFER,
            _on_its_way(session, account.book_id, amount), chart.TRANSFER_IN_TRANSIT, "",
        ),
        told, officer_id=officer_id,
    )  # fmt: skip
    change.instruction_id = issued.id
    return issued.instruction_no


def _on_its_way(session: Session, book_id: int, amount: Yuan) -> Callable[[Account], list[Transfer]]:
    between = account_of(session, book_id, chart.TRANSFER_IN_TRANSIT)
    return lambda ordered: [Transfer(between, ordered, amount)]


def _held(session: Session, change_no: str) -> tuple[AccountChange, SupervisedAccount, Law]:
    """The change under its lock, project and account before it. Raises NotFound or Refused."""
    account_no = session.scalar(
        select(SupervisedAccount.account_no)
        .join(AccountChange, AccountChange.account_id == SupervisedAccount.id)
        .where(AccountChange.change_no == change_no)
    )
    if account_no is None:
        raise NotFound("没有这件账户变更")
    account, law = account_locked(session, account_no)
    query = select(AccountChange).where(AccountChange.change_no == change_no).with_for_update()
    return session.scalars(query.execution_options(populate_existing=True)).one(), account, law
