"""When supervision may end: first registration always, the agreement's clauses in addition (解除监管). Pure.

Every precondition is one Condition, met or not, with its source: the page shows them all beforehand,
and what is not met is what an approval is refused with.
"""

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from config.regulations import Law
from escrow import chart
from escrow.contracts.rules import ContractStatus
from escrow.errors import Refusal
from escrow.release.clauses import Building, Clause, Paper, Progress, clause_condition
from escrow.release.conditions import Condition, unsettled
from escrow.supervision.rules import AccountStatus
from ledger.money import ZERO, Yuan


class ReleaseStatus(StrEnum):
    """Life of one application for release (解除监管申请状态)."""

    ENTERED = "entered"
    APPROVED = "approved"
    REJECTED = "rejected"


class EvidenceStatus(StrEnum):
    """A filed paper waits for a second officer (佐证材料状态)."""

    ENTERED = "entered"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"


# The only steps an application and a filed paper take (状态迁移).
STEPS = {
    (ReleaseStatus.ENTERED, ReleaseStatus.APPROVED): chart.RELEASE,
    (ReleaseStatus.ENTERED, ReleaseStatus.REJECTED): None,
}
EVIDENCE_STEPS = {
    (EvidenceStatus.ENTERED, EvidenceStatus.CONFIRMED),
    (EvidenceStatus.ENTERED, EvidenceStatus.REJECTED),
}

# What must be zero, each under a code of its own (逐科目清零).
OPEN_CODES = {
    chart.TRANSFER_IN_TRANSIT: "open-transfer-in-transit",
    chart.BANK_ERROR_RECEIVABLE: "open-bank-error-receivable",
    chart.UNMATCHED: "open-unmatched",
    chart.RETURN_TO_PAYER: "open-return-to-payer",
    chart.PAYMENT_IN_TRANSIT: "open-payment-in-transit",
    chart.REFUND_IN_TRANSIT: "open-refund-in-transit",
    chart.REFUND_PAYABLE: "open-refund-payable",
    chart.INTEREST: "open-interest",
    chart.BANK_SURPLUS: "open-bank-surplus",
    chart.GUARANTEE: "open-guarantee",
    chart.WITHDRAWAL_HOLD: "open-withdrawal-hold",
    chart.REFUND_HOLD: "open-refund-hold",
    chart.JUDICIAL_HOLD: "open-judicial-hold",
}

ACCOUNT_LABELS = {
    AccountStatus.PROPOSED: "待受理",
    AccountStatus.ACTIVE: "正常",
    AccountStatus.SUSPENDED: "已暂停",
    AccountStatus.RELEASING: "已解除监管，待划付",
    AccountStatus.CLOSED: "已销户",
}


@dataclass(frozen=True, slots=True)
class OpenContract:
    """A contract that is not plainly filed, and the money still recorded under it (未了合同)."""

    contract_no: str
    status: ContractStatus
    paid_in: Yuan


@dataclass(frozen=True, slots=True)
class ReleaseFacts:
    """What is known of one account on the day its release is judged (解除监管事实)."""

    today: date
    account_status: AccountStatus
    application_no: str | None
    agreement_no: str | None
    agreement_waiting: int | None
    clauses: tuple[Clause, ...]
    papers: tuple[Paper, ...]
    buildings: tuple[Building, ...]
    units: int
    units_transferred: int
    balances: dict[str, Yuan]
    contracts: tuple[OpenContract, ...]
    pending_reversals: tuple[str, ...] = ()
    pending_withdrawals: tuple[str, ...] = ()
    uncovered_withdrawals: tuple[str, ...] = ()
    # The numbers behind a heading that is not settled (各科目未了事项).
    items: dict[str, str] = field(default_factory=dict)
    takeover_no: str | None = None
    other_application: str | None = None
    # Of chosen buildings only, named in `buildings`; the others stay under supervision.
    is_partial: bool = False
    released_before: tuple[str, ...] = ()


def checklist(facts: ReleaseFacts, law: Law) -> list[Condition]:
    """Every precondition of this release, met or not (解除监管条件清单)."""
    return [
        *_application_conditions(facts, law),
        *_registration_conditions(facts, law),
        *_agreement_conditions(facts, law),
        *_ledger_conditions(facts, law),
        *_contract_conditions(facts, law),
    ]


def refusals(facts: ReleaseFacts, law: Law) -> list[Refusal]:
    """Every reason this release must be refused; an empty list means it may proceed."""
    return [condition.refusal() for condition in checklist(facts, law) if not condition.met]


def entry_refusals(facts: ReleaseFacts, law: Law) -> list[Refusal]:
    """Why a new application cannot be taken; `application_no` is the one already there (不予受理)."""
    found = []
    if facts.account_status is not AccountStatus.ACTIVE:
        message = f"监管账户状态为“{ACCOUNT_LABELS[facts.account_status]}”，不能受理解除监管申请"
        found.append(Refusal("account-not-active", message, law["account_active"].citation))
    if facts.application_no is not None:
        message = f"该账户已有申请 {facts.application_no}，一个账户同时只能有一件"
        found.append(Refusal("application-live", message, law["release_two_officers"].citation))
    return found


def _application_conditions(facts: ReleaseFacts, law: Law) -> list[Condition]:
    number, other, status = facts.application_no, facts.other_application, facts.account_status
    return [
        Condition(
            "application-missing", "开发企业已提出申请", number is not None,
            f"申请书 {number}" if number else "尚未录入开发企业的解除监管申请书",
            law["release_applicant"].citation,
        ),
        Condition(
            "application-live", "没有其他在办申请", other is None,
            f"该账户已有申请 {other}，一个账户同时只能有一件" if other else "无其他在办申请",
            law["release_two_officers"].citation,
        ),
        Condition(
            "account-not-active", "监管账户状态正常", status is AccountStatus.ACTIVE,
            f"监管账户状态为“{ACCOUNT_LABELS[status]}”", law["account_active"].citation,
        ),
        Condition(
            "takeover-in-force", "没有现行的接管", facts.takeover_no is None,
            f"接管决定 {facts.takeover_no} 尚未终止，终止之后方可办理" if facts.takeover_no else "无现行接管",
            law["takeover_two_officers"].citation,
        ),
    ]  # fmt: skip


def _registration_conditions(facts: ReleaseFacts, law: Law) -> list[Condition]:
    source = law["release_after_first_registration"].citation
    missing = [building.building_no for building in facts.buildings if building.registered_on is None]
    if not facts.buildings:
        said = "监管账户名下没有楼幢，无从确认首次登记"
    elif missing:
        said = f"尚未确认首次登记的楼幢：{'、'.join(missing)}"
    else:
        said = "；".join(f"{one.building_no} 幢 {one.certificate_no}" for one in facts.buildings)
    met = bool(facts.buildings) and not missing
    label = "所申请的各幢均已完成首次登记" if facts.is_partial else "账户名下全部楼幢已完成首次登记"
    found = [Condition("first-registration-missing", label, met, said, source)]
    if facts.released_before:
        said = f"{'、'.join(facts.released_before)} 幢已解除监管，不能再次解除"
        found.append(Condition("building-released", "所申请的各幢尚在监管中", False, said, source))
    return found


def _agreement_conditions(facts: ReleaseFacts, law: Law) -> list[Condition]:
    source = law["release_clauses_additional"].citation
    waiting, number = facts.agreement_waiting, facts.agreement_no
    progress = Progress(facts.today, facts.buildings, facts.units, facts.units_transferred, facts.papers)
    return [
        Condition(
            "agreement-missing", "监管协议有效", number is not None,
            f"监管协议 {number}" if number else "没有生效的监管协议，无从核对其约定", source,
        ),
        Condition(
            "agreement-waiting", "没有待受理的监管协议", waiting is None,
            f"监管协议第 {waiting} 版正在等待受理，受理或撤回后方可办理" if waiting else "无待受理版本", source,
        ),
        *(clause_condition(clause, progress, f"{source}；监管协议 {number}") for clause in facts.clauses),
    ]  # fmt: skip


def _ledger_conditions(facts: ReleaseFacts, law: Law) -> list[Condition]:
    source = law["release_nothing_open"].citation
    found = []
    for code in chart.OPEN_ITEMS:
        amount, label = facts.balances.get(code, ZERO), chart.HEADINGS[code].label
        said = unsettled(label, code, amount, facts.items.get(code))
        found.append(Condition(OPEN_CODES[code], f"{label}（{code}）已结清", amount == ZERO, said, source))
    pending = "、".join(facts.pending_reversals)
    said = f"冲正未了的入账：{pending}" if pending else "无未了冲正"
    found.append(
        Condition("reversal-pending", "没有未了的冲正", not pending, said, law["reversal_settled"].citation)
    )
    return [*found, *_withdrawal_conditions(facts, law)]


def _withdrawal_conditions(facts: ReleaseFacts, law: Law) -> list[Condition]:
    source = law["release_nothing_open"].citation
    waiting, short = "、".join(facts.pending_withdrawals), "、".join(facts.uncovered_withdrawals)
    return [
        Condition(
            "withdrawal-pending", "没有在办的用款", not waiting,
            f"在办的用款：{waiting}，须先核准签发、退回或撤销" if waiting else "无在办用款", source,
        ),
        Condition(
            "withdrawal-uncovered", "没有核准之后资金不足的用款", not short,
            f"核准之后资金不足的用款：{short}，须先补足签发或撤销" if short else "无此类用款", source,
        ),
    ]  # fmt: skip


def _contract_conditions(facts: ReleaseFacts, law: Law) -> list[Condition]:
    source = law["release_nothing_open"].citation
    drafted = _with_money(facts, ContractStatus.DRAFTED)
    unrefunded = _with_money(facts, ContractStatus.CANCELLED)
    at_risk = "、".join(one.contract_no for one in facts.contracts if one.status is ContractStatus.AT_RISK)
    return [
        Condition(
            "contract-drafted", "没有已收款而未备案的合同", not drafted,
            f"已收款而未备案的合同：{drafted}" if drafted else "无此类合同", source,
        ),
        Condition(
            "refund-outstanding", "已注销合同的款项均已退还", not unrefunded,
            f"已注销而款项尚未退还的合同：{unrefunded}" if unrefunded else "无此类合同", source,
        ),
        Condition(
            "contract-at-risk", "没有备案存疑的合同", not at_risk,
            f"备案后发生冲正、备案存疑的合同：{at_risk}" if at_risk else "无此类合同", source,
        ),
    ]  # fmt: skip


def _with_money(facts: ReleaseFacts, status: ContractStatus) -> str:
    found = [one for one in facts.contracts if one.status is status and one.paid_in != ZERO]
    return "、".join(f"{one.contract_no}（{one.paid_in} 元）" for one in found)


# --- who may decide ---


@dataclass(frozen=True, slots=True)
class Decider:
    """What the officer who wants to decide has had a hand in (决定人参与情况)."""

    entered_application: bool
    handled_registration: bool
    handled_evidence: bool


def decider_refusals(decider: Decider, status: ReleaseStatus, law: Law) -> list[Refusal]:
    """Why this officer cannot decide this application now (决定人回避)."""
    source = law["release_two_officers"].citation
    found = []
    if status is not ReleaseStatus.ENTERED:
        done = "批准" if status is ReleaseStatus.APPROVED else "退回"
        found.append(Refusal("already-decided", f"这件申请已经{done}，不能再次办理", source))
    if decider.entered_application:
        found.append(Refusal("same-officer", "申请由您录入，须由另一人员决定", source))
    return found


def approver_refusals(decider: Decider, law: Law) -> list[Refusal]:
    """Who made the facts by hand does not also approve what stands on them (批准人回避)."""
    source = law["release_two_officers"].citation
    found = []
    if decider.handled_registration:
        message = "您手工录入或确认过该项目的首次登记，不能再批准其解除监管"
        found.append(Refusal("approver-handled-registration", message, source))
    if decider.handled_evidence:
        message = "您录入或确认过该账户的佐证材料，不能再批准其解除监管"
        found.append(Refusal("approver-handled-evidence", message, source))
    return found


def evidence_refusals(status: EvidenceStatus, *, same_person: bool, law: Law) -> list[Refusal]:
    """Why a filed paper cannot be confirmed or rejected by this officer now (佐证确认不予办理)."""
    source = law["release_two_officers"].citation
    found = []
    if status is not EvidenceStatus.ENTERED:
        done = "确认" if status is EvidenceStatus.CONFIRMED else "退回"
        found.append(Refusal("already-decided", f"这份材料已经{done}，不能再次办理", source))
    if same_person:
        found.append(Refusal("same-officer", "录入人不能确认或退回自己录入的材料，须由另一人员办理", source))
    return found
