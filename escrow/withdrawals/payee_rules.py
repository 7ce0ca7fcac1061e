"""Who may be paid: payees tied to a registered construction contract (收款人白名单). Pure."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from config.regulations import Law
from escrow.errors import Refusal
from escrow.supervision.rules import AccountStatus
from ledger.money import Yuan

TWO_OFFICERS = "withdrawal_two_officers"


class Purpose(StrEnum):
    """What a payment is for (用途)."""

    CONSTRUCTION = "construction"
    MATERIAL = "material"
    EQUIPMENT = "equipment"
    WAGES = "wages"
    OTHER = "other"


class PayeeKind(StrEnum):
    """Whose account it is: the contractor's own, or its migrant workers' wage account (收款账户种类)."""

    CONTRACTOR = "contractor"
    WAGES = "wages"


class ListingStatus(StrEnum):
    """Life of a construction contract or a payee in the register (登记状态)."""

    ENTERED = "entered"
    LISTED = "listed"
    REJECTED = "rejected"
    RETIRED = "retired"


# The only steps either takes (状态迁移).
LISTING_STEPS = {
    (ListingStatus.ENTERED, ListingStatus.LISTED),
    (ListingStatus.ENTERED, ListingStatus.REJECTED),
    (ListingStatus.LISTED, ListingStatus.RETIRED),
}
LISTING_LABELS = {
    ListingStatus.ENTERED: "待复核",
    ListingStatus.LISTED: "有效",
    ListingStatus.REJECTED: "已退回",
    ListingStatus.RETIRED: "已停用",
}
PURPOSE_LABELS = {
    Purpose.CONSTRUCTION: "工程款",
    Purpose.MATERIAL: "材料款",
    Purpose.EQUIPMENT: "设备款",
    Purpose.WAGES: "农民工工资",
    Purpose.OTHER: "其他",
}
KIND_LABELS = {PayeeKind.CONTRACTOR: "施工、材料、设备单位", PayeeKind.WAGES: "农民工工资专户"}
# What is the building's own construction; nothing else touches key funds (工程建设用途).
FOR_CONSTRUCTION = frozenset(Purpose) - {Purpose.OTHER}


@dataclass(frozen=True, slots=True)
class ContractFacts:
    """A construction contract against what is known (施工合同登记事实)."""

    account_status: AccountStatus
    contractor: str
    developer: str
    taken: bool


@dataclass(frozen=True, slots=True)
class PayeeFacts:
    """A payee against the contract it belongs to (收款人登记事实)."""

    contract_status: ListingStatus
    kind: PayeeKind
    name: str
    contractor: str
    developer: str
    account_no: str
    supervised_account: str
    listed_name: str | None


def contract_refusals(facts: ContractFacts, law: Law) -> list[Refusal]:
    """Why a construction contract cannot be registered (不予登记的理由)."""
    found, source = [], law["withdrawal_payee_listed"].citation
    if facts.account_status not in (AccountStatus.ACTIVE, AccountStatus.SUSPENDED):
        message = "监管账户已解除监管，不再登记施工合同"
        found.append(Refusal("account-not-active", message, law["account_active"].citation))
    if facts.contractor == facts.developer:
        found.append(Refusal("payee-is-developer", "开发企业不能与自己订立施工合同", source))
    if facts.taken:
        found.append(Refusal("contract-taken", "这个施工合同编号已登记", source))
    return found


def payee_refusals(facts: PayeeFacts, law: Law) -> list[Refusal]:
    """Why a payee cannot be listed (不予列入的理由)."""
    found, source = [], law["withdrawal_payee_listed"].citation
    if facts.contract_status is not ListingStatus.LISTED:
        found.append(Refusal("contract-not-listed", "施工合同尚未经复核登记，或已停用", source))
    if facts.name == facts.developer:
        found.append(Refusal("payee-is-developer", "收款人不能是开发企业本身", source))
    if facts.kind is PayeeKind.CONTRACTOR and facts.name != facts.contractor:
        message = f"收款人须是施工合同的承包人“{facts.contractor}”"
        found.append(Refusal("payee-not-contractor", message, source))
    if facts.kind is PayeeKind.WAGES and not facts.name.startswith(facts.contractor):
        message = f"农民工工资专户须由施工合同的承包人“{facts.contractor}”开立，户名以其名称开头"
        found.append(Refusal("payee-not-contractor", message, source))
    if facts.account_no == facts.supervised_account:
        found.append(Refusal("payee-is-supervised", "收款账号不能是监管账户本身", source))
    if facts.listed_name is not None and facts.listed_name != facts.name:
        message = f"这个账号已以“{facts.listed_name}”的名义登记"
        found.append(Refusal("account-of-another", message, source))
    return found


def listing_refusals(
    status: ListingStatus, entered_by: int, officer_id: int, law: Law,
    *, waits: ListingStatus = ListingStatus.ENTERED,
) -> list[Refusal]:  # fmt: skip
    """Why this officer cannot decide on it now (不能决定的理由)."""
    found, source = [], law[TWO_OFFICERS].citation
    if status is not waits:
        message = f"现状为“{LISTING_LABELS[status]}”，不能再办理"
        found.append(Refusal("already-decided", message, source))
    if entered_by == officer_id:
        found.append(Refusal("same-officer", "由您录入，须由另一人员决定", source))
    return found


@dataclass(frozen=True, slots=True)
class Line:
    """One payment asked for, with what is known of its payee and contract (用款明细).

    `committed`: what other applications not ended have asked for or been paid on the same contract.
    """

    payee_name: str
    kind: PayeeKind
    status: ListingStatus
    usable_on: date | None
    contract_no: str
    contract_status: ListingStatus
    contract_price: Yuan
    committed: Yuan
    progress: str
    purpose: Purpose
    amount: Yuan
    invoice_no: str
    invoice_used_by: str | None
