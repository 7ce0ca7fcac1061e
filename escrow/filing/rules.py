"""May this contract be filed? Facts and law in, every reason out (备案前核对). Pure.

A check answers at one moment; a filing asks the same again under the lock, and whether its PASS still lives.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from config.clock import BUREAU, bureau_time
from config.regulations import Law
from escrow.contracts.rules import ContractStatus, Source
from escrow.errors import Refusal
from escrow.supervision.freshness import stale_refusals
from escrow.supervision.rules import AccountStatus
from ledger.money import ZERO, Yuan


class Decision(StrEnum):
    """The answer of a deposit check (核对结论)."""

    PASS = "pass"  # noqa: S105 - a decision, not a password
    FAIL = "fail"


FILED = frozenset({ContractStatus.FILED, ContractStatus.AT_RISK})


@dataclass(frozen=True, slots=True)
class Planned:
    """One payment of the contract's own plan (付款计划)."""

    amount: Yuan
    due_on: date
    source: Source


@dataclass(frozen=True, slots=True)
class Counted:
    """A receipt that counts: booked, matched to this contract and not reversed (计入的入账)."""

    receipt_id: int
    receipt_no: str
    bank_serial: str
    amount: Yuan
    booked_at: datetime


@dataclass(frozen=True, slots=True)
class Drafted:
    """The contract as this bureau holds it (本局登记的合同)."""

    unit_code: str
    price: Yuan
    status: ContractStatus
    plan: tuple[Planned, ...]
    receipts: tuple[Counted, ...]
    uncovered: Yuan = ZERO

    @property
    def deposited(self) -> Yuan:
        """What counts as being in the account for this contract (已缴存)."""
        return sum((receipt.amount for receipt in self.receipts), ZERO)


@dataclass(frozen=True, slots=True)
class Maintenance:
    """What the unit's maintenance fund asks at filing, and what stands there for it (维修资金)."""

    required: Yuan
    advanced: Yuan
    citation: str
    # What is to be done first where nothing can be paid yet.
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known on the bureau day about the contract asked for (核对事实)."""

    day: date
    unit_code: str
    price: Yuan
    contract: Drafted | None
    unit_in_register: bool
    unit_filed: bool
    project_known: bool
    permit_issued_on: date | None
    account_status: AccountStatus | None
    maintenance: Maintenance | None = None
    missing_statement: date | None = None


def refusals(facts: Facts, law: Law) -> list[Refusal]:
    """Every reason this contract may not be filed; an empty list means PASS."""
    return [
        *_contract_refusals(facts, law),
        *_account_refusals(facts, law),
        *stale_refusals(facts.missing_statement, law),
        *_deposit_refusals(facts, law),
        *_maintenance_refusals(facts.maintenance),
        *_unit_refusals(facts, law),
    ]


def required(contract: Drafted, day: date, law: Law) -> Yuan:
    """How much must be in the account: what is due by the filing day, at least the first own payment."""
    last = day + timedelta(days=law["deposit_due_within_days"].value)
    due = sum((payment.amount for payment in contract.plan if payment.due_on <= last), ZERO)
    own = [payment.amount for payment in contract.plan if payment.source is Source.OWN]
    return max(due, (own or [contract.plan[0].amount])[0])


def valid_until(checked_at: datetime, law: Law) -> datetime:
    """How long a PASS lives, never past the end of its bureau day (有效期)."""
    local = bureau_time(checked_at)
    day_ends = datetime.combine(local.date(), time(23, 59, 59), BUREAU)
    return min(local + timedelta(minutes=law["pass_minutes"].value), day_ends)


def _contract_refusals(facts: Facts, law: Law) -> list[Refusal]:
    contract, source = facts.contract, law["contract_matches"].citation
    if contract is None:
        return [Refusal("contract-unknown", "本局没有此合同号的草签合同", source)]
    if contract.status is ContractStatus.CANCELLED:
        return [Refusal("contract-unknown", "此合同已注销，不再是有效合同", source)]
    differs = []
    if contract.unit_code != facts.unit_code:
        differs.append(f"所报房屋 {facts.unit_code} 与本局登记的 {contract.unit_code} 不符")
    if contract.price != facts.price:
        differs.append(f"所报总价 {facts.price} 元与本局登记的 {contract.price} 元不符")
    return [Refusal("contract-mismatch", "；".join(differs), source)] if differs else []


def _account_refusals(facts: Facts, law: Law) -> list[Refusal]:
    known = facts.contract is not None or facts.project_known
    if not known or facts.account_status is AccountStatus.ACTIVE:
        return []
    return [Refusal("account-not-active", "项目没有处于正常状态的监管账户", law["account_active"].citation)]


def _deposit_refusals(facts: Facts, law: Law) -> list[Refusal]:
    contract = facts.contract
    if contract is None or not contract.receipts:
        evidence = law["deposit_before_filing"].citation
        found = [Refusal("deposit-missing", "监管专户内没有此合同已确认的入账", evidence)]
    elif contract.deposited < (least := required(contract, facts.day, law)):
        short = least - contract.deposited
        message = f"备案前应存入 {least} 元，已存入 {contract.deposited} 元，尚差 {short} 元"
        found = [Refusal("deposit-short", message, law["deposit_due_within_days"].citation)]
    else:
        found = []
    if contract and contract.uncovered > ZERO:
        message = f"此合同有银行冲正未了，账内尚欠 {contract.uncovered} 元"
        found.append(Refusal("reversal-pending", message, law["reversal_settled"].citation))
    return found


def _maintenance_refusals(asked: Maintenance | None) -> list[Refusal]:
    if asked is None or asked.advanced >= asked.required:
        return []
    short = asked.required - asked.advanced
    message = (
        f"备案前应足额缴纳住宅专项维修资金 {asked.required} 元（建设单位代缴或购房人自缴），"
        f"已缴 {asked.advanced} 元，尚差 {short} 元{asked.advice}"
    )
    return [Refusal("maintenance-unpaid", message, asked.citation)]


def _unit_refusals(facts: Facts, law: Law) -> list[Refusal]:
    found = []
    if facts.unit_filed:
        found.append(Refusal("unit-already-filed", "此房屋已有备案合同", law["one_filing_per_unit"].citation))
    permit = law["presale_permit"].citation
    if facts.project_known and facts.permit_issued_on is None:
        found.append(Refusal("project-not-permitted", "项目尚未取得商品房预售许可", permit))
    elif facts.permit_issued_on and facts.permit_issued_on > facts.day:
        message = f"预售许可 {facts.permit_issued_on} 方才核发，核对日尚未生效"
        found.append(Refusal("project-not-permitted", message, permit))
    if not facts.unit_in_register:
        message = f"房屋 {facts.unit_code} 不在此项目预售许可的楼盘表内"
        found.append(Refusal("unit-not-in-permit", message, law["unit_in_permit"].citation))
    return found


# --- the filing itself (网签备案) ---


@dataclass(frozen=True, slots=True)
class Pass:
    """The check that a filing quotes, as it was answered (备案所凭的核对)."""

    decision: Decision
    contract_no: str
    contract_version: int | None
    valid_until: datetime | None
    used: bool
    receipt_ids: frozenset[int]


@dataclass(frozen=True, slots=True)
class FilingFacts:
    """What is known, under the lock, when a contract is to be filed (备案事实)."""

    contract_no: str
    version: int
    filed_on: date
    at: datetime
    quoted: Pass | None
    now: Facts


def filing_refusals(facts: FilingFacts, law: Law) -> list[Refusal]:
    """Every reason the filing must be refused: the PASS does not live, or the facts have changed since."""
    return [*_day_refusals(facts, law), *_pass_refusals(facts, law), *refusals(facts.now, law)]


def _day_refusals(facts: FilingFacts, law: Law) -> list[Refusal]:
    if facts.filed_on == facts.now.day:
        return []
    message = f"备案日 {facts.filed_on} 不是办理当日 {facts.now.day}"
    return [Refusal("filed-on-not-today", message, law["filed_on_bureau_day"].citation)]


def _pass_refusals(facts: FilingFacts, law: Law) -> list[Refusal]:
    source, quoted = law["filing_needs_pass"].citation, facts.quoted
    if quoted is None:
        return [Refusal("check-unknown", "没有所引的核对编号", source)]
    if quoted.contract_no != facts.contract_no:
        return [Refusal("check-other-contract", "所引核对不属于此合同", source)]
    if quoted.decision is not Decision.PASS or quoted.valid_until is None:
        return [Refusal("check-not-passed", "所引核对的结论不是通过", source)]
    return [*_life_refusals(quoted, facts, law), *_receipt_refusals(quoted, facts.now.contract, law)]


def _life_refusals(quoted: Pass, facts: FilingFacts, law: Law) -> Sequence[Refusal]:
    source, found = law["filing_needs_pass"].citation, []
    if quoted.used:
        found.append(Refusal("check-used", "所引核对已经用于备案", source))
    if quoted.valid_until is None or facts.at > quoted.valid_until:
        found.append(Refusal("check-expired", "所引核对已过有效期，请重新核对", law["pass_minutes"].citation))
    if quoted.contract_version != facts.version:
        found.append(Refusal("check-outdated", "核对之后合同内容已变更，请重新核对", source))
    return found


def _receipt_refusals(quoted: Pass, contract: Drafted | None, law: Law) -> Sequence[Refusal]:
    standing = {receipt.receipt_id for receipt in contract.receipts} if contract else set()
    if quoted.receipt_ids <= standing:
        return []
    return [Refusal("receipt-reversed", "所引核对所列的入账已被冲正", law["reversal_settled"].citation)]
