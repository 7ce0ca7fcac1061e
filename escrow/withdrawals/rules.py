"""When a developer's application may be paid, how much, and by how many officers (用款). Pure."""

from collections import Counter
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from config.regulations import Law
from escrow import chart
from escrow.errors import Refusal
from escrow.supervision.levels import Split, out_of
from escrow.supervision.limits import OWED, Limits
from escrow.supervision.rules import AccountStatus, QuotaMode
from escrow.withdrawals.payee_rules import FOR_CONSTRUCTION, Line, ListingStatus, PayeeKind, Purpose
from ledger.money import ZERO, Yuan


class WithdrawalStatus(StrEnum):
    """Life of an application (用款状态). What the bank made of it is read from its instructions."""

    ENTERED = "entered"
    REVIEWED = "reviewed"
    APPROVED = "approved"
    UNCOVERED = "uncovered"
    ISSUED = "issued"
    REJECTED = "rejected"
    REVOKED = "revoked"
    CLOSED = "closed"


class Channel(StrEnum):
    """Which money an application asks for (用款渠道)."""

    GENERAL = "general"
    KEY = "key"
    WAGES = "wages"


# The only steps an application takes, and the money each one moves (状态与资金同行).
STEPS = {
    (WithdrawalStatus.ENTERED, WithdrawalStatus.REVIEWED): None,
    (WithdrawalStatus.ENTERED, WithdrawalStatus.APPROVED): chart.HOLD_WITHDRAWAL,
    (WithdrawalStatus.REVIEWED, WithdrawalStatus.APPROVED): chart.HOLD_WITHDRAWAL,
    (WithdrawalStatus.ENTERED, WithdrawalStatus.REJECTED): None,
    (WithdrawalStatus.REVIEWED, WithdrawalStatus.REJECTED): None,
    (WithdrawalStatus.APPROVED, WithdrawalStatus.UNCOVERED): None,
    (WithdrawalStatus.APPROVED, WithdrawalStatus.ISSUED): chart.INSTRUCT_PAYMENT,
    (WithdrawalStatus.UNCOVERED, WithdrawalStatus.ISSUED): chart.INSTRUCT_PAYMENT,
    (WithdrawalStatus.APPROVED, WithdrawalStatus.REVOKED): chart.HOLD_WITHDRAWAL,
    (WithdrawalStatus.UNCOVERED, WithdrawalStatus.REVOKED): chart.HOLD_WITHDRAWAL,
    (WithdrawalStatus.ISSUED, WithdrawalStatus.REVOKED): None,
    (WithdrawalStatus.ISSUED, WithdrawalStatus.CLOSED): None,
}
WAITING = frozenset({WithdrawalStatus.ENTERED, WithdrawalStatus.REVIEWED})
HOLDING = frozenset({WithdrawalStatus.APPROVED, WithdrawalStatus.UNCOVERED})
STATUS_LABELS = {
    WithdrawalStatus.ENTERED: "待复核",
    WithdrawalStatus.REVIEWED: "已一级复核，待二级复核",
    WithdrawalStatus.APPROVED: "已核准，待签发",
    WithdrawalStatus.UNCOVERED: "已核准，资金不足",
    WithdrawalStatus.ISSUED: "已签发",
    WithdrawalStatus.REJECTED: "已退回",
    WithdrawalStatus.REVOKED: "已撤销",
    WithdrawalStatus.CLOSED: "已付一部分，余款了结",
}
CHANNEL_LABELS = {
    Channel.GENERAL: "一般监管资金",
    Channel.KEY: "重点监管资金（支用制，按节点）",
    Channel.WAGES: "农民工工资专户",
}


@dataclass(frozen=True, slots=True)
class WithdrawalFacts:
    """What is known, under the locks, of an application to be entered, approved or issued (用款事实).

    `limits` leave out what this very application holds; `key_reserved`: key funds other approvals wait for.
    `court_holds`: numbers of the holds in force. `at_risk`: a filed contract of the building whose money was
    reversed. `stopped`: a lapsed guarantee.
    """

    today: date
    account_status: AccountStatus
    channel: Channel
    lines: tuple[Line, ...]
    limits: Limits
    key_reserved: Yuan = ZERO
    court_order_no: str | None = None
    court_holds: tuple[str, ...] = ()
    at_risk: str | None = None
    stopped: str | None = None

    @property
    def amount(self) -> Yuan:
        """The whole application (用款合计)."""
        return sum((line.amount for line in self.lines), ZERO)

    @property
    def past_court(self) -> bool:
        """Construction only, with the bureau's order: it may pass a court's hold (附决定的工程用款)."""
        return bool(self.court_order_no) and all(line.purpose in FOR_CONSTRUCTION for line in self.lines)

    @property
    def split(self) -> Split:
        """How it divides between the two kinds of money now (重点与一般的划分)."""
        if self.channel is Channel.GENERAL:
            return Split(ZERO, self.amount)
        if self.channel is Channel.KEY:
            return Split(self.amount, ZERO)
        position = self.limits.position
        if position.mode is QuotaMode.FLOOR and self.amount <= position.held:
            return out_of(position, self.amount)
        general = min(self.amount, self.limits.payable(past_court=self.past_court))
        return Split(self.amount - general, general)


def refusals(facts: WithdrawalFacts, law: Law) -> list[Refusal]:
    """Every reason this application is refused; an empty list means it may proceed (不予拨付的理由)."""
    return [
        *standing_refusals(facts, law),
        *(refusal for line in facts.lines for refusal in line_refusals(line, facts.today, law)),
        *channel_refusals(facts, law),
        *_contract_refusals(facts, law),
        *limit_refusals(facts, law),
    ]


def standing_refusals(facts: WithdrawalFacts, law: Law) -> list[Refusal]:
    """Why nothing is paid from this account and building now, whatever it is for (账户与楼幢不付款)."""
    found = []
    if facts.account_status is not AccountStatus.ACTIVE:
        suspended = facts.account_status is AccountStatus.SUSPENDED
        said = "已暂停，恢复之前不付款" if suspended else "已解除监管，账户不再付款"
        found.append(Refusal("account-not-active", f"监管账户{said}", law["account_active"].citation))
    if facts.at_risk:
        message = f"合同 {facts.at_risk} 备案后款项被冲正，了结之前本幢不得拨付"
        found.append(Refusal("filing-at-risk", message, law["reversal_settled"].citation))
    if facts.stopped:
        message = f"保函 {facts.stopped} 已失效，资金补足之前本幢不得拨付"
        found.append(Refusal("guarantee-lapsed", message, law["guarantee_cash"].citation))
    return found


def line_refusals(line: Line, today: date, law: Law) -> list[Refusal]:
    """Why this payee cannot be paid this for that (逐笔不予拨付的理由)."""
    found, listed = [], law["withdrawal_payee_listed"].citation
    if {line.status, line.contract_status} != {ListingStatus.LISTED}:
        message = f"收款人“{line.payee_name}”或其施工合同 {line.contract_no} 不在有效白名单内"
        found.append(Refusal("payee-not-listed", message, listed))
    elif line.usable_on is not None and today < line.usable_on:
        message = f"收款人“{line.payee_name}”为新列账户，{line.usable_on} 起方可付款"
        found.append(Refusal("payee-too-new", message, law["withdrawal_payee_days"].citation))
    if (line.purpose is Purpose.WAGES) != (line.kind is PayeeKind.WAGES):
        message = f"农民工工资只付工资专户，工资专户只收农民工工资（“{line.payee_name}”）"
        found.append(Refusal("wages-to-wage-account", message, listed))
    if line.invoice_used_by:
        message = f"发票 {line.invoice_no} 已用于用款 {line.invoice_used_by}，不得重复使用"
        found.append(Refusal("invoice-reused", message, law["paper_used_once"].citation))
    return found


def channel_refusals(facts: WithdrawalFacts, law: Law) -> list[Refusal]:
    """Why this channel does not pay that, by the agreement as it stands now (渠道不付)."""
    found, source = [], law["key_funds_for_construction"].citation
    drawn = facts.limits.position.mode is QuotaMode.DRAW_DOWN
    if facts.channel is Channel.KEY and not drawn:
        message = "本账户按留存制监管，重点监管资金随节点转为一般资金后拨付，不直接支用"
        found.append(Refusal("key-not-drawn", message, law["withdrawal_within_limit"].citation))
    if facts.channel is Channel.WAGES and any(line.purpose is not Purpose.WAGES for line in facts.lines):
        found.append(Refusal("wages-only", "农民工工资渠道只付农民工工资", source))
    others = [line.payee_name for line in facts.lines if line.purpose not in FOR_CONSTRUCTION]
    if others and facts.split.key_funds > ZERO:
        message = f"重点监管资金只用于本项目工程建设，不得支付其他用途（{'、'.join(others)}）"
        found.append(Refusal("key-for-construction", message, source))
    if facts.court_order_no and others:
        message = f"冻结期间只有工程建设用款可凭决定支付（{'、'.join(others)}）"
        found.append(Refusal("court-construction-only", message, law["court_hold_construction"].citation))
    return found


def _contract_refusals(facts: WithdrawalFacts, law: Law) -> list[Refusal]:
    """No more on a contract than its price, and than the engineer certified as done (合同价与进度)."""
    found, source = [], law["withdrawal_within_contract"].citation
    asked: Counter[str] = Counter()
    for line in facts.lines:
        asked[line.contract_no] += line.amount.fen
    for number, fen in asked.items():
        lines = [line for line in facts.lines if line.contract_no == number]
        price, progress = lines[0].contract_price, min(Decimal(line.progress) for line in lines)
        total, done = lines[0].committed + Yuan.from_fen(fen), price.share(progress)
        if total > price:
            message = f"施工合同 {number} 累计用款 {total} 元，超过合同价 {price} 元"
            found.append(Refusal("over-contract", message, source))
        elif total > done:
            message = f"施工合同 {number} 累计用款 {total} 元，超过监理确认的进度 {progress}，即 {done} 元"
            found.append(Refusal("over-progress", message, source))
    invoices = Counter(line.invoice_no for line in facts.lines)
    for number in (number for number, times in invoices.items() if times > 1):
        message = f"发票 {number} 在本次申请中列了多次"
        found.append(Refusal("invoice-reused", message, law["paper_used_once"].citation))
    return found


# --- the money (限额) ---


def limit_refusals(facts: WithdrawalFacts, law: Law) -> list[Refusal]:
    """Why the money does not suffice now, each limit by itself (超过可拨付额度)."""
    source, split = law["withdrawal_within_limit"].citation, facts.split
    found, limits = [], facts.limits
    payable = limits.payable(past_court=facts.past_court)
    if limits.refunds_held > ZERO:
        message = f"本幢有已核准待付的退款 {limits.refunds_held} 元，退款先于用款"
        found.append(Refusal("refund-first", message, law["refund_before_withdrawal"].citation))
    short_by_hold = payable < split.general <= limits.payable(past_court=True)
    held_key = split.key_funds > ZERO and limits.account.of(chart.JUDICIAL_HOLD) > ZERO
    if short_by_hold or (held_key and not facts.past_court):
        found.append(_court_refusal(facts, law))
    if split.general > payable and not short_by_hold:
        message = f"本幢一般监管资金可拨 {payable} 元，申请 {split.general} 元"
        found.append(Refusal("over-payable", message, source))
    if split.key_funds > ZERO:
        found += _key_refusals(facts, split, law)
    return found


def _court_refusal(facts: WithdrawalFacts, law: Law) -> Refusal:
    """What a court's hold does not let pass, the hold named (司法冻结)."""
    named = "、".join(facts.court_holds)
    message = f"账户有司法冻结（{named}），冻结期间只有附本局决定的工程建设用款可以支付"
    return Refusal("court-hold", message, law["court_hold_construction"].citation)


def _key_refusals(facts: WithdrawalFacts, split: Split, law: Law) -> list[Refusal]:
    source, limits = law["withdrawal_within_limit"].citation, facts.limits
    found, position = [], limits.position
    if position.mode is QuotaMode.DRAW_DOWN:
        left = max(position.key_payable - facts.key_reserved, ZERO)
        if split.key_funds > left:
            message = f"已到节点的重点监管资金可拨 {left} 元，申请 {split.key_funds} 元"
            found.append(Refusal("over-node", message, source))
    elif split.key_funds + facts.key_reserved > position.key_funds or facts.amount > position.held:
        found.append(Refusal("over-funds", f"本幢资金 {position.held} 元，不足以支付", source))
    elif limits.withdrawals_held > ZERO:
        message = f"动用重点监管资金前，须先签发或撤销本幢已占用的用款 {limits.withdrawals_held} 元"
        found.append(Refusal("holds-first", message, source))
    bank = limits.account.of(chart.DEPOSITS_AT_BANK) - limits.account.of(*OWED)
    if facts.amount > bank:
        found.append(Refusal("over-cash", f"账户可动用现金 {max(bank, ZERO)} 元，不足以支付", source))
    return [*found, *_guarantee_refusals(facts, split, law)]


def _guarantee_refusals(facts: WithdrawalFacts, split: Split, law: Law) -> list[Refusal]:
    """With a guarantee in force a key payment leaves the cash share whole (保函置换后的现金比例)."""
    position, cash = facts.limits.position, law["guarantee_cash"]
    if position.guarantee == ZERO or position.quota is None:
        return []
    drawn = split.key_funds if position.mode is QuotaMode.DRAW_DOWN else ZERO
    needed = max(position.quota - position.key_paid - drawn, ZERO).share(Decimal(cash.value))
    if position.held - facts.amount >= needed:
        return []
    message = f"拨付后监管资金 {position.held - facts.amount} 元，低于保函置换要求的 {needed} 元，须先补足"
    return [Refusal("guarantee-cash-short", message, cash.citation)]
