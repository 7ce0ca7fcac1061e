"""An order to the fund's bank is issued, and taken back by two officers (签发与撤销). Lock, look, judge, write.

No money line before the bank's answer (收付实现制): what is ordered is held by the room that asked for it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from config.clock import bureau_day, bureau_time
from config.regulations import Law, law_on
from config.settings import Settings
from escrow.access import audit
from escrow.access.sealing import mask_account, mask_name, seal, unseal
from escrow.errors import NotFound, Refused
from escrow.fund_orders.handlers import HANDLERS
from escrow.fund_orders.models import FundOrder, FundOrderResult
from escrow.fund_orders.rules import FundOrderKind, IssueFacts, issue_refusals
from escrow.fund_orders.suspending import causes
from escrow.instructions.actions import Payee, Standing, next_number
from escrow.instructions.rules import OPEN, CancelFacts, InstructionStatus, cancel_refusals
from escrow.maintenance import chart
from escrow.maintenance.chart import Nature
from escrow.maintenance.models import FundAccount
from escrow.maintenance.rules import FundStatus
from escrow.outbox import emit
from ledger.money import Yuan

SUBJECT, ORDERS = "maintenance_fund", "presale_funds"


@dataclass(frozen=True, slots=True)
class Order:
    """What the bank is to be told (付款命令).

    `source` names the one thing that is paid; `decided_by` is who decided it, and does not issue it.
    """

    kind: FundOrderKind
    fund_account_id: int
    nature: Nature
    amount: Yuan
    payee: Payee
    purpose: str
    source: str
    decided_by: int
    law: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Issued:
    """An order as it left (已签发的指令)."""

    id: int
    instruction_no: str


_CASH = text("""
SELECT (b.balance - coalesce((SELECT sum(o.amount) FROM fund_order o
                               WHERE o.fund_account_id = f.id AND o.nature = :nature
                                 AND o.status IN ('issued', 'unknown')), 0))::bigint
  FROM fund_account f JOIN ledger.account a ON a.book_id = f.book_id AND a.key = '' AND a.code = :code
  JOIN ledger.balance b ON b.account_id = a.id
 WHERE f.id = :fund_id
""")
_STANDING = text("""
SELECT instruction_no FROM fund_order WHERE source = :source AND status IN ('issued', 'unknown', 'paid')
""")


def lock_fund(session: Session, fund_account_id: int) -> FundAccount:
    """The fund account, held still: the first lock of whoever issues an order (锁定专户). Raises NotFound."""
    query = select(FundAccount).where(FundAccount.id == fund_account_id).with_for_update(key_share=True)
    found = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    if found is None:
        raise NotFound("没有这个维修资金专户")
    return found


def issue(session: Session, order: Order, settings: Settings, *, officer_id: int) -> Issued:
    """Give the order its number and tell the bank (签发). Nothing is booked. Raises Refused."""
    fund, day = lock_fund(session, order.fund_account_id), bureau_day()
    orders = law_on(day, ORDERS, fund.region)
    facts = _facts(session, order, fund, officer_id)
    if reasons := issue_refusals(facts, law_on(day, SUBJECT, fund.region), orders):
        raise Refused(reasons)
    made = FundOrder(
        instruction_no=next_number(session, day), kind=order.kind, fund_account_id=fund.id,
        nature=order.nature, amount=order.amount, purpose=order.purpose, source=order.source,
        decided_by=order.decided_by, issued_by=officer_id, law=order.law, status=InstructionStatus.ISSUED,
        expires_on=day + timedelta(days=orders["instruction_days"].value), **_payee(order.payee, settings),
    )  # fmt: skip
    session.add(made)
    session.flush()
    tell(session, "instruction.issued", made, fund)
    audit.record(
        session, "fund-order.issued", made.instruction_no, kind=order.kind.value, account_no=fund.account_no,
        amount=str(order.amount), pays=order.source,
    )  # fmt: skip
    return Issued(made.id, made.instruction_no)


def status_of(session: Session, sources: Iterable[str]) -> dict[str, Standing]:
    """Where the newest order of each source stands, for the rooms that asked for them (指令现状)."""
    query = select(FundOrder.source, FundOrder.instruction_no, FundOrder.status, FundOrder.amount)
    rows = session.execute(query.where(FundOrder.source.in_(list(sources))).order_by(FundOrder.id))
    return {row.source: Standing(row.instruction_no, row.status, row.amount) for row in rows}


def ask_cancel(session: Session, number: str, reason: str, *, officer_id: int) -> None:
    """One officer asks to take an unanswered order back (申请撤销). Raises NotFound or Refused."""
    order, _, law = held(session, number)
    if reasons := cancel_refusals(_cancelling(session, order, officer_id, confirming=False), law):
        raise Refused(reasons)
    order.cancel_asked_by, order.cancel_reason = officer_id, reason
    session.flush()
    audit.record(session, "fund-order.cancel-entered", number, reason=reason)


def cancel(session: Session, number: str, *, officer_id: int) -> None:
    """Another officer takes it back (撤销). Raises NotFound or Refused."""
    order, fund, law = held(session, number)
    if reasons := cancel_refusals(_cancelling(session, order, officer_id, confirming=True), law):
        raise Refused(reasons)
    order.status, order.cancelled_by = InstructionStatus.CANCELLED, officer_id
    session.flush()
    HANDLERS[order.kind].follow(session, order)
    tell(session, "instruction.cancelled", order, fund)
    audit.record(session, "fund-order.cancelled", number, reason=order.cancel_reason)


def held(session: Session, number: str) -> tuple[FundOrder, FundAccount, Law]:
    """The order under its lock, its account's before it, and the law of orders (锁定指令). Raises NotFound."""
    found = session.scalar(select(FundOrder.fund_account_id).where(FundOrder.instruction_no == number))
    if found is None:
        raise NotFound("没有这件指令")
    fund = lock_fund(session, found)
    query = select(FundOrder).where(FundOrder.instruction_no == number).with_for_update()
    order = session.scalars(query.execution_options(populate_existing=True)).one()
    return order, fund, law_on(bureau_day(), ORDERS, fund.region)


def told(order: FundOrder, account_no: str) -> dict[str, str | None]:
    """An order as events and answers show it: the payee masked where a person (对外字段)."""
    return {
        "instruction_no": order.instruction_no, "kind": order.kind.value, "account_no": account_no,
        "amount": str(order.amount), "payee_name": order.payee_name_masked,
        "payee_account": order.payee_account_masked, "payee_bank": order.payee_bank,
        "purpose": order.purpose, "issued_at": bureau_time(order.issued_at).isoformat(),
        "expires_on": order.expires_on.isoformat(), "status": order.status.value,
    }  # fmt: skip


def for_bank(order: FundOrder, account_no: str, settings: Settings) -> dict[str, str | None]:
    """An order as the bank must read it to pay: the payee whole (银行所读)."""
    return {
        **told(order, account_no),
        "payee_name": unseal(order.payee_name_sealed, settings),
        "payee_account": unseal(order.payee_account_sealed, settings),
    }


def tell(session: Session, event: str, order: FundOrder, fund: FundAccount) -> None:
    """The bank is told (通知银行)."""
    facts = told(order, fund.account_no)
    emit(session, event, order.instruction_no, facts, audience=[f"bank:{fund.bank_code}"])


def _facts(session: Session, order: Order, fund: FundAccount, officer_id: int) -> IssueFacts:
    asked = {"fund_id": fund.id, "nature": order.nature.value, "code": chart.BANK[order.nature]}
    return IssueFacts(
        amount=order.amount, cash=Yuan.from_fen(session.scalar(_CASH, asked) or 0),
        decided_by=order.decided_by, officer_id=officer_id, is_active=fund.status is FundStatus.ACTIVE,
        causes=tuple(causes(session, fund.id)), standing=session.scalar(_STANDING, {"source": order.source}),
    )  # fmt: skip


def _payee(payee: Payee, settings: Settings) -> dict[str, Any]:
    name, account = payee.sealed or (seal(payee.name, settings), seal(payee.account_no, settings))
    return {
        "payee_name_sealed": name, "payee_account_sealed": account,
        "payee_name_masked": mask_name(payee.name) if payee.is_person else payee.name,
        "payee_account_masked": mask_account(payee.account_no), "payee_bank": payee.bank_name,
    }  # fmt: skip


def _cancelling(session: Session, order: FundOrder, officer_id: int, *, confirming: bool) -> CancelFacts:
    answers = select(FundOrderResult.id).where(FundOrderResult.order_id == order.id)
    return CancelFacts(
        status=order.status, answered=session.scalar(answers.limit(1)) is not None,
        asked_by=order.cancel_asked_by, officer_id=officer_id, confirming=confirming,
    )  # fmt: skip


def is_open(order: FundOrder) -> bool:
    """Whether nobody knows yet if it is paid (尚无定论)."""
    return order.status in OPEN
