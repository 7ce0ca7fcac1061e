"""What the bank says became of an order (银行结果). Lock, look, judge, write.

An answer that contradicts its order moves nothing: it is kept, the account stops, an officer is told, and all
of that stands although the bank is refused.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from config.clock import bureau_day, now
from config.regulations import Law, law_on
from config.settings import Settings
from escrow.access import audit
from escrow.access.sealing import mask_account, unseal
from escrow.errors import Invalid, NotFound
from escrow.instructions.actions import held, told
from escrow.instructions.carrying import follow, make_room, may_come_back
from escrow.instructions.models import Instruction, InstructionResult
from escrow.instructions.moves import come_back, open_day, pay, take_back
from escrow.instructions.rules import (
    InstructionStatus,
    Outcome,
    ResultFacts,
    Verdict,
    conflict_refusals,
    verdict,
)
from escrow.supervision.models import SupervisedAccount
from escrow.supervision.moved import living_of
from escrow.supervision.rules import AccountStatus
from escrow.supervision.suspensions import suspend
from ledger.money import Yuan


@dataclass(frozen=True, slots=True)
class Result:
    """A bank's answer (结果通知)."""

    instruction_no: str
    outcome: Outcome
    bank_serial: str
    amount: Yuan
    payee_account: str
    value_date: date
    reason: str | None = None

    @property
    def facts(self) -> dict[str, Any]:
        """What makes a repeated answer the same answer (报送事实)."""
        return {
            "door": "result", "instruction_no": self.instruction_no, "outcome": self.outcome.value,
            "bank_serial": self.bank_serial, "amount": str(self.amount), "payee_account": self.payee_account,
            "value_date": self.value_date.isoformat(), "reason": self.reason,
        }  # fmt: skip


def record(session: Session, result: Result, bank_code: str, settings: Settings) -> dict[str, Any]:
    """Take a bank's answer to one of its orders (接收结果): the order as it now stands.

    With `refusals` in the answer the bank contradicted the order: the account is suspended, and the door
    answers 409 after this is committed. Raises NotFound or Invalid.
    """
    if result.value_date > bureau_day():
        raise Invalid({"value_date": "起息日不能晚于今天。"})
    instruction, account, law = held(session, result.instruction_no)
    if account.bank_code != bank_code:
        raise NotFound("没有这件指令")
    if result.value_date < bureau_day(instruction.issued_at):
        raise Invalid({"value_date": f"起息日不能早于指令签发日 {bureau_day(instruction.issued_at)}。"})
    closed = account.status is AccountStatus.CLOSED
    living = living_of(session, account.project_id, law) if closed else None
    facts = _facts(session, instruction, account, result, settings, living)
    said = verdict(facts)
    moves = said is Verdict.MOVES
    entry_id = _move(session, instruction, account, result, facts, living) if moves else None
    session.add(_kept(result, instruction, bank_code, said, entry_id))
    refusals = conflict_refusals(facts, law) if said is Verdict.CONFLICT else []
    if refusals:
        message = "；".join(refusal.message for refusal in refusals)
        suspend(session, living or account, f"指令 {instruction.instruction_no} 的银行结果不符：{message}")
    session.flush()
    audit.record(
        session, f"instruction.{result.outcome}", instruction.instruction_no, account_no=account.account_no,
        result="refused" if refusals else "done", verdict=said.value, bank_serial=result.bank_serial,
        amount=str(result.amount),
    )  # fmt: skip
    answer: dict[str, Any] = told(instruction, account.account_no)
    if refusals:
        answer["refusals"] = [[one.code, one.message, one.citation] for one in refusals]
    return answer


def _kept(
    result: Result, instruction: Instruction, bank_code: str, said: Verdict, entry_id: int | None
) -> InstructionResult:
    """The bank's message as it came, believed or not (留存答复)."""
    return InstructionResult(
        instruction_id=instruction.id, outcome=result.outcome, bank_code=bank_code,
        bank_serial=result.bank_serial, amount=result.amount,
        payee_account_masked=mask_account(result.payee_account), value_date=result.value_date,
        reason=result.reason, verdict=said.value, entry_id=entry_id,
    )  # fmt: skip


def _facts(
    session: Session, instruction: Instruction, account: SupervisedAccount, result: Result,
    settings: Settings, living: SupervisedAccount | None,
) -> ResultFacts:  # fmt: skip
    query = select(InstructionResult.outcome, InstructionResult.bank_serial).where(
        InstructionResult.instruction_id == instruction.id,
        InstructionResult.verdict.in_((Verdict.MOVES.value, Verdict.EARLY.value)),
    )
    believed = {row.outcome: row.bank_serial for row in session.execute(query)}
    return ResultFacts(
        outcome=result.outcome, status=instruction.status, amount=result.amount,
        ordered=instruction.amount, payee_account=result.payee_account,
        ordered_account=unseal(instruction.payee_account_sealed, settings), bank_serial=result.bank_serial,
        paid_serial=believed.get(Outcome.PAID), returned_serial=believed.get(Outcome.RETURNED),
        account_closed=account.status is AccountStatus.CLOSED
        and not _living_takes(session, instruction, result, living),
    )  # fmt: skip


def _living_takes(
    session: Session, instruction: Instruction, result: Result, living: SupervisedAccount | None
) -> bool:  # fmt: skip
    """Whether an answer on an account the project has left is booked for the one that lives (归现账户)."""
    if living is None:
        return False
    return result.outcome is not Outcome.RETURNED or may_come_back(session, instruction, living)


def _move(
    session: Session, instruction: Instruction, account: SupervisedAccount, result: Result,
    facts: ResultFacts, living: SupervisedAccount | None,
) -> int | None:  # fmt: skip
    """Where the answer moves the order's money; a return told before its payment follows it at once."""
    number, on = instruction.instruction_no, open_day(session, instruction, account, result.value_date)
    instruction.status = InstructionStatus(result.outcome.value)
    session.flush()
    if result.outcome is Outcome.UNKNOWN:
        return None
    said = f"result:{number}:{result.outcome}"
    if result.outcome is Outcome.RETURNED:
        to = None if make_room(session, instruction, account, on) else living
        entry = come_back(session, instruction, account, reference=said, on=on, living=to)
    else:
        move = pay if result.outcome is Outcome.PAID else take_back
        entry = move(session, instruction, account, reference=said, on=on)
    if result.outcome is Outcome.PAID and facts.returned_serial is not None:
        instruction.status = InstructionStatus.RETURNED
        session.flush()
        come_back(session, instruction, account, reference=f"result:{number}:{Outcome.RETURNED}", on=on)
        audit.record(
            session, f"instruction.{Outcome.RETURNED}", number, account_no=account.account_no,
            bank_serial=facts.returned_serial, amount=str(instruction.amount), verdict=Verdict.MOVES.value,
        )  # fmt: skip
    follow(session, instruction, account, on)
    return entry.id


# --- what nobody answered ---

_OVERDUE = text("""
SELECT i.instruction_no, i.issued_at, p.region
  FROM instruction i JOIN supervised_account a ON a.id = i.account_id JOIN project p ON p.id = a.project_id
 WHERE i.status = 'issued' ORDER BY i.id LIMIT 500
""")


def overdue(session: Session) -> list[str]:
    """Orders the bank has not answered in the agreed time (逾时未答的指令)."""
    today, at = bureau_day(), now()
    return [
        row.instruction_no
        for row in session.execute(_OVERDUE)
        if (at - row.issued_at).total_seconds() > _minutes(law_on(today, "presale_funds", row.region)) * 60
    ]


def ask_about(session: Session, number: str) -> bool:
    """An unanswered order is UNKNOWN: asked about, never sent again without an answer (P13)."""
    instruction, account, _ = held(session, number)
    if instruction.status is not InstructionStatus.ISSUED:
        return False
    instruction.status = InstructionStatus.UNKNOWN
    session.flush()
    audit.record(session, "instruction.unknown", number, account_no=account.account_no, why="逾时未答")
    return True


def _minutes(law: Law) -> int:
    return int(law["instruction_answer_minutes"].value)
