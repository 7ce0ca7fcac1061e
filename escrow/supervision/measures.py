"""What may be ordered over a supervised account besides its agreement (司法冻结、保函、接管). Pure.

Court hold: 8303, at most a year, extended before it ends, lifted or deducted by two officers. A freeze and
its extension take effect when one officer writes them down: the bank has executed them already.
Guarantee: 8202, at most 30 % of the quota with 70 % left in cash (银保监办发〔2022〕104号). Takeover: every
payment needs two approvals.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from config.regulations import Law
from escrow.errors import Refusal
from escrow.supervision.levels import Position
from ledger.money import ZERO, Yuan

# A freeze of the whole account: what no account can hold more than (全额冻结).
WHOLE = Yuan("100000000000.00")


class HoldStatus(StrEnum):
    """Life of a court hold (司法冻结状态)."""

    IN_FORCE = "in-force"
    LIFTED = "lifted"
    DEDUCTED = "deducted"


class ActKind(StrEnum):
    """What a court document orders (司法文书事项)."""

    FREEZE = "freeze"
    EXTEND = "extend"
    LIFT = "lift"
    DEDUCT = "deduct"


class OrderStatus(StrEnum):
    """Life of what one officer enters and another decides (两人办理状态)."""

    ENTERED = "entered"
    IN_FORCE = "in-force"
    REJECTED = "rejected"
    ENDED = "ended"
    LAPSED = "lapsed"


# The only steps each takes (状态迁移).
HOLD_STEPS = {
    (HoldStatus.IN_FORCE, HoldStatus.LIFTED),
    (HoldStatus.IN_FORCE, HoldStatus.DEDUCTED),
}
GUARANTEE_STEPS = {
    (OrderStatus.ENTERED, OrderStatus.IN_FORCE),
    (OrderStatus.ENTERED, OrderStatus.REJECTED),
    (OrderStatus.IN_FORCE, OrderStatus.ENDED),
    (OrderStatus.IN_FORCE, OrderStatus.LAPSED),
}
TAKEOVER_STEPS = {
    (OrderStatus.ENTERED, OrderStatus.IN_FORCE),
    (OrderStatus.ENTERED, OrderStatus.REJECTED),
    (OrderStatus.IN_FORCE, OrderStatus.ENDED),
}


@dataclass(frozen=True, slots=True)
class HoldFacts:
    """A court document against what is known of its hold (司法文书与现有冻结)."""

    kind: ActKind
    today: date
    begins: date | None = None
    until: date | None = None
    amount: Yuan = ZERO
    status: HoldStatus | None = None
    ends: date | None = None
    left: Yuan = ZERO
    building_holds: Yuan = ZERO
    consent: str | None = None
    dated: date | None = None


def hold_refusals(facts: HoldFacts, law: Law) -> list[Refusal]:
    """Every reason a court document cannot be carried out as entered (不能办理的理由)."""
    found, longest = [], law["hold_longest_months"]
    if facts.kind is not ActKind.FREEZE and facts.status is not HoldStatus.IN_FORCE:
        source = law["hold_two_officers"].citation
        return [Refusal("hold-ended", "该冻结已解除或已扣划完毕，不能再办理", source)]
    begins = facts.begins if facts.kind is ActKind.FREEZE else facts.ends
    if facts.until is not None and begins is not None:
        if facts.until <= begins:
            found.append(Refusal("hold-term", f"止期须晚于 {begins}", longest.citation))
        elif facts.until > months_after(begins, longest.value):
            message = f"每次冻结不超过 {longest.value} 个月，止期不得晚于 {months_after(begins, longest.value)}"
            found.append(Refusal("hold-too-long", message, longest.citation))
    if facts.kind is ActKind.FREEZE and facts.begins is not None and facts.begins > facts.today:
        found.append(Refusal("hold-not-begun", f"冻结自 {facts.begins} 起，起期之前不登记", longest.citation))
    if facts.kind is ActKind.FREEZE and facts.until is not None and facts.until <= facts.today:
        found.append(Refusal("hold-over", f"冻结止期 {facts.until} 已过", longest.citation))
    if facts.kind is ActKind.EXTEND and facts.dated and facts.ends and facts.dated > facts.ends:
        message = f"该冻结已于 {facts.ends} 届满，续冻文书须在届满之前作出；请凭新的冻结文书另行登记"
        found.append(Refusal("hold-expired", message, longest.citation))
    if facts.kind is ActKind.DEDUCT:
        found += _deduction_refusals(facts, law)
    return found


def _deduction_refusals(facts: HoldFacts, law: Law) -> list[Refusal]:
    found, source = [], law["deduction_consent"].citation
    if not facts.consent:
        found.append(Refusal("consent-missing", "扣划须附本局就工程类债权出具的答复文号", source))
    if facts.amount > facts.left:
        found.append(Refusal("deduction-over-hold", f"扣划金额超过冻结余额 {facts.left} 元", source))
    if facts.amount > facts.building_holds:
        message = f"该幢现有资金 {facts.building_holds} 元，不足以扣划"
        found.append(Refusal("deduction-over-funds", message, source))
    return found


def months_after(day: date, months: int) -> date:
    """The same day so many months later, or the month's last (若干月后)."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, month + 1, last)
        except ValueError:
            continue
    raise AssertionError("unreachable")


# --- guarantee (保函) ---


def guarantee_limit(quota: Yuan, paid: Yuan, law: Law) -> Yuan:
    """The most that guarantees may stand for: a share of what the quota still is (保函上限)."""
    return max(quota - paid, ZERO).share(Decimal(law["guarantee_share"].value))


def guarantee_refusals(position: Position, amount: Yuan, until: date, today: date, law: Law) -> list[Refusal]:
    """Every reason a guarantee cannot take the place of cash (保函不予置换的理由)."""
    share, cash = law["guarantee_share"], law["guarantee_cash"]
    if position.quota is None:
        return [Refusal("quota-missing", "该幢没有核定监管额度，全额监管，不能以保函置换", share.citation)]
    found, limit = [], guarantee_limit(position.quota, position.key_paid, law)
    if position.guarantee + amount > limit:
        message = f"保函合计 {position.guarantee + amount} 元，超过上限 {limit} 元（额度余额的 {_percent(share.value)}）"
        found.append(Refusal("guarantee-over-share", message, share.citation))
    needed = (position.quota - position.key_paid).share(Decimal(cash.value))
    if position.held < needed:
        message = f"置换后监管资金 {position.held} 元，低于额度余额的 {_percent(cash.value)}，即 {needed} 元"
        found.append(Refusal("guarantee-cash-short", message, cash.citation))
    if until <= today:
        found.append(Refusal("guarantee-expired", f"保函已于 {until} 到期", share.citation))
    return found


def _percent(share: object) -> str:
    return f"{(Decimal(str(share)) * 100).normalize():f}%"


def shrunk(position: Position, law: Law) -> Yuan:
    """By how much guarantees must shrink after a key payment or a lower quota (保函递减)."""
    if position.quota is None:
        return ZERO
    return max(position.guarantee - guarantee_limit(position.quota, position.key_paid, law), ZERO)


# --- what one enters and another decides (两人办理) ---


def decision_refusals(
    status: str, entered_by: int, decided_by: int, law: Law, *, key: str, waits: str = OrderStatus.ENTERED
) -> list[Refusal]:
    """Why this officer cannot decide this now (不能决定的理由)."""
    source, found = law[key].citation, []
    if status != waits:
        found.append(Refusal("already-decided", "这一事项已有决定，不能再办理", source))
    if entered_by == decided_by:
        found.append(Refusal("same-officer", "录入与决定须为不同人员", source))
    return found


def ending_refusals(
    status: str, ending_by: int | None, officer_id: int, law: Law, *, key: str, asks: bool
) -> list[Refusal]:
    """Why an end cannot be entered (`asks`), or confirmed or sent back, by this officer now (终止不予办理)."""
    if status == OrderStatus.ENTERED:
        return [Refusal("not-in-force", "尚待另一人员决定，还没有生效，不能终止", law[key].citation)]
    if status != OrderStatus.IN_FORCE or not asks:
        asker = 0 if asks else ending_by or officer_id
        return decision_refusals(status, asker, officer_id, law, key=key, waits=OrderStatus.IN_FORCE)
    if ending_by is None:
        return []
    return [Refusal("ending-waiting", "终止已由一人录入，等待另一人员确认或退回", law[key].citation)]
