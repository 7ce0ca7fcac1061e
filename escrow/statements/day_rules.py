"""When a day of an account may be closed (日结). Pure."""

from dataclasses import dataclass
from datetime import date

from config.regulations import Law
from escrow.errors import Refusal
from escrow.statements.rules import StatementStatus
from ledger.money import yuan_of


@dataclass(frozen=True, slots=True)
class DayFacts:
    """A day that is to be closed (日结事实). Amounts are fen; a balance may stand below zero."""

    day: date
    today: date
    status: StatementStatus | None
    is_closed: bool
    open_differences: int
    earlier_open: date | None
    closing: int
    ledger: int
    transit: int


def day_refusals(facts: DayFacts, law: Law) -> list[Refusal]:
    """Every reason the day stays open (不能日结的理由)."""
    source, found = law["day_close_identity"].citation, []
    if facts.is_closed:
        return [Refusal("day-closed-already", f"{facts.day} 已经日结", source)]
    if facts.day >= facts.today:
        found.append(Refusal("day-not-over", "当天尚未结束，次日方可日结", source))
    if facts.status is None:
        found.append(Refusal("statement-missing", f"没有 {facts.day} 的对账单", source))
        return found
    if facts.status is not StatementStatus.MATCHED:
        found.append(Refusal("statement-not-matched", f"{facts.day} 的对账单尚未逐笔相符", source))
    if facts.open_differences:
        message = f"截至 {facts.day} 有 {facts.open_differences} 件差异未了"
        found.append(Refusal("difference-open", message, source))
    if facts.earlier_open is not None:
        found.append(Refusal("earlier-day-open", f"{facts.earlier_open} 尚未日结，须逐日结账", source))
    if facts.closing + facts.transit != facts.ledger:
        message = (
            f"银行期末 {yuan_of(facts.closing)} 元，未达 {yuan_of(facts.transit)} 元，"
            f"账簿 1101 为 {yuan_of(facts.ledger)} 元，不相符"
        )
        found.append(Refusal("balance-identity", message, source))
    return found
