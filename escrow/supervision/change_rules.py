"""When a project may move to another supervised account (监管账户变更). Pure."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from config.regulations import Law
from escrow import chart
from escrow.errors import Refusal
from escrow.supervision.rules import AccountNamed, AccountStatus
from ledger.money import ZERO, Yuan


class ChangeStatus(StrEnum):
    """Life of one change of account (监管账户变更状态)."""

    ENTERED = "entered"
    ORDERED = "ordered"
    DONE = "done"
    FAILED = "failed"
    RETURNED = "returned"
    REJECTED = "rejected"


CHANGE_LABELS = {
    ChangeStatus.ENTERED: "待决定",
    ChangeStatus.ORDERED: "已批准，划转在途",
    ChangeStatus.DONE: "已完成，新账户启用",
    ChangeStatus.FAILED: "划转未成，原账户继续使用",
    ChangeStatus.RETURNED: "划转退汇，原账户继续使用",
    ChangeStatus.REJECTED: "已退回",
}
# The only steps a change takes; an empty account has nothing to order (状态迁移).
CHANGE_STEPS = {
    (ChangeStatus.ENTERED, ChangeStatus.ORDERED),
    (ChangeStatus.ENTERED, ChangeStatus.DONE),
    (ChangeStatus.ENTERED, ChangeStatus.REJECTED),
    (ChangeStatus.ORDERED, ChangeStatus.DONE),
    (ChangeStatus.ORDERED, ChangeStatus.FAILED),
    (ChangeStatus.ORDERED, ChangeStatus.RETURNED),
    (ChangeStatus.DONE, ChangeStatus.RETURNED),
}
LIVE = (ChangeStatus.ENTERED, ChangeStatus.ORDERED)

# What must be zero before the balance moves, each under a code of its own (变更前须清零的科目).
OPEN_CODES = {
    chart.TRANSFER_IN_TRANSIT: "open-transfer-in-transit",
    chart.BANK_ERROR_RECEIVABLE: "open-bank-error-receivable",
    chart.UNMATCHED: "open-unmatched",
    chart.RETURN_TO_PAYER: "open-return-to-payer",
    chart.PAYMENT_IN_TRANSIT: "open-payment-in-transit",
    chart.REFUND_IN_TRANSIT: "open-refund-in-transit",
    chart.REFUND_PAYABLE: "open-refund-payable",
    chart.INTEREST: "open-interest",
    chart.RELEASED_PAYABLE: "open-released-payable",
    chart.BANK_SURPLUS: "open-bank-surplus",
    chart.GUARANTEE: "open-guarantee",
    chart.WITHDRAWAL_HOLD: "open-withdrawal-hold",
    chart.REFUND_HOLD: "open-refund-hold",
    chart.JUDICIAL_HOLD: "open-judicial-hold",
}
# What another room has under way on the account (在办事项).
PENDING_LABELS = {
    "instruction": "付款指令",
    "withdrawal": "用款申请",
    "withdrawal-rest": "银行未付而尚未再签、撤销或了结的用款",
    "refund": "退款",
    "release": "解除监管申请",
    "court-act": "司法文书",
    "guarantee": "保函",
    "takeover": "接管",
    "node": "工程节点申报",
    "agreement": "监管协议版本",
    "listing": "施工合同或收款账户登记",
}


@dataclass(frozen=True, slots=True)
class Pending:
    """Something under way on the account, by its number (在办事项)."""

    kind: str
    number: str


@dataclass(frozen=True, slots=True)
class Frozen:
    """A court's hold in force; no amount: the whole account (现行冻结)."""

    hold_no: str
    court: str
    amount: Yuan | None
    until: date


@dataclass(frozen=True, slots=True)
class Secured:
    """A guarantee in force in the place of this account's cash (现行保函)."""

    guarantee_no: str
    issuer: str
    left: Yuan
    until: date


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands on the account that would have to move with it (账户现状)."""

    balances: dict[str, Yuan]
    pending: tuple[Pending, ...]
    holds: tuple[Frozen, ...] = ()
    guarantees: tuple[Secured, ...] = ()


@dataclass(frozen=True, slots=True)
class ChangeFacts:
    """What is known of the account, under its lock, when a change is judged (变更事实)."""

    today: date
    signed_on: date
    status: AccountStatus
    present: AccountNamed
    asked: AccountNamed
    standing: Standing
    account_project: str | None = None
    agreement_project: str | None = None
    is_payee: bool = False
    other_change: str | None = None


def change_refusals(facts: ChangeFacts, law: Law) -> list[Refusal]:
    """Every reason the project may not move to this account now (不予变更的理由)."""
    return [*_account_refusals(facts, law), *open_refusals(facts.standing, law)]


def decider_refusals(status: ChangeStatus, entered_by: int, officer_id: int, law: Law) -> list[Refusal]:
    """Why this officer cannot decide this change now (不能决定的理由)."""
    source, found = law["account_change_two_officers"].citation, []
    if status is not ChangeStatus.ENTERED:
        found.append(Refusal("already-decided", f"这件变更{CHANGE_LABELS[status]}，不能再决定", source))
    if entered_by == officer_id:
        found.append(Refusal("same-officer", "变更由您录入，须由另一人员决定", source))
    return found


def _account_refusals(facts: ChangeFacts, law: Law) -> list[Refusal]:
    found, bound = [], law["agreement_account_once"].citation
    if facts.status is not AccountStatus.ACTIVE:
        message = "监管账户不在正常状态（未生效、已暂停、划转在途、已解除或已销户），不能变更"
        found.append(Refusal("account-not-active", message, law["account_active"].citation))
    if facts.other_change is not None:
        message = f"账户已有在办的变更 {facts.other_change}，一个账户同时只能有一件"
        found.append(Refusal("change-live", message, law["account_change_two_officers"].citation))
    if facts.asked.account_no == facts.present.account_no:
        found.append(Refusal("account-same", "新账号与现监管账号相同", bound))
    elif facts.account_project is not None:
        message = f"账户 {facts.asked.account_no} 是或曾是项目 {facts.account_project} 的监管账户"
        found.append(Refusal("account-taken", message, bound))
    if facts.agreement_project is not None:
        message = f"监管协议编号已用于项目 {facts.agreement_project}"
        found.append(Refusal("agreement-taken", message, bound))
    if facts.is_payee:
        message = f"账户 {facts.asked.account_no} 登记为收款账户，不能作监管账户"
        found.append(Refusal("account-is-payee", message, bound))
    return found


def open_refusals(standing: Standing, law: Law) -> list[Refusal]:
    """Everything that has to be settled before the account may move (变更前须了结的事项)."""
    source, found = law["account_change_clear"].citation, []
    told = {chart.JUDICIAL_HOLD: standing.holds, chart.GUARANTEE: standing.guarantees}
    for code, named in OPEN_CODES.items():
        amount, label = standing.balances.get(code, ZERO), chart.HEADINGS[code].label
        if amount != ZERO and not told.get(code):
            found.append(Refusal(named, f"{label}（{code}）尚有 {amount} 元未结清", source))
    found += [_frozen_refusal(one, law) for one in standing.holds]
    found += [_secured_refusal(one, law) for one in standing.guarantees]
    for kind, label in PENDING_LABELS.items():
        numbers = "、".join(one.number for one in standing.pending if one.kind == kind)
        if numbers:
            found.append(Refusal(f"{kind}-pending", f"{label} {numbers} 尚未办结", source))
    return found


def _frozen_refusal(one: Frozen, law: Law) -> Refusal:
    """A court froze this very account: only the court lets its money go elsewhere (冻结按账号)."""
    how_much = "全额" if one.amount is None else f"{one.amount} 元"
    message = (
        f"账户被{one.court}冻结{how_much}（冻结编号 {one.hold_no}，至 {one.until}）：冻结按账号办理，未经法院不得将款项移出；"
        "请先由法院解冻，或先出具对新账户的冻结文书再解冻本账户，登记之后办理变更"
    )
    return Refusal(OPEN_CODES[chart.JUDICIAL_HOLD], message, law["account_change_frozen"].citation)


def _secured_refusal(one: Secured, law: Law) -> Refusal:
    """A guarantee was given for the cash of this account: its issuer has agreed to no other (保函按账户)."""
    message = (
        f"{one.issuer}保函 {one.guarantee_no}（余额 {one.left} 元，至 {one.until}）置换的是本监管账户的额度，换户须经其同意；"
        "请先退还保函、补足资金，变更之后由新账户重新办理置换"
    )
    return Refusal(OPEN_CODES[chart.GUARANTEE], message, law["account_change_guaranteed"].citation)


def moving_refusal(account_no: str, status: ChangeStatus, other: str, law: Law) -> Refusal:
    """Why an account that moves, or has moved, neither takes nor pays money (账户变更中或已变更)."""
    source = law["account_changing"].citation
    if status is ChangeStatus.ORDERED:
        message = f"监管账户 {account_no} 正在变更，划转在途，待银行结果后再办理"
        return Refusal("account-changing", message, source)
    return Refusal("account-changed", f"监管账户 {account_no} 已不再使用，现监管账户为 {other}", source)
