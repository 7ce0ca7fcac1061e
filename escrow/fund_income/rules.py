"""What income may be booked, how it is shared to houses, and when a period closes (维修资金收益). Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from config.regulations import Law
from escrow.errors import Refusal
from escrow.maintenance import chart
from escrow.maintenance.chart import Nature
from ledger.money import ZERO, Yuan
from ledger.movements import Movement


class IncomeKind(StrEnum):
    """What the bank's slip tells (收益与存款变动种类)."""

    INTEREST = "interest"
    COMMON = "common"
    DISPOSAL = "disposal"
    OTHER = "other"
    TO_BONDS = "to-bonds"
    FROM_BONDS = "from-bonds"
    BUY = "bond-buy"
    REDEEM = "bond-redeem"


class IncomeStatus(StrEnum):
    """How far an income has come (收益状态)."""

    ENTERED = "entered"
    BOOKED = "booked"
    REJECTED = "rejected"


class RunStatus(StrEnum):
    """How far a sharing has come (收益分配状态)."""

    PROPOSED = "proposed"
    COMPUTED = "computed"
    APPROVED = "approved"
    DONE = "done"
    REJECTED = "rejected"


class Basis(StrEnum):
    """What a house's part is measured by (分配依据)."""

    DAYS = "day-weighted"
    AREA = "area"


KIND_LABELS = {
    IncomeKind.INTEREST: "存款利息",
    IncomeKind.COMMON: "共用部位、共用设施经营收入",
    IncomeKind.DISPOSAL: "共用设施处置收入",
    IncomeKind.OTHER: "其他收入",
    IncomeKind.TO_BONDS: "划入国债专户",
    IncomeKind.FROM_BONDS: "国债专户划回",
    IncomeKind.BUY: "购买国债",
    IncomeKind.REDEEM: "国债兑付",
}
STATUS_LABELS = {
    IncomeStatus.ENTERED: "待确认",
    IncomeStatus.BOOKED: "已入账",
    IncomeStatus.REJECTED: "已退回",
}
RUN_LABELS = {
    RunStatus.PROPOSED: "测算中",
    RunStatus.COMPUTED: "已测算，待批准",
    RunStatus.APPROVED: "已批准，分配入户中",
    RunStatus.DONE: "已分配到户",
    RunStatus.REJECTED: "已退回",
}
BASIS_LABELS = {Basis.DAYS: "按日加权余额", Basis.AREA: "按建筑面积"}
INCOME_STEPS = {
    (IncomeStatus.ENTERED, IncomeStatus.BOOKED),
    (IncomeStatus.ENTERED, IncomeStatus.REJECTED),
}
RUN_STEPS = {
    (RunStatus.PROPOSED, RunStatus.COMPUTED),
    (RunStatus.PROPOSED, RunStatus.REJECTED),
    (RunStatus.COMPUTED, RunStatus.APPROVED),
    (RunStatus.COMPUTED, RunStatus.REJECTED),
    (RunStatus.APPROVED, RunStatus.DONE),
}
# Income of one community's common parts; the rest is the whole fund's (可归属小区的收入).
OF_COMMUNITY = frozenset({IncomeKind.COMMON, IncomeKind.DISPOSAL, IncomeKind.OTHER})
EARNED = {
    IncomeKind.INTEREST: chart.BANK_INTEREST,
    IncomeKind.COMMON: chart.COMMON_INCOME,
    IncomeKind.DISPOSAL: chart.DISPOSAL,
    IncomeKind.OTHER: chart.OTHER_INCOME,
}
MOVEMENTS: dict[IncomeKind, Movement] = {
    IncomeKind.INTEREST: chart.INTEREST,
    IncomeKind.COMMON: chart.COMMON,
    IncomeKind.DISPOSAL: chart.COMMON,
    IncomeKind.OTHER: chart.COMMON,
    IncomeKind.TO_BONDS: chart.MOVE_SUBACCOUNT,
    IncomeKind.FROM_BONDS: chart.MOVE_SUBACCOUNT,
    IncomeKind.BUY: chart.BUY_BONDS,
    IncomeKind.REDEEM: chart.REDEEM_BONDS,
}


@dataclass(frozen=True, slots=True)
class IncomeFacts:
    """One slip of the bank against what the book holds (入账事实)."""

    kind: IncomeKind
    amount: Yuan
    value_date: date
    today: date
    opened_on: date
    at_bank: Yuan
    at_bonds_account: Yuan
    bonds: Yuan
    serial_used: bool
    community_known: bool
    interest: Yuan = ZERO


def income_refusals(facts: IncomeFacts, law: Law) -> list[Refusal]:
    """Why this slip is not booked (不予入账的理由)."""
    source, found = law["fund_income_papers"].citation, []
    if facts.serial_used:
        found.append(Refusal("serial-used", "这笔银行流水已经录入，不得重复入账", source))
    if not facts.opened_on <= facts.value_date <= facts.today:
        message = f"起息日须在专户开立日 {facts.opened_on} 与今天之间"
        found.append(Refusal("value-date", message, source))
    if facts.interest > ZERO and facts.kind is not IncomeKind.REDEEM:
        found.append(Refusal("no-interest", "只有国债兑付另填国债利息，其他种类不填", source))
    if not facts.community_known:
        found.append(Refusal("community-unknown", "小区不属于这个专户，或该类收入不归属小区", source))
    spent, held, label = {
        IncomeKind.TO_BONDS: (facts.amount, facts.at_bank, "专户存款（扣除已签发未付的指令）"),
        IncomeKind.FROM_BONDS: (facts.amount, facts.at_bonds_account, "国债专户存款"),
        IncomeKind.BUY: (facts.amount, facts.at_bonds_account, "国债专户存款"),
        IncomeKind.REDEEM: (facts.amount, facts.bonds, "持有国债本金"),
    }.get(facts.kind, (ZERO, ZERO, ""))
    if spent > held:
        found.append(Refusal("not-covered", f"{label}只有 {held} 元，不足 {spent} 元", source))
    return found


def decider_refusals(is_open: bool, entered_by: int, officer_id: int, law: Law) -> list[Refusal]:
    """Why this officer may not decide (不予决定的理由)."""
    source, found = law["fund_two_officers"].citation, []
    if not is_open:
        found.append(Refusal("already-decided", "已经办结，不再待确认", source))
    if entered_by == officer_id:
        found.append(Refusal("same-officer", "由您录入，须由另一人员确认", source))
    return found


# --- sharing (收益分配) ---


@dataclass(frozen=True, slots=True)
class RunFacts:
    """A sharing somebody proposes (分配方案)."""

    period_from: date
    period_to: date
    today: date
    undistributed: Yuan
    one_open: bool
    days_shared: bool
    income_unclosed: bool
    somebody_weighs: bool


def run_refusals(facts: RunFacts, law: Law) -> list[Refusal]:
    """Why nothing is shared now for these days (不予分配的理由)."""
    source, found = law["fund_income_shared"].citation, []
    if facts.period_from > facts.period_to or facts.period_to >= facts.today:
        found.append(Refusal("period-not-over", "分配期间须已经结束，且起日不晚于止日", source))
    if facts.one_open:
        found.append(Refusal("run-open", "同一范围已有一次分配尚未办结", source))
    if facts.days_shared:
        found.append(Refusal("days-shared", "这段日子的收益已经分配过，不得重复分配", source))
    if facts.income_unclosed:
        message = "期间内的收入尚未结转到待分配累计收益，请先办理月末结转"
        found.append(Refusal("month-open", message, source))
    if facts.undistributed <= ZERO:
        found.append(Refusal("nothing-to-share", "待分配累计收益为零，没有可分配的收益", source))
    if not facts.somebody_weighs:
        found.append(Refusal("nobody-weighs", "期间内没有一户有可据以分配的余额或面积", source))
    return found


def shares(total: int, weights: Sequence[tuple[str, int]]) -> list[int]:
    """Fen of each house, in the order given: whole parts, then a fen by largest remainder, ties by unit code.

    Hamilton's method. Raises ValueError where nobody weighs anything.
    """
    sum_of = sum(weight for _, weight in weights)
    if sum_of <= 0 or any(weight < 0 for _, weight in weights):
        raise ValueError("没有可据以分配的余额或面积")
    whole = [total * weight // sum_of for _, weight in weights]
    left = total - sum(whole)
    order = sorted(
        range(len(weights)), key=lambda at: (-(total * weights[at][1] % sum_of), weights[at][0])
    )
    for at in order[:left]:
        whole[at] += 1
    return whole


# --- closing (结转) ---


def month_end(day: date) -> date:
    """The last day of a day's month (月末)."""
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


@dataclass(frozen=True, slots=True)
class CloseFacts:
    """A month somebody wants closed (月结事实)."""

    month: date
    today: date
    opened_on: date
    closed_through: date | None


def close_refusals(facts: CloseFacts, law: Law) -> list[Refusal]:
    """Why this month does not close now (不予结转的理由): months close in their order, when they are over."""
    source, found = law["fund_period_close"].citation, []
    first = facts.opened_on if facts.closed_through is None else facts.closed_through + timedelta(days=1)
    if month_end(facts.month) >= facts.today:
        found.append(Refusal("month-not-over", "这个月还没有结束", source))
    if month_end(facts.month) < first:
        found.append(Refusal("month-closed", "这个月已经结转，或早于专户开立", source))
    elif month_end(facts.month) != month_end(first):
        message = f"须按月依次结转，下一个应结转的是 {first:%Y 年 %m 月}"
        found.append(Refusal("month-skipped", message, source))
    return found


def nature_codes(nature: Nature) -> list[str]:
    """The headings whose house keys are what a house of this nature has (某性质的分户科目)."""
    return [chart.NET_ASSETS[nature], chart.DEPOSITS[nature], *chart.REPAIRS, chart.RETURNED[nature]]
