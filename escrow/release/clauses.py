"""What an agreement asks for besides first registration, and whether it is met (监管协议附加条款). Pure.

A clause of a kind nobody here can judge is a clause not met: it is never passed over.
"""

import calendar
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from escrow.release.conditions import Condition
from escrow.supervision.rules import ClauseKind


@dataclass(frozen=True, slots=True)
class Clause:
    """One release clause of the effective agreement, as it was signed (协议约定的解除条件)."""

    kind: str
    value: Any
    text: str


@dataclass(frozen=True, slots=True)
class Paper:
    """A filed paper that a second officer has confirmed (经确认的佐证材料)."""

    kind: ClauseKind
    clause: str
    paper_no: str
    ratio: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Building:
    """A building under the account and its confirmed first registration (账户名下楼幢)."""

    building_no: str
    registered_on: date | None = None
    certificate_no: str | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the project is, as far as clauses ask (条款所涉事实)."""

    today: date
    buildings: tuple[Building, ...]
    units: int
    units_transferred: int
    papers: tuple[Paper, ...]


LABELS = {
    ClauseKind.COMPLETION_FILING: "竣工验收备案",
    ClauseKind.HANDOVER_RATIO: "交付比例",
    ClauseKind.TRANSFER_RATIO: "转移登记比例",
    ClauseKind.MONTHS_AFTER: "首次登记后期限",
    ClauseKind.DOCUMENT: "约定材料",
}
# Which clauses are met by a filed paper (须凭材料的条款).
BY_PAPER = frozenset({ClauseKind.COMPLETION_FILING, ClauseKind.HANDOVER_RATIO, ClauseKind.DOCUMENT})

# Whether a clause is met, and what to say about it.
Finding = tuple[bool, str]


def clause_condition(clause: Clause, progress: Progress, source: str) -> Condition:
    """One clause as a condition of the release, quoted word for word (附加条款)."""
    quoted = f"监管协议约定“{clause.text}”"
    if clause.kind not in list(ClauseKind):
        said = f"{quoted}：本系统不能判断“{clause.kind}”类条款，不予解除"
        return Condition("clause-unknown", f"附加条款：{clause.text}", False, said, source)
    kind = ClauseKind(clause.kind)
    try:
        met, finding = FINDERS[kind](clause, progress)
    except (ArithmeticError, TypeError, ValueError, AttributeError):
        met, finding = False, f"条款取值“{clause.value}”不能识别"
    code = f"clause-{kind.value.replace('_', '-')}"
    said = f"{quoted}，{'已满足' if met else '尚未满足'}：{finding}"
    return Condition(code, f"附加条款·{LABELS[kind]}", met, said, source)


def months_later(day: date, months: int) -> date:
    """The same day so many months on, or the last day of a shorter month (按月计期)."""
    year, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + year, month + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def _papers(clause: Clause, progress: Progress) -> list[Paper]:
    return [paper for paper in progress.papers if (paper.kind, paper.clause) == (clause.kind, clause.text)]


def _by_paper(clause: Clause, progress: Progress) -> Finding:
    papers = _papers(clause, progress)
    if not papers:
        return False, f"没有经两名人员录入并确认的材料（{LABELS[ClauseKind(clause.kind)]}）"
    return True, f"材料 {papers[-1].paper_no}"


def _handover(clause: Clause, progress: Progress) -> Finding:
    asked = _ratio(clause.value)
    reached = [paper for paper in _papers(clause, progress) if paper.ratio is not None]
    if not reached:
        return False, f"没有经确认的交付比例材料，约定比例 {_percent(asked)}"
    best = max(reached, key=lambda paper: paper.ratio or Decimal(0))
    ratio = best.ratio or Decimal(0)
    return ratio >= asked, f"材料 {best.paper_no} 载明 {_percent(ratio)}，约定比例 {_percent(asked)}"


def _transfer(clause: Clause, progress: Progress) -> Finding:
    asked, units, done = _ratio(clause.value), progress.units, progress.units_transferred
    said = f"共 {units} 户，已办转移登记 {done} 户，约定比例 {_percent(asked)}"
    # Counted, not divided: 63 of 70 is exactly nine tenths.
    return units > 0 and done >= asked * units, said


def _months(clause: Clause, progress: Progress) -> Finding:
    months = _whole(clause.value)
    registered = [one.registered_on for one in progress.buildings if one.registered_on is not None]
    if not registered or len(registered) < len(progress.buildings):
        return False, "首次登记尚未全部完成，期限未起算"
    ends = months_later(max(registered), months)
    return progress.today >= ends, f"自最后一次首次登记 {max(registered)} 起满 {months} 个月为 {ends}"


FINDERS: dict[ClauseKind, Callable[[Clause, Progress], Finding]] = {
    ClauseKind.COMPLETION_FILING: _by_paper,
    ClauseKind.HANDOVER_RATIO: _handover,
    ClauseKind.TRANSFER_RATIO: _transfer,
    ClauseKind.MONTHS_AFTER: _months,
    ClauseKind.DOCUMENT: _by_paper,
}


def _ratio(value: Any) -> Decimal:
    if isinstance(value, bool):
        raise TypeError(value)
    ratio = Decimal(str(value))
    if not 0 < ratio <= 1:
        raise ValueError(value)
    return ratio


def _whole(value: Any) -> int:
    if isinstance(value, bool):
        raise TypeError(value)
    number = Decimal(str(value))
    if number != number.to_integral_value() or not 0 < number <= 1200:
        raise ValueError(value)
    return int(number)


def _percent(ratio: Decimal) -> str:
    return f"{(ratio * 100).normalize():f}%"
