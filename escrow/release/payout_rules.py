"""When released money is ordered of the bank, and when the account is closed (划付与销户). Pure."""

from dataclasses import dataclass

from config.regulations import Law
from escrow.errors import Refusal
from escrow.release.receiving_rules import TWO_OFFICERS
from escrow.release.rules import ACCOUNT_LABELS, ReleaseStatus
from escrow.supervision.rules import AccountStatus
from ledger.money import ZERO, Yuan


@dataclass(frozen=True, slots=True)
class PayoutFacts:
    """What a payout of released money is judged by (划付事实)."""

    status: ReleaseStatus
    approved_by: int | None
    officer_id: int
    # In whose name the confirmed account stands; none where none is confirmed.
    payee: str | None
    developer: str
    due: Yuan


def payout_refusals(facts: PayoutFacts, law: Law) -> list[Refusal]:
    """Why released money is not ordered of the bank now (不予签发划付的理由)."""
    source, found = law["release_payout"].citation, []
    if facts.payee is None:
        message = f"开发企业“{facts.developer}”的收款账户尚未登记并经另一人员确认"
        found.append(Refusal("payee-not-registered", message, law[TWO_OFFICERS].citation))
    elif facts.payee != facts.developer:
        message = f"解除监管款只付给开发企业“{facts.developer}”本户，登记的收款人为“{facts.payee}”"
        found.append(Refusal("payee-not-developer", message, source))
    if facts.approved_by == facts.officer_id:
        found.append(Refusal("same-officer", "批准解除监管的人员不能签发划付，须由另一人员办理", source))
    if facts.due == ZERO:
        found.append(Refusal("nothing-due", "没有待划付的解除监管款", source))
    return found


def close_refusals(
    status: AccountStatus, left: Yuan, open_orders: int, frozen: Yuan, law: Law
) -> list[Refusal]:
    """Why an account is not closed yet (不能销户的理由)."""
    source, found = law["release_payout"].citation, []
    if status is not AccountStatus.RELEASING:
        message = f"账户状态为“{ACCOUNT_LABELS[status]}”，不能销户"
        found.append(Refusal("account-not-releasing", message, source))
    if open_orders:
        message = f"还有 {open_orders} 件付款指令未得银行结果"
        found.append(Refusal("orders-open", message, source))
    if frozen != ZERO:
        message = "账户有司法冻结未解除，解冻或扣划之后方可销户"
        found.append(Refusal("court-hold", message, law["court_hold_construction"].citation))
    if left != ZERO:
        found.append(Refusal("account-not-empty", f"账面还有存款 {left} 元", source))
    return found
