"""An order to the bank is issued, and taken back by two officers (签发与撤销指令). Lock, look, judge, write."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from config.clock import bureau_day, bureau_time
from config.regulations import Law, law_on
from config.settings import Settings
from escrow import chart
from escrow.access import audit
from escrow.access.sealing import mask_account, mask_name, seal, unseal
from escrow.errors import NotFound, Refusal, Refused
from escrow.instructions.carrying import follow
from escrow.instructions.models import Instruction, InstructionResult
from escrow.instructions.moves import open_day, take_back
from escrow.instructions.rules import (
    IN_TRANSIT,
    CancelFacts,
    InstructionKind,
    InstructionStatus,
    break_refusals,
    cancel_refusals,
    cash_refusals,
    frozen_refusals,
    issue_refusals,
)
from escrow.outbox import emit
from escrow.projects.models import Project
from escrow.supervision.books import account_of
from escrow.supervision.freshness import stale_refusals
from escrow.supervision.models import SupervisedAccount
from escrow.supervision.rules import AccountStatus
from escrow.supervision.suspensions import breaks, causes, missing_on
from ledger.accounts import Account, balances
from ledger.journal import Entry, post
from ledger.money import ZERO, Yuan
from ledger.movements import Movement, Transfer


@dataclass(frozen=True, slots=True)
class Payee:
    """Who is to be paid (收款人). `sealed`: name and account as registered, to stand on the order as such."""

    name: str
    account_no: str
    bank_name: str
    is_person: bool = False
    sealed: tuple[bytes, bytes] | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """What the bank is to be told, and what it moves in the book (付款命令).

    `transfers` gets the order's own in-transit account and says where the money comes from; `source_code`
    and `source_key` say where it goes back to when the bank does not pay.
    """

    kind: InstructionKind
    account_id: int
    amount: Yuan
    payee: Payee
    purpose: str
    movement: Movement
    transfers: Callable[[Account], list[Transfer]]
    source_code: str
    source_key: str
    building_id: int | None = None
    key_amount: Yuan = ZERO


@dataclass(frozen=True, slots=True)
class Issued:
    """An order as it left (已签发的指令)."""

    id: int
    instruction_no: str
    entry: Entry


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an order stands, for the room that asked for it (指令现状)."""

    instruction_no: str
    status: InstructionStatus
    amount: Yuan


_DRAW = text("""
INSERT INTO instruction_counter (year, last) VALUES (:year, 1)
ON CONFLICT (year) DO UPDATE SET last = instruction_counter.last + 1 RETURNING last
""")


def _cash(session: Session, book_id: int, amount: Yuan) -> tuple[Yuan, Yuan, Yuan]:
    """What lies at the bank and is not on its way out, the sum asked, and what courts hold (可用现金与冻结)."""
    codes = [chart.DEPOSITS_AT_BANK, *IN_TRANSIT.values(), chart.JUDICIAL_HOLD]
    cash = frozen = ZERO
    for one, balance in balances(session, book_id, codes=sorted(set(codes))):
        if one.code == chart.JUDICIAL_HOLD:
            frozen += balance
        else:
            cash += balance if one.code == chart.DEPOSITS_AT_BANK else -balance
    return cash, amount, frozen


def issue(session: Session, order: Order, settings: Settings, *, officer_id: int) -> Issued:
    """Give the order its number, move the money into transit, tell the bank (签发).

    The caller holds the supervised account FOR UPDATE and has judged that the money may leave.
    Raises Refused where the account is stopped, whoever asks.
    """
    account = session.get_one(SupervisedAccount, order.account_id)
    law, day = _law(session, account), bureau_day()
    reasons = _stops(session, order, account, law)
    cash, amount, frozen = _cash(session, account.book_id, order.amount)
    reasons += cash_refusals(cash, amount, law) + frozen_refusals(order.kind, cash, amount, frozen, law)
    if reasons:
        raise Refused(reasons)
    number = next_number(session, day)
    instruction = Instruction(
        instruction_no=number, kind=order.kind, account_id=account.id, building_id=order.building_id,
        amount=order.amount, key_amount=order.key_amount,
        purpose=order.purpose, source_code=order.source_code, source_key=order.source_key,
        issued_by=officer_id, status=InstructionStatus.ISSUED,
        expires_on=day + timedelta(days=law["instruction_days"].value), **_payee(order, settings),
    )  # fmt: skip
    session.add(instruction)
    session.flush()
    key = chart.instruction_key(instruction.id)
    in_transit = account_of(session, account.book_id, IN_TRANSIT[order.kind], key=key)
    entry = post(
        session, order.movement, order.transfers(in_transit), reference=f"instruction:{number}",
        effective_on=day, memo=order.purpose, group=number,
    )  # fmt: skip
    instruction.entry_id = entry.id
    session.flush()
    _tell(session, "instruction.issued", instruction, account)
    audit.record(
        session, "instruction.issued", number, kind=order.kind.value, account_no=account.account_no,
        amount=str(order.amount), entry_no=entry.entry_no,
    )  # fmt: skip
    return Issued(instruction.id, number, entry)


def next_number(session: Session, day: date) -> str:
    """The year's next number, for an order of this transaction (领号): whoever draws it uses it."""
    return f"ZL{day.year}{session.scalar(_DRAW, {'year': day.year}):06d}"


def _stops(session: Session, order: Order, account: SupervisedAccount, law: Law) -> list[Refusal]:
    """Why the account pays nobody now (停付).

    What an account left behind took in only goes on to the project's own: neither its closing nor a statement
    that nobody owes any more stands in the way.
    """
    reasons = break_refusals(breaks(session, account.id), law)
    if order.source_code == chart.ONWARD and account.status is AccountStatus.CLOSED:
        return reasons
    reasons += issue_refusals(account.status, causes(session, account.id), law)
    return [*reasons, *stale_refusals(missing_on(session, account.id, law), law)]


def status_of(session: Session, ids: Iterable[int]) -> dict[int, Standing]:
    """Where these orders stand, for the pages of the rooms that asked for them (指令现状)."""
    query = select(Instruction.id, Instruction.instruction_no, Instruction.status, Instruction.amount)
    rows = session.execute(query.where(Instruction.id.in_(list(ids))))
    return {row.id: Standing(row.instruction_no, row.status, row.amount) for row in rows}


def ask_cancel(session: Session, number: str, reason: str, *, officer_id: int) -> None:
    """One officer asks to take an unanswered order back (申请撤销). Raises NotFound or Refused."""
    instruction, _, law = held(session, number)
    if reasons := cancel_refusals(_cancelling(session, instruction, officer_id, confirming=False), law):
        raise Refused(reasons)
    instruction.cancel_asked_by, instruction.cancel_reason = officer_id, reason
    session.flush()
    audit.record(session, "instruction.cancel-entered", number, reason=reason)


def cancel(session: Session, number: str, *, officer_id: int) -> None:
    """Another officer takes it back; the money is where it was (撤销). Raises NotFound or Refused."""
    instruction, account, law = held(session, number)
    if reasons := cancel_refusals(_cancelling(session, instruction, officer_id, confirming=True), law):
        raise Refused(reasons)
    instruction.status, instruction.cancelled_by = InstructionStatus.CANCELLED, officer_id
    session.flush()
    on = open_day(session, instruction, account, bureau_day())
    take_back(session, instruction, account, reference=f"instruction-cancel:{number}", on=on)
    follow(session, instruction, account, on)
    _tell(session, "instruction.cancelled", instruction, account)
    audit.record(session, "instruction.cancelled", number, reason=instruction.cancel_reason)


def held(session: Session, number: str) -> tuple[Instruction, SupervisedAccount, Law]:
    """The order under its lock, its account FOR UPDATE before it (锁定指令). Raises NotFound."""
    account_id = session.scalar(select(Instruction.account_id).where(Instruction.instruction_no == number))
    if account_id is None:
        raise NotFound("没有这件指令")
    account = session.scalars(
        select(SupervisedAccount)
        .where(SupervisedAccount.id == account_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    query = select(Instruction).where(Instruction.instruction_no == number).with_for_update()
    instruction = session.scalars(query.execution_options(populate_existing=True)).one()
    return instruction, account, _law(session, account)


def told(instruction: Instruction, account_no: str) -> dict[str, str | None]:
    """An order as events and lists show it: the payee masked where a person (对外字段)."""
    return {
        "instruction_no": instruction.instruction_no, "kind": instruction.kind.value,
        "account_no": account_no, "amount": str(instruction.amount),
        "payee_name": instruction.payee_name_masked, "payee_account": instruction.payee_account_masked,
        "payee_bank": instruction.payee_bank, "purpose": instruction.purpose,
        "issued_at": bureau_time(instruction.issued_at).isoformat() if instruction.issued_at else None,
        "expires_on": instruction.expires_on.isoformat(), "status": instruction.status.value,
    }  # fmt: skip


def for_bank(instruction: Instruction, account_no: str, settings: Settings) -> dict[str, str | None]:
    """An order as the bank must read it to pay: the payee whole (银行所读)."""
    return {
        **told(instruction, account_no),
        "payee_name": unseal(instruction.payee_name_sealed, settings),
        "payee_account": unseal(instruction.payee_account_sealed, settings),
    }


def _payee(order: Order, settings: Settings) -> dict[str, Any]:
    """Sealed for the bank; a company's account is on the paper, a refund keeps whoever it pays to itself."""
    name, account_no = order.payee.name, order.payee.account_no
    hidden = order.payee.is_person or order.kind is InstructionKind.REFUND
    sealed = order.payee.sealed or (seal(name, settings), seal(account_no, settings))
    return {
        "payee_name_sealed": sealed[0], "payee_account_sealed": sealed[1],
        "payee_name_masked": mask_name(name) if order.payee.is_person else name,
        "payee_account_masked": mask_account(account_no) if hidden else account_no,
        "payee_bank": order.payee.bank_name,
    }  # fmt: skip


def _tell(session: Session, event: str, instruction: Instruction, account: SupervisedAccount) -> None:
    facts = told(instruction, account.account_no)
    emit(session, event, instruction.instruction_no, facts, audience=[f"bank:{account.bank_code}"])


def _cancelling(
    session: Session, instruction: Instruction, officer_id: int, *, confirming: bool
) -> CancelFacts:
    answers = select(InstructionResult.id).where(InstructionResult.instruction_id == instruction.id)
    return CancelFacts(
        status=instruction.status, answered=session.scalar(answers.limit(1)) is not None,
        asked_by=instruction.cancel_asked_by, officer_id=officer_id, confirming=confirming,
    )  # fmt: skip


def _law(session: Session, account: SupervisedAccount) -> Law:
    region = session.scalars(select(Project.region).where(Project.id == account.project_id)).one()
    return law_on(bureau_day(), "presale_funds", region)
