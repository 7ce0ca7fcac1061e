"""What becomes of money that reaches the fund account for a house (首期交存与代缴). Pure.

The money has arrived, so nothing of it is thrown away: what fits its house is the house's, what does not is
set apart with its reason, to be claimed by two officers or returned.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from config.regulations import Law
from escrow.contracts.rules import ContractStatus
from escrow.errors import Refusal
from ledger.money import ZERO, Yuan


class PayerKind(StrEnum):
    """Who pays: the developer on the buyer's behalf, or an owner (付款人身份)."""

    DEVELOPER = "developer"
    OWNER = "owner"


class Aside(StrEnum):
    """Where money stands that is no house's (另列去处)."""

    UNCLAIMED = "unclaimed"
    PREPAID = "prepaid"
    OVERPAID = "overpaid"


class Fate(StrEnum):
    """What became of what was paid for one unit (各户结果)."""

    BOOKED = "booked"
    PARTLY_BOOKED = "partly_booked"
    UNCLAIMED = "unclaimed"
    OVERPAID = "overpaid"


PAYER_LABELS = {PayerKind.DEVELOPER: "建设单位代缴", PayerKind.OWNER: "业主交存"}
ASIDE_LABELS = {Aside.UNCLAIMED: "待认领", Aside.PREPAID: "单位预交", Aside.OVERPAID: "应退"}
FATE_LABELS = {
    Fate.BOOKED: "已入户",
    Fate.PARTLY_BOOKED: "部分入户",
    Fate.UNCLAIMED: "待认领",
    Fate.OVERPAID: "应退",
}
LIVING = frozenset({ContractStatus.DRAFTED, ContractStatus.FILED, ContractStatus.AT_RISK})


@dataclass(frozen=True, slots=True)
class HouseFacts:
    """What stands on a house when money comes for it (房屋现状)."""

    # What is due on the day of payment, or was when it was paid in full; None where it cannot be said.
    due: Yuan | None
    standing: Yuan = ZERO
    # What its buyer has yet to repay to the developer.
    owed: Yuan = ZERO
    contract: ContractStatus | None = None
    same_fund: bool = True
    is_closed: bool = False
    # Registered and of no living contract: its developer pays for itself, or for an owner it sold to before;
    # no buyer owes it anything for that. An owner pays its own.
    is_developers: bool = False
    # What a fund that runs low lacks up to its first deposit, or for a use its owners raise for.
    renewable: Yuan = ZERO

    @property
    def renews(self) -> bool:
        """Whether what its owner pays now is no first deposit any more (是否续交)."""
        return self.remaining == ZERO and self.renewable > ZERO

    @property
    def remaining(self) -> Yuan:
        """What the first deposit still lacks (尚欠首期)."""
        return max(self.due - self.standing, ZERO) if self.due is not None else ZERO


@dataclass(frozen=True, slots=True)
class Verdict:
    """How much is the house's, how much stands apart and why (分户结果)."""

    booked: Yuan
    apart: Yuan = ZERO
    aside: Aside | None = None
    why: Refusal | None = None
    # Whether the buyer owes the developer what is booked.
    is_advance: bool = False
    # Whether it is a renewal and no first deposit.
    is_renewal: bool = False

    @property
    def fate(self) -> Fate:
        """In one word (结果)."""
        if self.aside is None:
            return Fate.BOOKED
        return Fate.PARTLY_BOOKED if self.booked > ZERO else Fate(self.aside.value)


def verdict(
    unit_code: str, amount: Yuan, payer: PayerKind, house: HouseFacts | None, law: Law, *, known: bool = True,
    whole: bool = True,
) -> Verdict:  # fmt: skip
    """What becomes of `amount` for one unit; no `house` where it has no account, `known` in the register.

    `whole`: what does not make the first deposit whole waits; two officers may let parts of it in.
    """
    if house is None or not house.same_fund or house.due is None:
        why = _nobodys(unit_code, house, law, known=known)
        return Verdict(ZERO, amount, Aside.UNCLAIMED, why)
    if unfit := _returns(unit_code, payer, house, law):
        return Verdict(ZERO, amount, Aside.OVERPAID, unfit)
    if house.renews:
        return _renewal(unit_code, amount, house.renewable, law)
    if whole and amount < house.remaining:
        return Verdict(ZERO, amount, Aside.UNCLAIMED, _short(unit_code, amount, payer, house, law))
    is_advance = payer is PayerKind.DEVELOPER and not house.is_developers
    if amount <= house.remaining:
        return Verdict(amount, is_advance=is_advance)
    over = amount - house.remaining
    message = f"房屋 {unit_code} 首期应缴 {house.due} 元，尚差 {house.remaining} 元，多缴 {over} 元应退"
    why = Refusal("over-due", message, law["deposit_fits_house"].citation)
    return Verdict(house.remaining, over, Aside.OVERPAID, why, is_advance)


def _short(unit_code: str, amount: Yuan, payer: PayerKind, house: HouseFacts, law: Law) -> Refusal:
    """Where the developer has to pay ahead, it has to pay in full (足额缴纳)."""
    asked = law["due_at_filing"].value and payer is PayerKind.DEVELOPER
    message = (
        f"房屋 {unit_code} 首期应缴 {house.due} 元，尚差 {house.remaining} 元，本次 {amount} 元不足额；"
        "补足后一并认领，或退回"
    )
    return Refusal("short-paid", message, law["due_at_filing" if asked else "deposit_fits_house"].citation)


def _renewal(unit_code: str, amount: Yuan, room: Yuan, law: Law) -> Verdict:
    over = amount - room
    if over <= ZERO:
        return Verdict(amount, is_renewal=True)
    threshold = law["renewal_threshold"]
    why = Refusal("renewal-over", f"房屋 {unit_code} 至多续交 {room} 元，多缴 {over} 元应退", threshold.citation)
    return Verdict(room, over, Aside.OVERPAID, why, is_renewal=True)


def renewable(first: Yuan, balance: Yuan, law: Law) -> Yuan:
    """What is missing up to the first deposit, where the balance is below the threshold (应续交)."""
    low = balance < first.share(law["renewal_threshold"].value)
    return first - balance if low else ZERO


def _nobodys(unit_code: str, house: HouseFacts | None, law: Law, *, known: bool) -> Refusal:
    source = law["deposit_fits_house"].citation
    if house is not None and house.due is None:
        message = f"房屋 {unit_code} 尚无合同价款或标准，应缴不能确定，待确定后认领"
        return Refusal("due-unknown", message, law["basis"].citation)
    if house is not None:
        return Refusal("other-fund", f"房屋 {unit_code} 的分户账不在本专户，待查明后认领或退回", source)
    if known:
        return Refusal("house-not-built", f"房屋 {unit_code} 尚未建立分户账，建账后认领", source)
    return Refusal("unit-unknown", f"没有房屋 {unit_code}，待查明后认领", source)


def _returns(unit_code: str, payer: PayerKind, house: HouseFacts, law: Law) -> Refusal | None:
    """Why a house takes none of it: it goes back to where it came from."""
    source = law["deposit_fits_house"].citation
    if house.is_closed:
        return Refusal("house-closed", f"房屋 {unit_code} 的分户账已销，应退", source)
    if house.contract is ContractStatus.CANCELLED and not house.is_developers:
        return Refusal("contract-cancelled", f"房屋 {unit_code} 的合同已注销，没有买受人，应退", source)
    if house.due == ZERO:
        return Refusal("nothing-due", f"房屋 {unit_code} 不属首期交存范围，应退", law["residential_only"].citation)
    if house.remaining > ZERO:
        return None
    if payer is PayerKind.OWNER and house.owed > ZERO:
        message = f"房屋 {unit_code} 已由建设单位代缴，业主应向建设单位归还，所缴应退"
        return Refusal("already-advanced", message, law["owner_paid_after_advance"].citation)
    if payer is PayerKind.OWNER and house.renews:
        return None
    return Refusal("already-paid", f"房屋 {unit_code} 首期 {house.due} 元已缴足，应退", source)


def line_faults(amount: Yuan, units: Sequence[tuple[str, Yuan]]) -> dict[str, str]:
    """Why a message contradicts itself, by field (报文自相矛盾)."""
    counted = Counter(code for code, _ in units)
    if twice := sorted(code for code, count in counted.items() if count > 1):
        return {"units": f"同一房屋不得列两次：{'、'.join(twice[:5])}。"}
    total = sum((part for _, part in units), ZERO)
    if units and total != amount:
        return {"units": f"各户合计 {total} 元，与金额 {amount} 元不符。"}
    return {}
