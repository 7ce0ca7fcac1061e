"""When an order to the bank may change its state, and when its answer is to be believed (付款指令). Pure."""

from dataclasses import dataclass
from enum import StrEnum

from config.regulations import Law
from escrow import chart
from escrow.errors import Refusal
from escrow.supervision.rules import AccountStatus
from ledger.money import ZERO, Yuan


class InstructionKind(StrEnum):
    """What an order is for, and which paper it is (指令种类)."""

    WITHDRAWAL = "withdrawal"
    REFUND = "refund"
    RELEASE = "release"
    RETURN = "return"
    TRANSFER = "transfer"


class InstructionStatus(StrEnum):
    """Life of an order (指令状态)."""

    ISSUED = "issued"
    PAID = "paid"
    FAILED = "failed"
    UNKNOWN = "unknown"
    RETURNED = "returned"
    CANCELLED = "cancelled"


class Outcome(StrEnum):
    """What a bank says became of an order (银行结果)."""

    PAID = "paid"
    FAILED = "failed"
    UNKNOWN = "unknown"
    RETURNED = "returned"


# A receipt says from which account it came, not at which bank: the paying bank sends it back the same way.
ORIGINAL_BANK = "原付款行（原路退回）"
PAPERS = {
    InstructionKind.WITHDRAWAL: "拨付通知书",
    InstructionKind.REFUND: "退款通知书",
    InstructionKind.RELEASE: "解除监管通知书",
    InstructionKind.RETURN: "退回付款人通知书",
    InstructionKind.TRANSFER: "监管账户变更划转通知书",
}
STATUS_LABELS = {
    InstructionStatus.ISSUED: "已签发，待银行结果",
    InstructionStatus.PAID: "银行已付",
    InstructionStatus.FAILED: "银行未付",
    InstructionStatus.UNKNOWN: "结果不明，待查询",
    InstructionStatus.RETURNED: "付出后退汇",
    InstructionStatus.CANCELLED: "已撤销",
}
# The only steps an order takes, whoever reports them (状态迁移).
STEPS = {
    (InstructionStatus.ISSUED, InstructionStatus.PAID),
    (InstructionStatus.ISSUED, InstructionStatus.FAILED),
    (InstructionStatus.ISSUED, InstructionStatus.UNKNOWN),
    (InstructionStatus.ISSUED, InstructionStatus.CANCELLED),
    (InstructionStatus.UNKNOWN, InstructionStatus.PAID),
    (InstructionStatus.UNKNOWN, InstructionStatus.FAILED),
    (InstructionStatus.PAID, InstructionStatus.RETURNED),
}
# Nobody knows yet whether these are paid (尚无定论).
OPEN = frozenset({InstructionStatus.ISSUED, InstructionStatus.UNKNOWN})
# The in-transit heading and the movements of each kind (在途科目与资金去向).
IN_TRANSIT = {
    InstructionKind.WITHDRAWAL: chart.PAYMENT_IN_TRANSIT,
    InstructionKind.REFUND: chart.REFUND_IN_TRANSIT,
    InstructionKind.RELEASE: chart.PAYMENT_IN_TRANSIT,
    InstructionKind.RETURN: chart.PAYMENT_IN_TRANSIT,
    InstructionKind.TRANSFER: chart.PAYMENT_IN_TRANSIT,
}
_REFUND = {
    Outcome.PAID: chart.REFUND_PAID,
    Outcome.FAILED: chart.REFUND_FAILED,
    Outcome.RETURNED: chart.REFUND_RETURNED,
}
_PAYMENT = {
    Outcome.PAID: chart.PAYMENT_PAID,
    Outcome.FAILED: chart.PAYMENT_FAILED,
    Outcome.RETURNED: chart.PAYMENT_RETURNED,
}
# Accounts from which money may be ordered at all (可签发指令的账户状态).
PAYS = frozenset({AccountStatus.ACTIVE, AccountStatus.RELEASING})
MOVEMENTS = {kind: _REFUND if kind is InstructionKind.REFUND else _PAYMENT for kind in InstructionKind}


@dataclass(frozen=True, slots=True)
class ResultFacts:
    """A bank's answer against the order it answers (结果与指令对照).

    `paid_serial` and `returned_serial` are the bank transactions already believed, if any.
    """

    outcome: Outcome
    status: InstructionStatus
    amount: Yuan
    ordered: Yuan
    payee_account: str
    ordered_account: str
    bank_serial: str
    paid_serial: str | None = None
    returned_serial: str | None = None
    account_closed: bool = False


class Verdict(StrEnum):
    """What an answer does (答复的效力)."""

    MOVES = "moves"
    EARLY = "early"
    NOTHING = "nothing"
    CONFLICT = "conflict"


# An answer that agrees with what is known already (与现状一致的答复).
_AGREES = {
    (InstructionStatus.FAILED, Outcome.FAILED),
    (InstructionStatus.CANCELLED, Outcome.FAILED),
}


def verdict(facts: ResultFacts) -> Verdict:
    """Moves the order on, waits for its forerunner, changes nothing (late or repeated), or contradicts it."""
    if facts.amount != facts.ordered or facts.payee_account != facts.ordered_account:
        return Verdict.CONFLICT
    if (facts.status, InstructionStatus(facts.outcome.value)) in STEPS:
        denied = facts.outcome is Outcome.FAILED and facts.returned_serial is not None
        return Verdict.CONFLICT if denied or facts.account_closed else Verdict.MOVES
    if facts.outcome is Outcome.UNKNOWN or (facts.status, facts.outcome) in _AGREES:
        return Verdict.NOTHING
    believed = {Outcome.PAID: facts.paid_serial, Outcome.RETURNED: facts.returned_serial}.get(facts.outcome)
    if believed is not None:
        return Verdict.NOTHING if believed == facts.bank_serial else Verdict.CONFLICT
    if facts.outcome is Outcome.RETURNED and facts.status in OPEN:
        return Verdict.EARLY
    return Verdict.CONFLICT


def conflict_refusals(facts: ResultFacts, law: Law) -> list[Refusal]:
    """Every way an answer contradicts its order (结果与指令不符的理由)."""
    source, found = law["result_equals_order"].citation, []
    if facts.amount != facts.ordered:
        message = f"银行所报金额 {facts.amount} 元，与指令金额 {facts.ordered} 元不符"
        found.append(Refusal("amount-differs", message, source))
    if facts.payee_account != facts.ordered_account:
        found.append(Refusal("payee-differs", "银行所报收款账号与指令不符", source))
    if facts.account_closed:
        found.append(Refusal("account-closed", "监管账户已销户，款项不应再有进出", source))
    if not found:
        message = f"指令现状为“{STATUS_LABELS[facts.status]}”，与所报结果矛盾"
        found.append(Refusal("result-contradicts", message, source))
    return found


def issue_refusals(account: AccountStatus, causes: list[str], law: Law) -> list[Refusal]:
    """Why nothing is ordered from this account now, for whatever purpose (不得签发的理由)."""
    source = law["instruction_account_open"].citation
    found = [Refusal("account-suspended", f"账户已暂停：{cause}", source) for cause in causes]
    if account not in PAYS and not (found and account is AccountStatus.SUSPENDED):
        message = "账户未生效、已暂停或已销户，不得签发付款指令"
        found.append(Refusal("account-not-active", message, source))
    return found


def frozen_refusals(kind: InstructionKind, cash: Yuan, amount: Yuan, frozen: Yuan, law: Law) -> list[Refusal]:
    """What a court holds stays at the bank, whoever is owed; construction has its own way (冻结不付)."""
    if kind in (InstructionKind.WITHDRAWAL, InstructionKind.TRANSFER) or frozen == ZERO:
        return []
    if cash - amount >= frozen:
        return []
    message = f"账户被司法冻结，付出 {amount} 元后余额不足冻结金额；解冻或扣划之后方可签发"
    return [Refusal("court-hold", message, law["court_hold_construction"].citation)]


def cash_refusals(cash: Yuan, amount: Yuan, law: Law) -> list[Refusal]:
    """Nothing is ordered that does not lie at the bank: what is still on its way pays nobody (在行现金)."""
    if amount <= cash:
        return []
    message = f"账户在行现金 {cash} 元（已扣在途指令），不足以付出 {amount} 元；划转在途的款到账之后方可签发"
    return [Refusal("over-cash", message, law["instruction_within_cash"].citation)]


def break_refusals(breaks: int, law: Law) -> list[Refusal]:
    """While bank and book differ nothing is paid out (对账不符，查清前不拨付)."""
    if not breaks:
        return []
    message = f"账户有 {breaks} 件对账差异未了，查清之前不得付款"
    return [Refusal("account-unreconciled", message, law["break_stops_payment"].citation)]


@dataclass(frozen=True, slots=True)
class CancelFacts:
    """An order that somebody wants back (撤销事实)."""

    status: InstructionStatus
    answered: bool
    asked_by: int | None
    officer_id: int
    confirming: bool


def cancel_refusals(facts: CancelFacts, law: Law) -> list[Refusal]:
    """Why an order cannot be taken back now by this officer (不能撤销的理由)."""
    source, found = law["instruction_two_officers"].citation, []
    if facts.status is not InstructionStatus.ISSUED:
        message = f"指令现状为“{STATUS_LABELS[facts.status]}”，不能撤销；结果不明的须待银行答复未付"
        found.append(Refusal("instruction-answered", message, source))
    elif facts.answered:
        message = "银行已就这件指令来过答复，付与未付须先查清，不能撤销"
        found.append(Refusal("instruction-answered", message, source))
    if facts.confirming and facts.asked_by is None:
        found.append(Refusal("cancel-not-asked", "尚未录入撤销申请", source))
    elif facts.confirming and facts.asked_by == facts.officer_id:
        found.append(Refusal("same-officer", "撤销须由另一名人员确认", source))
    elif not facts.confirming and facts.asked_by is not None:
        found.append(Refusal("cancel-asked", "已有人录入撤销申请，等待另一名人员确认", source))
    return found
