"""How a bank's credit is matched, and when it must be refused (购房款入账). Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from config.regulations import Law
from escrow.contracts.rules import ContractStatus, Source
from escrow.errors import Refusal
from escrow.supervision.rules import AccountStatus
from ledger.money import ZERO, Yuan


class Channel(StrEnum):
    """How the money came (缴款渠道)."""

    COUNTER = "counter"
    POS = "pos"
    TRANSFER = "transfer"
    ONLINE = "online"
    LOAN = "loan"
    PROVIDENT_FUND = "provident_fund"


class ReceiptStatus(StrEnum):
    """What became of a receipt (入账状态)."""

    CONFIRMED = "confirmed"
    PARTLY_MATCHED = "partly_matched"
    UNMATCHED = "unmatched"
    REVERSED = "reversed"
    RETURNED = "returned"


# A suspended account pays nothing out, but money that did arrive is booked all the same.
TAKES_MONEY = frozenset({AccountStatus.ACTIVE, AccountStatus.SUSPENDED})


@dataclass(frozen=True, slots=True)
class NoticeFacts:
    """What is known of the notice a bank names, under its lock (缴款通知书事实)."""

    amount: Yuan
    paid: Yuan
    is_void: bool
    contract_status: ContractStatus
    same_account: bool


def matched(amount: Yuan, notice: NoticeFacts | None) -> Yuan:
    """How much of a credit belongs to the notice; the rest waits unmatched (匹配金额).

    An unknown, void or paid notice, one of another account, of a cancelled contract or of a building released
    from supervision takes nothing.
    The due day does not matter: money on an expired notice of a living contract is matched.
    """
    if notice is None or notice.is_void or not notice.same_account:
        return ZERO
    if notice.contract_status is ContractStatus.CANCELLED:
        return ZERO
    return min(amount, notice.amount - notice.paid)


def receipt_status(matched_: Yuan, remainder: Yuan, *, is_reversed: bool) -> ReceiptStatus:
    """What a bank is told of its receipt; what is neither matched nor unmatched goes back (入账状态)."""
    if is_reversed:
        return ReceiptStatus.REVERSED
    if remainder > ZERO:
        return ReceiptStatus.PARTLY_MATCHED if matched_ > ZERO else ReceiptStatus.UNMATCHED
    return ReceiptStatus.CONFIRMED if matched_ > ZERO else ReceiptStatus.RETURNED


def account_refusals(account_no: str, status: AccountStatus, law: Law) -> list[Refusal]:
    """Why an account takes no money: supervision not yet in effect, or already ended (账户不收款)."""
    if status in TAKES_MONEY:
        return []
    if status is AccountStatus.PROPOSED:
        source = law["account_active"].citation
        return [Refusal("account-not-active", f"监管账户 {account_no} 的监管协议尚未生效，不能收款", source)]
    source = law["release_after_first_registration"].citation
    return [Refusal("account-closed", f"监管账户 {account_no} 已解除监管，不再收款，请退回付款人", source)]


@dataclass(frozen=True, slots=True)
class ReversalFacts:
    """What is known of a receipt a bank wants back (冲正事实)."""

    receipt_no: str
    amount: Yuan
    asked: Yuan
    reversed_by: str | None
    refunded: Yuan = ZERO
    returned: Yuan = ZERO


def reversal_refusals(facts: ReversalFacts, law: Law) -> list[Refusal]:
    """Why a receipt may not be taken back: only whole, only once, and not what goes back already (冲正)."""
    source = law["reversal_whole"].citation
    found = []
    if facts.reversed_by is not None:
        found.append(
            Refusal("already-reversed", f"入账 {facts.receipt_no} 已由流水 {facts.reversed_by} 冲正", source)
        )
    if facts.asked != facts.amount:
        found.append(
            Refusal(
                "reversal-not-whole", f"冲正须为入账全额 {facts.amount} 元，所报为 {facts.asked} 元", source
            )
        )
    if facts.refunded > ZERO:
        message = f"入账 {facts.receipt_no} 已核准退款 {facts.refunded} 元，不能再冲正"
        found.append(Refusal("receipt-refunded", message, law["refund_within_paid"].citation))
    if facts.returned > ZERO:
        message = f"入账 {facts.receipt_no} 有 {facts.returned} 元已退回付款人或已冲抵更正款，不能再冲正"
        found.append(Refusal("receipt-returned", message, law["unmatched_to_payer"].citation))
    return found


@dataclass(frozen=True, slots=True)
class Given:
    """From where a reversed receipt is taken: the building, unmatched money, or nothing left (冲正来源)."""

    building: Yuan
    unmatched: Yuan
    uncovered: Yuan


def taken_from(matched_: Yuan, rest: Yuan, *, building: Yuan, unmatched: Yuan) -> Given:
    """Mirror of the booking as far as the account still has it; the rest the bank owes the account (P4)."""
    from_building = min(matched_, building)
    from_unmatched = min(rest, unmatched)
    return Given(from_building, from_unmatched, matched_ + rest - from_building - from_unmatched)


@dataclass(frozen=True, slots=True)
class Promise:
    """One payment of a contract's plan and what has been paid on it (计划款项)."""

    amount: Yuan
    paid: Yuan
    due_on: date
    source: Source


def is_made_good(plan: Sequence[Promise], today: date) -> bool:
    """Whether a contract at risk has its money again: all that is due, and its first own payment (风险已消除)."""
    own = [promise for promise in plan if promise.source is Source.OWN] or list(plan)
    owed = [promise for promise in plan if promise.due_on <= today] + own[:1]
    return bool(owed) and all(promise.paid == promise.amount for promise in owed)
