"""Why a sold unit stands on the daily list: its money is not in, or its loan is overdue (未到账). Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from escrow.contracts.rules import Source
from ledger.money import ZERO, Yuan

LOANS = frozenset({Source.LOAN, Source.PROVIDENT_FUND})


@dataclass(frozen=True, slots=True)
class Owed:
    """One living notice of a drafted or filed contract (在途通知书)."""

    amount: Yuan
    paid: Yuan
    due_on: date
    source: Source


@dataclass(frozen=True, slots=True)
class Arrears:
    """What a contract owes today, and why it is listed (未到账情况)."""

    due: Yuan
    paid: Yuan
    since: date
    reasons: tuple[str, ...]


def arrears(notices: Sequence[Owed], today: date) -> Arrears | None:
    """None when everything due by today is in; a payment due today is already looked for."""
    late = [notice for notice in notices if notice.due_on <= today and notice.paid < notice.amount]
    nothing_in = all(notice.paid == ZERO for notice in notices)
    if not late and not nothing_in:
        return None
    reasons = []
    if nothing_in:
        reasons.append("分文未到账")
    if any(notice.source not in LOANS for notice in late):
        reasons.append("到期自有资金未到账")
    if any(notice.source in LOANS and notice.due_on < today for notice in late):
        reasons.append("贷款逾期未到账")
    elif any(notice.source in LOANS for notice in late):
        reasons.append("贷款今日到期")
    due = sum((notice.amount for notice in notices if notice.due_on <= today), ZERO)
    paid = sum((notice.paid for notice in notices), ZERO)
    since = min(notice.due_on for notice in late or notices)
    return Arrears(due, paid, since, tuple(reasons))
