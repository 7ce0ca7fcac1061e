"""What two officers may do with money that is no house's: claim it, or return it (另列款的处理). Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from config.regulations import Law
from escrow.advances.rules import Aside, HouseFacts, PayerKind, verdict
from escrow.errors import Refusal
from ledger.money import ZERO, Yuan


class DecisionKind(StrEnum):
    """What is done with it (处理方式)."""

    CLAIM = "claim"
    RETURN = "return"


class DecisionStatus(StrEnum):
    """Life of a decision; a return is due until the bank has paid it (处理状态)."""

    ENTERED = "entered"
    CONFIRMED = "confirmed"
    RETURN_DUE = "return-due"
    RETURNED = "returned"
    REJECTED = "rejected"


class Payee(StrEnum):
    """To whom it goes back (退还对象)."""

    PAYER = "payer"
    DEVELOPER = "developer"


KIND_LABELS = {DecisionKind.CLAIM: "归入分户", DecisionKind.RETURN: "退还"}
STATUS_LABELS = {
    DecisionStatus.ENTERED: "待确认",
    DecisionStatus.CONFIRMED: "已归入",
    DecisionStatus.RETURN_DUE: "应退待付",
    DecisionStatus.RETURNED: "已退",
    DecisionStatus.REJECTED: "已退回",
}
PAYEE_LABELS = {Payee.PAYER: "原付款人", Payee.DEVELOPER: "建设单位"}
# The only steps a decision takes (状态迁移).
DECISION_STEPS = {
    (DecisionStatus.ENTERED, DecisionStatus.CONFIRMED),
    (DecisionStatus.ENTERED, DecisionStatus.RETURN_DUE),
    (DecisionStatus.ENTERED, DecisionStatus.REJECTED),
    (DecisionStatus.RETURN_DUE, DecisionStatus.RETURNED),
    # The bank paid it and it came back.
    (DecisionStatus.RETURNED, DecisionStatus.RETURN_DUE),
}


@dataclass(frozen=True, slots=True)
class ApartFacts:
    """A sum set apart, and what is still of it (另列款现状)."""

    number: str
    aside: Aside
    remainder: Yuan
    waiting: int | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """What of it is for one house (分户份额). No house: we keep no account of it."""

    unit_code: str
    amount: Yuan
    house: HouseFacts | None
    known: bool = True


def claim_refusals(facts: ApartFacts, shares: Sequence[Share], payer: PayerKind, law: Law) -> list[Refusal]:
    """Every reason these houses do not take it: each must fit as if it were paid today (不予归入的理由)."""
    total = sum((share.amount for share in shares), ZERO)
    found = _apart_refusals(facts, total, law)
    if facts.aside is Aside.OVERPAID:
        message = f"{facts.number} 是应退多缴款，只能退还"
        found.append(Refusal("only-returned", message, law["deposit_fits_house"].citation))
    for share in shares:
        judged = verdict(
            share.unit_code, share.amount, payer, share.house, law, known=share.known, whole=False
        )
        if judged.why:
            found.append(judged.why)
    return found


def payee_of(payer: PayerKind, owed: Yuan, law: Law) -> Payee:
    """To whom a sum goes back: an owner who paid what the developer had advanced has thereby repaid it."""
    settles = payer is PayerKind.OWNER and owed > ZERO and law["owner_paid_after_advance"].value
    return Payee.DEVELOPER if settles else Payee.PAYER


def return_refusals(
    facts: ApartFacts, amount: Yuan, *, payee: Payee, by_rule: Payee, owed: Yuan, law: Law
) -> list[Refusal]:
    """Every reason it does not go back like this (不予退还的理由)."""
    found, source = _apart_refusals(facts, amount, law), law["owner_paid_after_advance"].citation
    if payee is not by_rule:
        message = f"{facts.number} 现应退{PAYEE_LABELS[by_rule]}，不是{PAYEE_LABELS[payee]}"
        found.append(Refusal("other-payee", message, source))
    elif payee is Payee.DEVELOPER and amount > owed:
        message = f"购房人尚欠建设单位 {owed} 元，退建设单位不得超过此数；其余另退付款人"
        found.append(Refusal("over-claim", message, source))
    return found


def _apart_refusals(facts: ApartFacts, amount: Yuan, law: Law) -> list[Refusal]:
    found = []
    if amount > facts.remainder:
        message = f"{facts.number} 尚余 {facts.remainder} 元，所填合计 {amount} 元"
        found.append(Refusal("over-remainder", message, law["deposit_fits_house"].citation))
    if facts.waiting is not None:
        message = f"{facts.number} 已有第 {facts.waiting} 号处理等待确认"
        found.append(Refusal("decision-waiting", message, law["fund_two_officers"].citation))
    return found
