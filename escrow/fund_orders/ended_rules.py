"""What becomes of a first deposit when its contract is cancelled before registration (合同注销后的首期交存). Pure.

It goes back to whoever bore it: what the buyer repaid to the developer was borne by the buyer. Where the
law says so, the developer's advance stays with the unit: the old buyer owes nothing more, the next one all.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from config.regulations import Law
from escrow.errors import Refusal
from ledger.money import ZERO, Yuan


class EndKind(StrEnum):
    """Back, or left for the next buyer (处置方式)."""

    RETURN = "return"
    STAY = "stay"


class EndStatus(StrEnum):
    """Life of a decision; a return is due until the bank has paid it (处置状态)."""

    ENTERED = "entered"
    STAYS = "stays"
    RETURN_DUE = "return-due"
    RETURNED = "returned"
    REJECTED = "rejected"


class Bearer(StrEnum):
    """Who bore it (负担人)."""

    DEVELOPER = "developer"
    BUYER = "buyer"
    PAYER = "payer"


KIND_LABELS = {EndKind.RETURN: "退还", EndKind.STAY: "留给下一购房人"}
STATUS_LABELS = {
    EndStatus.ENTERED: "待确认",
    EndStatus.STAYS: "留在房屋",
    EndStatus.RETURN_DUE: "应退待付",
    EndStatus.RETURNED: "已退",
    EndStatus.REJECTED: "已退回",
}
BEARER_LABELS = {Bearer.DEVELOPER: "建设单位", Bearer.BUYER: "购房人", Bearer.PAYER: "原付款人"}
# The only steps a decision takes; what came back from the bank is due again (状态迁移).
END_STEPS = {
    (EndStatus.ENTERED, EndStatus.STAYS),
    (EndStatus.ENTERED, EndStatus.RETURN_DUE),
    (EndStatus.ENTERED, EndStatus.REJECTED),
    (EndStatus.RETURN_DUE, EndStatus.RETURNED),
    (EndStatus.RETURNED, EndStatus.RETURN_DUE),
}


@dataclass(frozen=True, slots=True)
class Given:
    """A first deposit that counted for the contract (首期交存)."""

    deposit_id: int
    amount: Yuan
    is_advance: bool


@dataclass(frozen=True, slots=True)
class Part:
    """What becomes of how much of one deposit; `closes`: of the claim on the old buyer (一份)."""

    deposit_id: int
    kind: EndKind
    bearer: Bearer | None
    amount: Yuan
    closes: Yuan = ZERO

    @property
    def name(self) -> str:
        """How a form names it (表单所称)."""
        return f"{self.deposit_id}-{self.bearer or 'stay'}"


def parts(given: Sequence[Given], repaid: Yuan, law: Law) -> list[Part]:
    """To whom each deposit goes; what the buyer repaid counts on the first of them (依规定的处置)."""
    found, left = list[Part](), repaid
    for one in given:
        if not one.is_advance:
            found.append(Part(one.deposit_id, EndKind.RETURN, Bearer.PAYER, one.amount))
            continue
        back = min(left, one.amount)
        left -= back
        found += _advance(one, back, law)
    return found


def _advance(one: Given, repaid: Yuan, law: Law) -> list[Part]:
    owed = one.amount - repaid
    if law["cancelled_advance"].value == EndKind.STAY:
        return [Part(one.deposit_id, EndKind.STAY, None, one.amount, owed)]
    buyers = repaid if law["cancelled_repaid_to_buyer"].value else ZERO
    shares = [
        Part(one.deposit_id, EndKind.RETURN, Bearer.BUYER, buyers),
        Part(one.deposit_id, EndKind.RETURN, Bearer.DEVELOPER, one.amount - buyers, owed),
    ]
    return [part for part in shares if part.amount > ZERO]


def reason(part: Part, law: Law) -> tuple[str, str]:
    """Why it goes there, and by which provision (理由与依据)."""
    said = {
        Bearer.PAYER: "业主自行交存，合同注销后退原付款人",
        Bearer.BUYER: "建设单位代缴、购房人已归还，实由购房人负担，退购房人",
        Bearer.DEVELOPER: "建设单位代缴、购房人未归还，退建设单位；对原购房人的债权了结",
        None: "代缴款留在房屋，由下一购房人向建设单位归还；对原购房人的债权了结，其已归还的由建设单位退其本人",
    }[part.bearer]
    if part.bearer is Bearer.DEVELOPER and not law["cancelled_repaid_to_buyer"].value:
        said = "建设单位代缴，一并退建设单位；购房人已归还的由建设单位退其本人"
    key = "cancelled_repaid_to_buyer" if part.bearer is Bearer.BUYER else "cancelled_advance"
    return said, law[key].citation


@dataclass(frozen=True, slots=True)
class EndFacts:
    """What is known of a cancelled contract's deposits (注销合同的交存现状)."""

    contract_no: str
    is_cancelled: bool
    due: tuple[Part, ...]
    # Shares that somebody has entered or decided.
    taken: frozenset[str]
    # What stands on the house and is held for nothing else.
    free: Yuan
    # Deposits that were corrected to another house, by its code.
    moved: Mapping[int, str] = field(default_factory=dict)


def end_refusals(facts: EndFacts, asked: str, law: Law, *, own: bool = False) -> list[Refusal]:
    """Why this share is not dealt with like this (不予处置的理由); `own` where it was entered before."""
    source = law["cancelled_advance"].citation
    if not facts.is_cancelled:
        return [Refusal("contract-lives", f"合同 {facts.contract_no} 未注销，首期交存不退不转", source)]
    part = part_of(facts.due, asked)
    if (elsewhere := facts.moved.get(_deposit(asked))) is not None:
        message = f"这笔交存已由串户更正转到房屋 {elsewhere}，随那一户的合同处置"
        return [Refusal("moved-away", message, law["wrong_house_corrected"].citation)]
    if part is None:
        message = f"合同 {facts.contract_no} 依规定没有这一份应退或应留的交存"
        return [Refusal("not-this-share", message, source)]
    if asked in facts.taken and not own:
        return [Refusal("already-entered", "这一份已经录入或办结，不得重复", source)]
    if part.kind is EndKind.RETURN and part.amount > facts.free:
        message = f"分户余额扣除占用后为 {facts.free} 元，不足退还 {part.amount} 元"
        return [Refusal("balance-short", message, source)]
    return []


def _deposit(name: str) -> int:
    number = name.partition("-")[0]
    return int(number) if number.isdecimal() else 0


def part_of(due: Iterable[Part], name: str) -> Part | None:
    """The share of this name (所称的一份)."""
    return next((one for one in due if one.name == name), None)
