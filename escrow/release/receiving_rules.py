"""Whose account released money goes to, and who may say so (开发企业收款账户). Pure."""

from dataclasses import dataclass
from enum import StrEnum

from config.regulations import Law
from escrow.errors import Refusal

TWO_OFFICERS = "release_payee_two_officers"


class ReceivingStatus(StrEnum):
    """Life of a developer's receiving account in the register (收款账户登记状态)."""

    ENTERED = "entered"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    RETIRED = "retired"


# The only steps it takes (状态迁移).
RECEIVING_STEPS = {
    (ReceivingStatus.ENTERED, ReceivingStatus.CONFIRMED),
    (ReceivingStatus.ENTERED, ReceivingStatus.REJECTED),
    (ReceivingStatus.CONFIRMED, ReceivingStatus.RETIRED),
}
# One of a developer's at a time waits or is paid (在办或有效).
LIVE = (ReceivingStatus.ENTERED, ReceivingStatus.CONFIRMED)
RECEIVING_LABELS = {
    ReceivingStatus.ENTERED: "待确认",
    ReceivingStatus.CONFIRMED: "有效",
    ReceivingStatus.REJECTED: "已退回",
    ReceivingStatus.RETIRED: "已停用",
}


@dataclass(frozen=True, slots=True)
class ReceivingFacts:
    """What is known of an account somebody says is the developer's own (收款账户事实).

    `live`: the number of the developer's account that waits or is in force; `supervised`: it is, was or
    is to be a supervised account; `another`: who else is registered with it.
    """

    account_no: str
    live: str | None = None
    supervised: bool = False
    another: str | None = None


def receiving_refusals(facts: ReceivingFacts, law: Law) -> list[Refusal]:
    """Why an account is not registered as the developer's own (不予登记的理由)."""
    found, source = [], law["release_payout"].citation
    if facts.live is not None:
        message = f"开发企业已登记收款账户 {facts.live}，停用或退回之后方可另行登记"
        found.append(Refusal("receiving-live", message, law[TWO_OFFICERS].citation))
    if facts.supervised:
        message = f"账户 {facts.account_no} 是或曾是监管账户，不是开发企业自用的账户"
        found.append(Refusal("account-is-supervised", message, source))
    if facts.another is not None:
        message = f"账户 {facts.account_no} 已以“{facts.another}”的名义登记为收款账户"
        found.append(Refusal("account-of-another", message, source))
    return found


def decider_refusals(
    status: ReceivingStatus, entered_by: int, officer_id: int, law: Law,
    *, waits: ReceivingStatus = ReceivingStatus.ENTERED,
) -> list[Refusal]:  # fmt: skip
    """Why this officer cannot decide on it now (不能决定的理由)."""
    found, source = [], law[TWO_OFFICERS].citation
    if status is not waits:
        message = f"这个收款账户{RECEIVING_LABELS[status]}，不能再办理"
        found.append(Refusal("already-decided", message, source))
    if entered_by == officer_id and waits is ReceivingStatus.ENTERED:
        found.append(Refusal("same-officer", "收款账户由您登记，须由另一人员决定", source))
    return found
