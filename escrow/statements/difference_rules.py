"""A difference between bank and book is explained by new entries, never by an edited row (差异了结). Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from config.regulations import Law
from escrow import chart
from escrow.errors import Refusal
from escrow.statements.rules import Cause, DifferenceStatus
from ledger.money import yuan_of
from ledger.movements import Movement


class Remedy(StrEnum):
    """What explains a difference: entries already there, one made for it, or nothing to book (了结办法)."""

    ENTRIES = "entries"
    NONE = "none"
    RECEIVABLE = "receivable"
    MADE_GOOD = "made-good"
    SURPLUS = "surplus"
    TAKEN_BACK = "taken-back"


REMEDY_LABELS = {
    Remedy.ENTRIES: "由已记的新凭证解释（填凭证号）",
    Remedy.NONE: "不涉及金额，无须记账",
    Remedy.RECEIVABLE: "银行少款：借 1301 应收银行更正款，贷 1101",
    Remedy.MADE_GOOD: "银行更正到账：借 1101，贷 1301 应收银行更正款",
    Remedy.SURPLUS: "银行长款：借 1101，贷 2901 银行长款挂账",
    Remedy.TAKEN_BACK: "银行扣回长款：借 2901，贷 1101",
}
CAUSE_LABELS = {
    Cause.TIMING: "入账时点不同",
    Cause.FEE: "利息或手续费",
    Cause.OMISSION: "漏记漏报",
    Cause.OUTSIDE: "体外收付",
    Cause.ERROR: "差错",
}
# The entry each remedy makes: its movement, the heading beside 1101, and which way the account moves.
BOOKS: dict[Remedy, tuple[Movement, str, int]] = {
    Remedy.RECEIVABLE: (chart.BANK_SHORT, chart.BANK_ERROR_RECEIVABLE, -1),
    Remedy.MADE_GOOD: (chart.BANK_MADE_GOOD, chart.BANK_ERROR_RECEIVABLE, 1),
    Remedy.SURPLUS: (chart.BANK_OVER, chart.BANK_SURPLUS, 1),
    Remedy.TAKEN_BACK: (chart.BANK_TOOK_BACK, chart.BANK_SURPLUS, -1),
}


# What each remedy takes from: no book shows less than nothing.
TAKES_FROM: dict[Remedy, tuple[str, ...]] = {
    Remedy.RECEIVABLE: (chart.DEPOSITS_AT_BANK,),
    Remedy.MADE_GOOD: (chart.BANK_ERROR_RECEIVABLE,),
    Remedy.TAKEN_BACK: (chart.DEPOSITS_AT_BANK, chart.BANK_SURPLUS),
}


@dataclass(frozen=True, slots=True)
class ClosingFacts:
    """A difference that somebody wants closed (了结事实). `explained`: what the named entries come to, in fen."""

    status: DifferenceStatus
    delta: int
    remedy: Remedy
    explained: int
    strange: tuple[str, ...]
    asked_by: int | None
    officer_id: int
    confirming: bool
    # What is in the book under each heading the remedy takes from, in fen.
    held: Mapping[str, int] = field(default_factory=dict)


def closing_refusals(facts: ClosingFacts, law: Law) -> list[Refusal]:
    """Every reason this difference is not closed so by this officer (不能了结的理由)."""
    return [*_step_refusals(facts, law), *_entry_refusals(facts, law)]


def _step_refusals(facts: ClosingFacts, law: Law) -> list[Refusal]:
    source = law["difference_two_officers"].citation
    if facts.status is DifferenceStatus.CLOSED:
        return [Refusal("difference-closed", "这件差异已经了结", source)]
    if facts.confirming and facts.asked_by is None:
        return [Refusal("difference-not-asked", "尚未录入查明结果", source)]
    if facts.confirming and facts.asked_by == facts.officer_id:
        return [Refusal("same-officer", "了结须由另一名人员确认", source)]
    if not facts.confirming and facts.asked_by is not None:
        return [Refusal("difference-asked", "已有人录入查明结果，等待另一名人员确认", source)]
    return []


def _entry_refusals(facts: ClosingFacts, law: Law) -> list[Refusal]:
    source, found = law["difference_needs_entries"].citation, []
    found += [
        Refusal("entry-explains-nothing", f"凭证 {one} 不是本账户在差异之后新记、尚未勾对的存款动账", source)
        for one in facts.strange
    ]
    if facts.remedy is Remedy.ENTRIES and facts.explained != facts.delta:
        message = f"差异为 {yuan_of(facts.delta)} 元，所列凭证合计 {yuan_of(facts.explained)} 元，未能解释"
        found.append(Refusal("not-explained", message, source))
    if facts.remedy is Remedy.NONE and facts.delta:
        message = f"差异为 {yuan_of(facts.delta)} 元，须有新的凭证解释"
        found.append(Refusal("not-explained", message, source))
    if facts.remedy in BOOKS and (facts.delta == 0 or (facts.delta > 0) != (BOOKS[facts.remedy][2] > 0)):
        message = f"差异为 {yuan_of(facts.delta)} 元，与“{REMEDY_LABELS[facts.remedy]}”方向不符"
        found.append(Refusal("remedy-other-way", message, source))
    for heading, fen in facts.held.items():
        if fen < abs(facts.delta):
            message = (
                f"账簿 {heading} 只有 {yuan_of(fen)} 元，记不了 {yuan_of(abs(facts.delta))} 元："
                "请先查清缺少的对账单、期初或入账"
            )
            found.append(Refusal("nothing-to-take", message, source))
    return found
