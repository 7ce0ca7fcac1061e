"""Where a return goes when the bank could not pay it: another account of the same payee, by two (改退账户)."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from config.clock import bureau_day
from config.regulations import Law, law_on
from config.settings import Settings
from escrow.access import audit
from escrow.access.sealing import mask_account, seal
from escrow.advances.deciding import Evidence
from escrow.advances.repayment_rules import decider_refusals
from escrow.errors import NotFound, Refused
from escrow.fund_orders.issuing import ORDERS, SUBJECT, lock_fund
from escrow.fund_orders.models import FundOrder, ReturnAccount
from escrow.fund_orders.rules import AccountFacts, AccountStatus, FundOrderKind, account_refusals
from escrow.supervision.papers import refuse_used_paper

LAW_KEYS = ("fund_order_once", "fund_two_officers")


@dataclass(frozen=True, slots=True)
class AccountAsked:
    """To which account, on which paper (改退录入)."""

    number: str
    account_no: str
    bank: str
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Named:
    """The account named last for a return (现收款账户)."""

    sealed: bytes
    bank: str


_STANDING = text("""
SELECT instruction_no FROM fund_order WHERE source = :source AND status IN ('issued', 'unknown', 'paid')
""")


def named(session: Session, source: str) -> Named | None:
    """What two have named since, None where the first account stands (查改退)."""
    query = select(ReturnAccount).where(
        ReturnAccount.source == source, ReturnAccount.status == AccountStatus.CONFIRMED
    )
    one = session.scalars(query.order_by(ReturnAccount.id.desc()).limit(1)).one_or_none()
    return Named(one.payee_account_sealed, one.payee_bank) if one else None


def standing_order(session: Session, source: str) -> str | None:
    """The order that pays the same money now (现有指令)."""
    found: str | None = session.scalar(_STANDING, {"source": source})
    return found


def enter(session: Session, asked: AccountAsked, told: Settings, *, officer_id: int) -> int:
    """One officer enters the account on the order that was not paid (录入). Raises NotFound or Refused."""
    order, law = _held(session, asked.number)
    waiting = _waiting(session, order.source)
    if reasons := account_refusals(_facts(session, order, waiting), law):
        raise Refused(reasons)
    region = law.region
    refuse_used_paper(session, asked.evidence.file_hash, law_on(bureau_day(), ORDERS, region))
    made = ReturnAccount(
        source=order.source, payee_account_sealed=seal(asked.account_no, told), payee_bank=asked.bank,
        payee_account_masked=mask_account(asked.account_no), document_no=asked.evidence.document_no,
        file_hash=asked.evidence.file_hash, note=asked.evidence.note, status=AccountStatus.ENTERED,
        entered_by=officer_id,
    )  # fmt: skip
    session.add(made)
    session.flush()
    audit.record(session, "fund-order.account-entered", asked.number, document_no=made.document_no)
    return made.id


def confirm(session: Session, number: str, *, officer_id: int) -> None:
    """Another officer confirms: the next order pays there (确认). Raises NotFound or Refused."""
    one, law = _decided(session, number, officer_id)
    order, _ = _held(session, number)
    if reasons := account_refusals(_facts(session, order, None), law):
        raise Refused(reasons)
    _write(session, one, AccountStatus.CONFIRMED, officer_id, law=law.stored(LAW_KEYS))
    audit.record(session, "fund-order.account-confirmed", number, document_no=one.document_no)


def reject(session: Session, number: str, reason: str, *, officer_id: int) -> None:
    """Another officer is not convinced (退回). Raises NotFound or Refused."""
    one, _ = _decided(session, number, officer_id)
    _write(session, one, AccountStatus.REJECTED, officer_id, reason=reason)
    audit.record(session, "fund-order.account-rejected", number, result="refused", reason=reason)


def _held(session: Session, number: str) -> tuple[FundOrder, Law]:
    query = select(FundOrder).where(FundOrder.instruction_no == number)
    order = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    if order is None:
        raise NotFound("没有这件指令")
    fund = lock_fund(session, order.fund_account_id)
    session.expire(order)
    return order, law_on(bureau_day(), SUBJECT, fund.region)


def _waiting(session: Session, source: str) -> ReturnAccount | None:
    query = select(ReturnAccount).where(
        ReturnAccount.source == source, ReturnAccount.status == AccountStatus.ENTERED
    )
    return session.scalars(query.with_for_update()).one_or_none()


def _facts(session: Session, order: FundOrder, waiting: ReturnAccount | None) -> AccountFacts:
    return AccountFacts(
        order.instruction_no, order.kind is FundOrderKind.RETURN,
        standing=standing_order(session, order.source), is_waiting=waiting is not None,
    )  # fmt: skip


def _decided(session: Session, number: str, officer_id: int) -> tuple[ReturnAccount, Law]:
    order, law = _held(session, number)
    one = _waiting(session, order.source)
    if one is None:
        raise NotFound("没有待确认的改退账户")
    if reasons := decider_refusals(False, entered_by=one.entered_by, officer_id=officer_id, law=law):
        raise Refused(reasons)
    return one, law


def _write(
    session: Session, one: ReturnAccount, to: AccountStatus, officer_id: int, **values: Any
) -> None:
    one.status, one.decided_by, one.decided_at = to, officer_id, func.clock_timestamp()
    for name, value in values.items():
        setattr(one, name, value)
    session.flush()
