"""When a buyer's repayment of the developer's advance is recorded (业主归还代缴款). Pure."""

from dataclasses import dataclass
from enum import StrEnum

from config.regulations import Law
from escrow.advances.rules import LIVING
from escrow.contracts.rules import ContractStatus
from escrow.errors import Refusal
from ledger.money import ZERO, Yuan


class RepaymentOrigin(StrEnum):
    """How we learn of it (来源)."""

    FILING = "filing"
    PAGE = "page"
    RETURNED = "returned"


class RepaymentStatus(StrEnum):
    """Life of a repayment; what the filing system reports is confirmed at once (归还登记状态)."""

    ENTERED = "entered"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"


ORIGIN_LABELS = {
    RepaymentOrigin.FILING: "网签系统报来",
    RepaymentOrigin.PAGE: "页面录入",
    RepaymentOrigin.RETURNED: "误缴款退建设单位了结",
}
STATUS_LABELS = {
    RepaymentStatus.ENTERED: "待确认",
    RepaymentStatus.CONFIRMED: "已登记",
    RepaymentStatus.REJECTED: "已退回",
}
# The only steps a repayment takes (状态迁移).
REPAYMENT_STEPS = {
    (RepaymentStatus.ENTERED, RepaymentStatus.CONFIRMED),
    (RepaymentStatus.ENTERED, RepaymentStatus.REJECTED),
}


@dataclass(frozen=True, slots=True)
class Claim:
    """What the buyer of a house owes its developer (代缴待收回)."""

    unit_code: str
    advanced: Yuan = ZERO
    repaid: Yuan = ZERO
    contract: ContractStatus | None = None
    # Another repayment of this house that nobody has decided yet.
    waiting: int | None = None
    # Whether the paper named was used for this house before.
    evidence_used: bool = False

    @property
    def owed(self) -> Yuan:
        """What is still owed (尚欠)."""
        return max(self.advanced - self.repaid, ZERO)


def repayment_refusals(claim: Claim, amount: Yuan, law: Law, *, own: int | None = None) -> list[Refusal]:
    """Every reason this repayment is not recorded: the developer collects once, what it advanced (不予登记的理由).

    `own` is the repayment itself where it was entered before.
    """
    found, unit, source = _claim_refusals(claim, amount, law), claim.unit_code, law["repaid_once"].citation
    if claim.evidence_used:
        found.append(Refusal("evidence-used", f"房屋 {unit} 的这份凭据已登记过归还，不得重复", source))
    if claim.waiting is not None and claim.waiting != own:
        message = f"房屋 {unit} 已有第 {claim.waiting} 号归还等待确认"
        found.append(Refusal("repayment-waiting", message, law["fund_two_officers"].citation))
    return found


def decider_refusals(
    decided: bool, *, entered_by: int | None, officer_id: int, law: Law
) -> list[Refusal]:
    """Why this officer does not decide what another entered (不能确认的理由)."""
    source = law["fund_two_officers"].citation
    if decided:
        return [Refusal("already-decided", "此件已经办结，不能再办", source)]
    if entered_by == officer_id:
        return [Refusal("same-officer", "确认须由录入人以外的人员办理", source)]
    return []


def _claim_refusals(claim: Claim, amount: Yuan, law: Law) -> list[Refusal]:
    unit, source = claim.unit_code, law["repaid_once"].citation
    if claim.contract is None:
        return [Refusal("no-contract", f"房屋 {unit} 没有购房合同，不登记归还", source)]
    if claim.contract not in LIVING:
        message = f"房屋 {unit} 的合同已注销，代缴款依规定退还，不登记归还"
        return [Refusal("contract-cancelled", message, source)]
    if claim.advanced == ZERO:
        return [Refusal("not-advanced", f"房屋 {unit} 没有建设单位代缴的款项，不得收取", source)]
    if claim.owed == ZERO:
        message = f"房屋 {unit} 代缴 {claim.advanced} 元已全部归还，不得再次收取"
        return [Refusal("already-repaid", message, source)]
    if amount > claim.owed:
        message = (
            f"房屋 {unit} 代缴 {claim.advanced} 元、已归还 {claim.repaid} 元，"
            f"尚欠 {claim.owed} 元，不得收取 {amount} 元"
        )
        return [Refusal("over-advanced", message, source)]
    return []
