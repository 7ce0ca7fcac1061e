"""What a drafted contract, its notices and its cancellation must satisfy (购房合同). Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from config.regulations import Law
from escrow.errors import Refusal
from escrow.supervision.rules import AccountStatus
from ledger.money import ZERO, Yuan


class ContractStatus(StrEnum):
    """Life of a contract as the filing system sees it (合同状态)."""

    DRAFTED = "drafted"
    FILED = "filed"
    AT_RISK = "at-risk"
    CANCELLED = "cancelled"


class PaymentKind(StrEnum):
    """Which part of the price a payment is (款项性质)."""

    EARNEST = "earnest"
    DOWN = "down"
    INSTALMENT = "instalment"
    LOAN = "loan"
    FINAL = "final"
    FULL = "full"


class Source(StrEnum):
    """Whose money pays it (资金来源)."""

    OWN = "own"
    LOAN = "loan"
    PROVIDENT_FUND = "provident_fund"


class NoticeStatus(StrEnum):
    """What a bank is told of a payment notice (缴款通知书状态)."""

    ISSUED = "issued"
    PARTLY_PAID = "partly_paid"
    PAID = "paid"
    VOID = "void"
    EXPIRED = "expired"


class IdType(StrEnum):
    """Which paper proves who a buyer is (证件类型)."""

    RESIDENT = "resident"
    PASSPORT = "passport"
    HK_MACAU = "hk_macau"
    TAIWAN = "taiwan"
    ORGANISATION = "organisation"


# The only steps a contract takes (合同状态迁移).
STEPS = {
    (ContractStatus.DRAFTED, ContractStatus.FILED),
    (ContractStatus.DRAFTED, ContractStatus.CANCELLED),
    (ContractStatus.FILED, ContractStatus.AT_RISK),
    (ContractStatus.AT_RISK, ContractStatus.FILED),
    (ContractStatus.FILED, ContractStatus.CANCELLED),
    (ContractStatus.AT_RISK, ContractStatus.CANCELLED),
}


FILED = frozenset({ContractStatus.FILED, ContractStatus.AT_RISK})


@dataclass(frozen=True, slots=True)
class Planned:
    """One payment of the plan (付款计划)."""

    payment_kind: PaymentKind
    amount: Yuan
    due_on: date
    source: Source


@dataclass(frozen=True, slots=True)
class Held:
    """A notice that money has come in on: its payment may no longer change (已缴款的通知书)."""

    notice_id: int
    notice_no: str
    planned: Planned


@dataclass(frozen=True, slots=True)
class Earlier:
    """The contract of this number as it stands (已有合同)."""

    status: ContractStatus
    same_unit: bool
    held: Sequence[Held] = ()


@dataclass(frozen=True, slots=True)
class DraftFacts:
    """What is known, under the locks, when a contract is drafted or changed (草拟事实)."""

    contract_no: str
    unit_code: str
    plan: Sequence[Planned]
    account_status: AccountStatus | None
    in_register: bool
    is_registered: bool
    taken_by: str | None
    earlier: Earlier | None = None
    is_released: bool = False


def draft_refusals(facts: DraftFacts, law: Law) -> list[Refusal]:
    """Every reason this contract may not be drafted or changed as sent (不予草拟的理由)."""
    place = account_refusals(facts.account_status, law)
    return [*_earlier_refusals(facts, law), *place, *_unit_refusals(facts, law)]


def kept(held: Sequence[Held], plan: Sequence[Planned]) -> dict[int, Held]:
    """At which places of the plan the paid notices reappear unchanged (保留的通知书); each of them once."""
    places: dict[int, Held] = {}
    for notice in held:
        same = (at for at, payment in enumerate(plan) if at not in places and payment == notice.planned)
        if (at := next(same, None)) is not None:
            places[at] = notice
    return places


def _earlier_refusals(facts: DraftFacts, law: Law) -> list[Refusal]:
    if facts.earlier is None:
        return []
    earlier, source, found = facts.earlier, law["contract_fixed"].citation, []
    if earlier.status in FILED:
        found.append(Refusal("contract-filed", f"合同 {facts.contract_no} 已备案，不得变更", source))
    if earlier.status is ContractStatus.CANCELLED:
        message = f"合同 {facts.contract_no} 已注销，请使用新的合同号"
        found.append(Refusal("contract-cancelled", message, source))
    if not earlier.same_unit:
        message = f"合同 {facts.contract_no} 已定另一房屋，换房须注销后另行草拟"
        found.append(Refusal("unit-fixed", message, source))
    reappearing = kept(earlier.held, facts.plan).values()
    fixed = law["paid_notice_fixed"].citation
    found += [
        Refusal("paid-notice-changed", f"通知书 {notice.notice_no} 已有缴款，款项须原样保留", fixed)
        for notice in earlier.held
        if notice not in reappearing
    ]
    return found


def account_refusals(status: AccountStatus | None, law: Law) -> list[Refusal]:
    """Why no notice is issued now: the project has no account that takes money (不予签发的理由)."""
    if status is AccountStatus.ACTIVE:
        return []
    message = "项目没有处于正常状态的监管账户，不能签发缴款通知书"
    return [Refusal("account-not-active", message, law["account_active"].citation)]


def _unit_refusals(facts: DraftFacts, law: Law) -> list[Refusal]:
    found = []
    if not facts.in_register:
        message = f"房屋 {facts.unit_code} 不在此项目的楼盘表内"
        found.append(Refusal("unit-not-in-project", message, law["unit_in_permit"].citation))
    live = law["one_live_contract"].citation
    if facts.is_released and facts.earlier is None:
        message = f"房屋 {facts.unit_code} 所在楼幢已解除预售资金监管，不再草拟预售合同"
        found.append(Refusal("building-released", message, law["release_after_first_registration"].citation))
    if facts.is_registered:
        found.append(Refusal("unit-registered", f"房屋 {facts.unit_code} 已办理转移登记", live))
    if facts.taken_by is not None:
        message = f"房屋 {facts.unit_code} 已在合同 {facts.taken_by} 项下"
        found.append(Refusal("unit-taken", message, live))
    return found


def cancel_refusals(
    contract_no: str, status: ContractStatus, *, is_registered: bool, law: Law
) -> list[Refusal]:
    """Why this contract cannot be cancelled now (不予注销的理由): its home is the buyer's, or it ended before."""
    found = []
    if status is ContractStatus.CANCELLED:
        message = f"合同 {contract_no} 已经注销"
        found.append(Refusal("contract-cancelled", message, law["contract_fixed"].citation))
    elif status in FILED and is_registered:
        message = f"合同 {contract_no} 的房屋已办理转移登记，不得注销"
        found.append(Refusal("unit-registered", message, law["cancel_before_transfer"].citation))
    return found


@dataclass(frozen=True, slots=True)
class NoticeFacts:
    """What a notice's state depends on (通知书现状)."""

    amount: Yuan
    paid: Yuan
    due_on: date
    voided: bool
    cancelled: bool


def notice_status(facts: NoticeFacts, today: date) -> NoticeStatus:
    """What a bank is told of a notice today (通知书状态); money for an expired one still finds its contract."""
    if facts.voided or facts.cancelled:
        return NoticeStatus.VOID
    if facts.paid == facts.amount:
        return NoticeStatus.PAID
    if today > facts.due_on:
        return NoticeStatus.EXPIRED
    return NoticeStatus.PARTLY_PAID if facts.paid > ZERO else NoticeStatus.ISSUED
