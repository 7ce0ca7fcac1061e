"""What is approved is ordered of the bank, line by line, after the limits are asked again (签发拨付通知书)."""

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Row, insert, select
from sqlalchemy.orm import Session

from config.settings import Settings
from escrow import chart
from escrow.access import audit
from escrow.errors import Refusal, Refused
from escrow.instructions.actions import Issued, Order, Payee, issue
from escrow.instructions.models import Instruction
from escrow.instructions.rules import InstructionKind, InstructionStatus
from escrow.supervision.books import account_of
from escrow.supervision.guarantees import shrink
from escrow.supervision.rules import QuotaMode
from escrow.supervision.takeovers import taken_over
from escrow.withdrawals.deciding import handled, hold_of, step
from escrow.withdrawals.deciding_rules import issuer_refusals, takeover_refusals
from escrow.withdrawals.facts import Place, asked_of, facts_of, lines_of, locked
from escrow.withdrawals.models import (
    ConstructionContract,
    ListedPayee,
    Withdrawal,
    WithdrawalLine,
    WithdrawalOrder,
)
from escrow.withdrawals.payee_rules import PURPOSE_LABELS
from escrow.withdrawals.rules import (
    HOLDING,
    WithdrawalFacts,
    WithdrawalStatus,
    channel_refusals,
    limit_refusals,
    line_refusals,
    standing_refusals,
)
from ledger.accounts import Account, balance
from ledger.money import ZERO, Yuan
from ledger.movements import Transfer

# The bank did not pay these: the line may be ordered anew (可再签发).
UNPAID = frozenset({InstructionStatus.FAILED, InstructionStatus.RETURNED, InstructionStatus.CANCELLED})


@dataclass(frozen=True, slots=True)
class Outcome:
    """Orders that left, or why the approval is not covered any more (签发结果)."""

    numbers: tuple[str, ...] = ()
    uncovered: tuple[Refusal, ...] = ()


@dataclass(slots=True)
class _Purse:
    """What this application may still take of general funds and give up of its hold (本件余额)."""

    general: Yuan
    held: Yuan


def issue_withdrawal(session: Session, withdrawal_no: str, told: Settings, *, officer_id: int) -> Outcome:
    """Order every line that has no living order (签发).

    Where the money has gone meanwhile nothing is ordered: the application is `uncovered`, and that is to be
    committed although the officer is refused. Raises NotFound or Refused with every reason.
    """
    withdrawal, place = locked(session, withdrawal_no)
    lines = open_lines(session, withdrawal)
    reasons = issuer_refusals(handled(withdrawal, officer_id), len(lines), place.law)
    facts = facts_of(session, place, asked_of(session, withdrawal, lines))
    if withdrawal.status in (*HOLDING, WithdrawalStatus.ISSUED):
        reasons += payment_refusals(facts, place) + overtaken(session, withdrawal, place)
    if reasons:
        raise Refused(reasons)
    if short := limit_refusals(facts, place.law):
        return _uncovered(session, withdrawal, place, short)
    hold, _ = hold_of(session, withdrawal, place)
    purse = _Purse(facts.split.general, balance(session, hold))
    numbers = tuple(
        _order(session, withdrawal, place, line, purse, told, officer_id=officer_id) for line in lines
    )
    if withdrawal.status in HOLDING:
        step(session, withdrawal, WithdrawalStatus.ISSUED, issued_by=officer_id)
    audit.record(session, "withdrawal.issued", withdrawal_no, orders=list(numbers))
    return Outcome(numbers=numbers)


def payment_refusals(facts: WithdrawalFacts, place: Place) -> list[Refusal]:
    """Why nothing is paid now, whatever money there is: account, building, channel, payees (此刻不付款的理由)."""
    fresh = (replace(line, invoice_used_by=None) for line in facts.lines)
    return [
        *standing_refusals(facts, place.law),
        *channel_refusals(facts, place.law),
        *(refusal for line in fresh for refusal in line_refusals(line, facts.today, place.law)),
    ]


def overtaken(session: Session, withdrawal: Withdrawal, place: Place) -> list[Refusal]:
    """Why a takeover stops what one officer alone approved before it (接管前的一级核准)."""
    return takeover_refusals(handled(withdrawal, 0), taken_over(session, place.account.id), place.law)


def _uncovered(session: Session, withdrawal: Withdrawal, place: Place, short: list[Refusal]) -> Outcome:
    if withdrawal.status is not WithdrawalStatus.APPROVED:
        raise Refused(short)
    step(session, withdrawal, WithdrawalStatus.UNCOVERED)
    audit.record(
        session, "withdrawal.uncovered", withdrawal.withdrawal_no, account_no=place.account.account_no,
        codes=[one.code for one in short],
    )  # fmt: skip
    return Outcome(uncovered=tuple(short))


def open_lines(session: Session, withdrawal: Withdrawal) -> list[WithdrawalLine]:
    """The lines that no living order pays (待签发的明细)."""
    ordered = {row.line_id for row in orders(session, withdrawal.id) if row.Instruction.status not in UNPAID}
    return [line for line in lines_of(session, withdrawal.id) if line.id not in ordered]


def orders(session: Session, withdrawal_id: int) -> list[Row[Any]]:
    """Every order of an application with its state, oldest first (拨付指令)."""
    query = (
        select(WithdrawalOrder.line_id, Instruction)
        .join(Instruction, Instruction.id == WithdrawalOrder.instruction_id)
        .join(WithdrawalLine, WithdrawalLine.id == WithdrawalOrder.line_id)
        .where(WithdrawalLine.withdrawal_id == withdrawal_id)
        .order_by(WithdrawalOrder.instruction_id)
    )
    return list(session.execute(query))


def _order(
    session: Session, withdrawal: Withdrawal, place: Place, line: WithdrawalLine, purse: _Purse,
    told: Settings, *, officer_id: int,
) -> str:  # fmt: skip
    general, unheld = min(line.amount, purse.general), min(line.amount, purse.held)
    purse.general, purse.held = purse.general - general, purse.held - unheld
    key_funds, drawn = line.amount - general, place.mode is QuotaMode.DRAW_DOWN

    def transfers(in_transit: Account) -> list[Transfer]:
        hold, contra = hold_of(session, withdrawal, place)
        book, building = place.account.book_id, chart.building_key(withdrawal.building_id)
        ways = [
            (account_of(session, book, chart.GENERAL_FUNDS, key=building), in_transit, general),
            (account_of(session, book, chart.KEY_FUNDS, key=building), in_transit, key_funds),
            (hold, contra, unheld),
            (contra, account_of(session, book, chart.KEY_PAID, key=building), key_funds if drawn else ZERO),
        ]
        return [Transfer(debit, credit, amount) for debit, credit, amount in ways if amount > ZERO]

    payee = session.get_one(ListedPayee, line.payee_id)
    order = Order(
        kind=InstructionKind.WITHDRAWAL, account_id=place.account.id, building_id=withdrawal.building_id,
        amount=line.amount, key_amount=key_funds if drawn else ZERO,
        payee=Payee(payee.name, payee.account_no, payee.bank_name),
        purpose=_purpose(session, withdrawal, line, payee), movement=chart.INSTRUCT_PAYMENT,
        transfers=transfers, source_code=chart.GENERAL_FUNDS,
        source_key=chart.building_key(withdrawal.building_id),
    )  # fmt: skip
    issued = issue(session, order, told, officer_id=officer_id)
    _tie(session, place, withdrawal, line, issued)
    return issued.instruction_no


def _tie(
    session: Session, place: Place, withdrawal: Withdrawal, line: WithdrawalLine, issued: Issued
) -> None:
    """The order pays this line; guarantees shrink with what went from key funds (P10k, P19)."""
    session.execute(insert(WithdrawalOrder).values(instruction_id=issued.id, line_id=line.id))
    shrink(session, place.account, withdrawal.building_id, place.law, cause=issued.instruction_no)


def _purpose(session: Session, withdrawal: Withdrawal, line: WithdrawalLine, payee: ListedPayee) -> str:
    contract = session.get_one(ConstructionContract, payee.contract_id)
    ordered = f"，凭 {withdrawal.court_order_no}" if withdrawal.court_order_no else ""
    taken = f"，接管决定 {withdrawal.takeover_no}" if withdrawal.takeover_no else ""
    label = PURPOSE_LABELS[line.purpose]
    grounds = f"{label}，施工合同 {contract.contract_no}，发票 {line.invoice_no}"
    return f"{grounds}（{withdrawal.withdrawal_no}{ordered}{taken}）"
