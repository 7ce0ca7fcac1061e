"""The three statements of the maintenance fund out of plain figures (会住维01、02、03). Pure.

Headings as in 财会〔2020〕7号; 待认领款、单位预交款、应退多缴款 are our own liabilities.
Between two closings what is not closed yet has a line of its own, so that assets equal liabilities and net
assets on any day.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from config.regulations import Law
from escrow.errors import Refusal
from escrow.maintenance import chart
from escrow.maintenance.chart import Nature

# What stands on a heading, of one nature, in fen on the heading's own side (科目余额).
Figures = Mapping[tuple[str, Nature], int]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a statement: fen by nature, at the end or over the period, and before (报表行)."""

    label: str
    now: tuple[int, int]
    before: tuple[int, int] | None = None
    is_total: bool = False

    @property
    def cells(self) -> list[int]:
        """商品住宅、已售公房、合计, and the same of the opening where there is one."""
        found = [*self.now, sum(self.now)]
        return found + ([*self.before, sum(self.before)] if self.before is not None else [])


@dataclass(frozen=True, slots=True)
class Statement:
    """One statutory statement (法定报表)."""

    number: str
    title: str
    columns: tuple[str, ...]
    lines: tuple[Line, ...]


NATURES = ("商品住宅", "已售公有住房", "合计")
_REPAIRS = dict.fromkeys(Nature, chart.REPAIRS)
_ASSETS: tuple[tuple[str, Callable[[Nature], tuple[str, ...]]], ...] = (
    ("银行存款", lambda nature: (chart.BANK[nature], chart.BANK_BONDS)),
    ("国债投资", lambda nature: (chart.BONDS[nature],)),
    ("备用金", lambda nature: (chart.IMPREST,)),
)
_LIABILITIES: tuple[tuple[str, Callable[[Nature], tuple[str, ...]]], ...] = (
    ("应付房屋灭失返还资金", lambda nature: (chart.LOSS_PAYABLE[nature],)),
    ("待认领款", lambda nature: (chart.UNCLAIMED,)),
    ("单位预交款", lambda nature: (chart.PREPAID,)),
    ("应退多缴款", lambda nature: (chart.OVERPAID,)),
)
_INCOME: tuple[tuple[str, Callable[[Nature], tuple[str, ...]]], ...] = (
    ("交存收入", lambda nature: (chart.DEPOSITS[nature],)),
    ("存款利息收入", lambda nature: (chart.BANK_INTEREST[nature],)),
    ("国债利息收入", lambda nature: (chart.BOND_INTEREST[nature],)),
    ("经营收入", lambda nature: (chart.COMMON_INCOME[nature],)),
    ("共用设施处置收入", lambda nature: (chart.DISPOSAL[nature],)),
    ("其他收入", lambda nature: (chart.OTHER_INCOME[nature],)),
)
_EXPENSE: tuple[tuple[str, Callable[[Nature], tuple[str, ...]]], ...] = (
    ("维修支出", lambda nature: chart.REPAIRS),
    ("返还支出", lambda nature: (chart.RETURNED[nature],)),
    ("其他支出", lambda nature: (chart.OTHER_EXPENSE[nature],)),
)


def period_refusals(start: date, end: date, today: date, law: Law) -> list[Refusal]:
    """Why no statement is made for this period (不予出表的理由)."""
    if start <= end <= today:
        return []
    source = law["fund_period_close"].citation
    return [Refusal("period", "期间的止日不得早于起日，也不得晚于今天", source)]


def _sum(figures: Figures, codes: Callable[[Nature], tuple[str, ...]]) -> tuple[int, int]:
    one, other = (sum(figures.get((code, nature), 0) for code in codes(nature)) for nature in Nature)
    return one, other


def _add(*rows: tuple[int, int]) -> tuple[int, int]:
    return sum(row[0] for row in rows), sum(row[1] for row in rows)


def _less(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    return one[0] - other[0], one[1] - other[1]


def _net_assets(figures: Figures) -> tuple[int, int]:
    """What is closed, what is undistributed, and what is not closed yet (净资产)."""
    return _add(
        _sum(figures, lambda nature: (chart.NET_ASSETS[nature], chart.UNDISTRIBUTED[nature])),
        _unclosed(figures),
    )


def _unclosed(figures: Figures) -> tuple[int, int]:
    return _less(
        _add(*(_sum(figures, codes) for _, codes in _INCOME)),
        _add(*(_sum(figures, codes) for _, codes in _EXPENSE)),
    )


def balance_sheet(closing: Figures, opening: Figures) -> Statement:
    """会住维01: what the fund has, what it owes, and whose the rest is (资产负债表)."""
    lines = list[Line]()

    def part(title: str, rows: tuple[tuple[str, Callable[[Nature], tuple[str, ...]]], ...]) -> list[Line]:
        lines.extend(Line(label, _sum(closing, codes), _sum(opening, codes)) for label, codes in rows)
        now = _add(*(_sum(closing, codes) for _, codes in rows))
        before = _add(*(_sum(opening, codes) for _, codes in rows))
        lines.append(Line(title, now, before, is_total=True))
        return lines

    part("资产合计", _ASSETS)
    part("负债合计", _LIABILITIES)
    owed, was_owed = lines[-1].now, lines[-1].before or (0, 0)
    of_houses = [
        ("商品住宅维修资金、已售公有住房维修资金", lambda nature: (chart.NET_ASSETS[nature],)),
        ("待分配累计收益", lambda nature: (chart.UNDISTRIBUTED[nature],)),
    ]
    lines += [Line(label, _sum(closing, codes), _sum(opening, codes)) for label, codes in of_houses]
    lines.append(Line("本期收支（尚未结转）", _unclosed(closing), _unclosed(opening)))
    net, was_net = _net_assets(closing), _net_assets(opening)
    lines.append(Line("净资产合计", net, was_net, is_total=True))
    lines.append(Line("负债和净资产总计", _add(owed, net), _add(was_owed, was_net), is_total=True))
    columns = (*(f"期末{one}" for one in NATURES), *(f"期初{one}" for one in NATURES))
    return Statement("会住维01", "资产负债表", columns, tuple(lines))


def income_statement(flows: Figures) -> Statement:
    """会住维02: what came in and what went out over the period (收支表)."""
    income = [Line(label, _sum(flows, codes)) for label, codes in _INCOME]
    expense = [Line(label, _sum(flows, codes)) for label, codes in _EXPENSE]
    earned, spent = _add(*(one.now for one in income)), _add(*(one.now for one in expense))
    lines = (
        Line("一、本期收入", earned, is_total=True), *income,
        Line("二、本期支出", spent, is_total=True), *expense,
        Line("三、本期收支差额", _less(earned, spent), is_total=True),
    )  # fmt: skip
    return Statement("会住维02", "收支表", NATURES, lines)


def changes_statement(flows: Figures, closing: Figures, opening: Figures, shared: Figures) -> Statement:
    """会住维03: how net assets came from where they were to where they are (净资产变动表)."""
    deposits = _sum(flows, lambda nature: (chart.DEPOSITS[nature],))
    spent = _sum(flows, lambda nature: (*chart.REPAIRS, chart.RETURNED[nature]))
    earned = _less(
        _add(*(_sum(flows, codes) for _, codes in _INCOME[1:])),
        _sum(flows, lambda nature: (chart.OTHER_EXPENSE[nature],)),
    )
    was, now = _net_assets(opening), _net_assets(closing)
    moved = _less(_add(deposits, earned), spent)
    given = _sum(shared, lambda nature: (chart.UNDISTRIBUTED[nature],))
    lines = (
        Line("一、期初净资产", was, is_total=True),
        Line("二、本期变动", _less(now, was), is_total=True),
        Line("（一）本期交存", deposits), Line("（二）本期维修与返还（减）", spent),
        Line("（三）本期收益（扣其他支出）", earned),
        Line("（四）期初导入、划转自管等其他变动", _less(_less(now, was), moved)),
        Line("其中：收益分配到户（由待分配累计收益转入，不增减净资产）", given),
        Line("三、期末净资产", now, is_total=True),
    )  # fmt: skip
    return Statement("会住维03", "净资产变动表", NATURES, lines)
