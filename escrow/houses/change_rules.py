"""Why an area, a deposit, a lost house or a renewal is not booked as asked (分户账后续事项). Pure."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from config.regulations import Law
from escrow.advances.rules import renewable
from escrow.errors import Refusal
from escrow.maintenance.chart import Nature
from ledger.money import ZERO, Yuan


class ChangeKind(StrEnum):
    """What becomes of a house account (事项)."""

    AREA = "area"
    MISPLACED = "misplaced"
    LOST = "lost"
    RENEWAL = "renewal"


class ChangeStatus(StrEnum):
    """How far a change has come (事项状态)."""

    ENTERED = "entered"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"


KIND_LABELS = {
    ChangeKind.AREA: "面积更正", ChangeKind.MISPLACED: "串户更正", ChangeKind.LOST: "灭失返还",
    ChangeKind.RENEWAL: "续交",
}  # fmt: skip
CHANGE_LABELS = {
    ChangeStatus.ENTERED: "待确认", ChangeStatus.CONFIRMED: "已确认", ChangeStatus.REJECTED: "已退回",
}  # fmt: skip
CHANGE_STEPS = {
    (ChangeStatus.ENTERED, ChangeStatus.CONFIRMED),
    (ChangeStatus.ENTERED, ChangeStatus.REJECTED),
}


@dataclass(frozen=True, slots=True)
class HouseFacts:
    """What is known of a house when something is asked of it (分户账现状)."""

    fund_id: int
    is_open: bool
    nature: Nature
    area: Decimal
    balance: Yuan = ZERO
    held: Yuan = ZERO
    owed: Yuan = ZERO
    due: Yuan | None = None
    paid: Yuan = ZERO
    has_contract: bool = False
    is_waiting: bool = False
    # Whether income is computed for it and not yet booked.
    share_waits: bool = False

    @property
    def outstanding(self) -> Yuan:
        """What of the first deposit may still be paid (首期尚欠)."""
        return max((self.due or ZERO) - self.paid, ZERO)

    def renewable(self, law: Law) -> Yuan:
        """What is missing up to the first deposit, where the balance is below the threshold (应续交)."""
        return renewable(self.due or ZERO, self.balance, law)


@dataclass(frozen=True, slots=True)
class DepositFacts:
    """A deposit that is said to lie on the wrong house (串户的交存)."""

    amount: Yuan
    is_advance: bool
    is_void: bool
    is_moved: bool


def _common(house: HouseFacts, source: str) -> list[Refusal]:
    found = []
    if not house.is_open:
        found.append(Refusal("house-closed", "分户账已销户", source))
    if house.is_waiting:
        found.append(Refusal("change-waiting", "本户已有一件同类事项待确认", source))
    return found


def area_refusals(house: HouseFacts, after: Decimal, law: Law) -> list[Refusal]:
    """Why the area is not corrected (不予更正面积的理由)."""
    source = law["area_by_survey"].citation
    found = _common(house, source)
    if after == house.area:
        found.append(Refusal("same-area", f"面积已是 {after} 平方米", source))
    return found


def misplaced_refusals(
    house: HouseFacts, other: HouseFacts | None, deposit: DepositFacts | None, law: Law
) -> list[Refusal]:
    """Why a deposit is not moved to another house (不予更正串户的理由)."""
    source = law["wrong_house_corrected"].citation
    found = _common(house, source)
    if deposit is None or deposit.is_void or deposit.is_moved:
        why = "这笔入账没有入本户"
        if deposit is not None:
            why = "这笔交存的合同已注销" if deposit.is_void else "这笔交存已更正过"
        return [*found, Refusal("no-such-deposit", f"{why}，无可更正", source)]
    if other is None or not other.is_open or (other.fund_id, other.nature) != (house.fund_id, house.nature):
        said = "应入的房屋须已建账、未销户，与本户同在一个专户、同一性质"
        return [*found, Refusal("other-house", said, source)]
    if house.balance - house.held < deposit.amount:
        said = f"本户可动余额 {house.balance - house.held} 元，不足转出 {deposit.amount} 元"
        found.append(Refusal("no-room-to-give", said, source))
    if deposit.is_advance and house.owed < deposit.amount:
        found.append(Refusal("repaid", "这笔代缴款本户购房人已归还建设单位，须先由双方了结", source))
    if deposit.is_advance and not other.has_contract:
        found.append(Refusal("no-contract", "应入的房屋没有有效合同，代缴款无从向购房人收回", source))
    if other.outstanding < deposit.amount:
        said = f"应入的房屋首期尚欠 {other.outstanding} 元，容不下 {deposit.amount} 元"
        found.append(Refusal("no-room-to-take", said, source))
    return found


def lost_refusals(house: HouseFacts, seller: Yuan, law: Law) -> list[Refusal]:
    """Why a lost house's fund is not returned (不予灭失返还的理由)."""
    source = law["loss_returned"].citation
    found = _common(house, source)
    if house.held > ZERO:
        found.append(Refusal("held", f"本户有使用占用 {house.held} 元，须先了结", source))
    if house.owed > ZERO:
        said = f"购房人尚欠建设单位代缴款 {house.owed} 元，须先了结"
        found.append(Refusal("owed", said, source))
    if house.share_waits:
        said = "已为本户测算收益，尚未分配入户，须待分配办结或退回"
        found.append(Refusal("share-waits", said, law["fund_income_shared"].citation))
    if seller > ZERO and house.nature is Nature.COMMODITY:
        found.append(Refusal("no-seller", "商品住宅没有售房单位交存的部分", source))
    if seller > house.balance:
        found.append(Refusal("seller-over", f"售房单位部分不能多于余额 {house.balance} 元", source))
    return found


def renewal_refusals(house: HouseFacts, amount: Yuan, law: Law) -> list[Refusal]:
    """Why a renewal is not booked (不予续交入账的理由)."""
    threshold = law["renewal_threshold"]
    found = _common(house, threshold.citation)
    room = house.renewable(law)
    if house.outstanding > ZERO:
        said = f"首期尚欠 {house.outstanding} 元，所缴作首期交存，缴足之后方可续交"
        found.append(Refusal("first-due", said, threshold.citation))
    elif room == ZERO:
        said = f"余额 {house.balance} 元未低于首期交存额的 {threshold.value * 100:.0f}%，不在续交之列"
        found.append(Refusal("not-low", said, threshold.citation))
    elif amount > room:
        said = f"续交至首期交存额为止，至多 {room} 元"
        found.append(Refusal("renewal-over", said, threshold.citation))
    return found


def decider_refusals(status: ChangeStatus, entered_by: int, officer_id: int, law: Law) -> list[Refusal]:
    """Why this officer may not decide on the change (不予决定的理由)."""
    source, found = law["fund_two_officers"].citation, []
    if status is not ChangeStatus.ENTERED:
        found.append(Refusal("already-decided", f"这件事项{CHANGE_LABELS[status]}，不再待确认", source))
    if entered_by == officer_id:
        found.append(Refusal("same-officer", "这件事项由您录入，须由另一人员确认", source))
    return found
