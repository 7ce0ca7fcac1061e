"""What the fund's bank says became of an order (银行结果). Lock, look, judge, write.

An answer that contradicts its order moves nothing: it is kept, the account stops paying, an officer is told,
and all of that stands although the bank is refused.
"""

from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from config.clock import bureau_day, now
from config.regulations import law_on
from config.settings import Settings
from escrow.access import audit
from escrow.access.sealing import mask_account, unseal
from escrow.advances.facts import open_day
from escrow.errors import Invalid, NotFound
from escrow.fund_orders.handlers import HANDLERS
from escrow.fund_orders.issuing import ORDERS, held, told
from escrow.fund_orders.models import FundOrder, FundOrderResult
from escrow.fund_orders.suspending import suspend
from escrow.instructions.results import Result
from escrow.instructions.rules import (
    InstructionStatus,
    Outcome,
    ResultFacts,
    Verdict,
    conflict_refusals,
    verdict,
)
from escrow.maintenance import chart
from escrow.maintenance.books import account_of
from escrow.maintenance.models import FundAccount
from ledger.journal import post


def record(session: Session, result: Result, bank_code: str, settings: Settings) -> dict[str, Any]:
    """Take a bank's answer to one of its orders (接收结果): the order as it now stands.

    With `refusals` in the answer the bank contradicted the order: the account pays nobody from then on, and
    the door answers 409 after this is committed. Raises NotFound or Invalid.
    """
    if result.value_date > bureau_day():
        raise Invalid({"value_date": "起息日不能晚于今天。"})
    order, fund, law = held(session, result.instruction_no)
    if fund.bank_code != bank_code:
        raise NotFound("没有这件指令")
    if result.value_date < bureau_day(order.issued_at):
        raise Invalid({"value_date": f"起息日不能早于指令签发日 {bureau_day(order.issued_at)}。"})
    facts = _facts(session, order, result, settings)
    said = verdict(facts)
    entry_id = _move(session, order, fund, result, facts) if said is Verdict.MOVES else None
    session.add(FundOrderResult(
        order_id=order.id, outcome=result.outcome, bank_code=bank_code, bank_serial=result.bank_serial,
        amount=result.amount, payee_account_masked=mask_account(result.payee_account),
        value_date=result.value_date, reason=result.reason, verdict=said.value, entry_id=entry_id,
    ))  # fmt: skip
    refusals = conflict_refusals(facts, law) if said is Verdict.CONFLICT else []
    if refusals:
        message = "；".join(refusal.message for refusal in refusals)
        suspend(session, fund, f"指令 {order.instruction_no} 的银行结果不符：{message}")
    session.flush()
    audit.record(
        session, f"fund-order.{result.outcome}", order.instruction_no, account_no=fund.account_no,
        result="refused" if refusals else "done", verdict=said.value, bank_serial=result.bank_serial,
        amount=str(result.amount),
    )  # fmt: skip
    answer: dict[str, Any] = told(order, fund.account_no)
    if refusals:
        answer["refusals"] = [[one.code, one.message, one.citation] for one in refusals]
    return answer


def _facts(session: Session, order: FundOrder, result: Result, settings: Settings) -> ResultFacts:
    query = select(FundOrderResult.outcome, FundOrderResult.bank_serial).where(
        FundOrderResult.order_id == order.id,
        FundOrderResult.verdict.in_((Verdict.MOVES.value, Verdict.EARLY.value)),
    )
    believed = {row.outcome: row.bank_serial for row in session.execute(query)}
    return ResultFacts(
        outcome=result.outcome, status=order.status, amount=result.amount, ordered=order.amount,
        payee_account=result.payee_account, bank_serial=result.bank_serial,
        ordered_account=unseal(order.payee_account_sealed, settings),
        paid_serial=believed.get(Outcome.PAID), returned_serial=believed.get(Outcome.RETURNED),
    )  # fmt: skip


def _move(
    session: Session, order: FundOrder, fund: FundAccount, result: Result, facts: ResultFacts
) -> int | None:
    """Where the answer moves the money; a return told before its payment follows it at once."""
    entry_id = _step(session, order, fund, result.outcome, result)
    if result.outcome is Outcome.PAID and facts.returned_serial is not None:
        _step(session, order, fund, Outcome.RETURNED, result)
        audit.record(
            session, f"fund-order.{Outcome.RETURNED}", order.instruction_no, account_no=fund.account_no,
            bank_serial=facts.returned_serial, amount=str(order.amount), verdict=Verdict.MOVES.value,
        )  # fmt: skip
    return entry_id


def _step(
    session: Session, order: FundOrder, fund: FundAccount, outcome: Outcome, result: Result
) -> int | None:
    """One step of the order, its entry where money moved, and what follows it (一步)."""
    order.status = InstructionStatus(outcome.value)
    session.flush()
    handler, entry_id = HANDLERS[order.kind], None
    if outcome in (Outcome.PAID, Outcome.RETURNED):
        book_id = fund.book_id or 0
        bank = account_of(session, book_id, chart.BANK[order.nature])
        books = handler.paid if outcome is Outcome.PAID else handler.returned
        posting = books(session, order, bank)
        entry_id = post(
            session, posting.movement, list(posting.transfers),
            reference=f"fund-order:{order.instruction_no}:{outcome}", group=order.instruction_no,
            effective_on=open_day(session, book_id, result.value_date),
            memo=f"{order.purpose}（{order.instruction_no}）",
        ).id  # fmt: skip
    handler.follow(session, order)
    return entry_id


# --- what nobody answered ---

_OVERDUE = text("""
SELECT o.instruction_no, o.issued_at, f.region
  FROM fund_order o JOIN fund_account f ON f.id = o.fund_account_id
 WHERE o.status = 'issued' ORDER BY o.id LIMIT 500
""")


def overdue(session: Session) -> list[str]:
    """Orders the bank has not answered in the agreed time (逾时未答的指令)."""
    today, at = bureau_day(), now()
    return [
        row.instruction_no
        for row in session.execute(_OVERDUE)
        if (at - row.issued_at).total_seconds()
        > law_on(today, ORDERS, row.region)["instruction_answer_minutes"].value * 60
    ]


def ask_about(session: Session, number: str) -> bool:
    """An unanswered order is UNKNOWN: asked about, never sent again without an answer (P13)."""
    order, fund, _ = held(session, number)
    if order.status is not InstructionStatus.ISSUED:
        return False
    order.status = InstructionStatus.UNKNOWN
    session.flush()
    HANDLERS[order.kind].follow(session, order)
    audit.record(session, "fund-order.unknown", number, account_no=fund.account_no, why="逾时未答")
    return True
