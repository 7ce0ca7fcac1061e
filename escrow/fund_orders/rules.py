"""When an order may leave for the fund's bank (维修资金付款指令). Pure. Its answers are judged as all orders' are."""

from dataclasses import dataclass
from enum import StrEnum

from config.regulations import Law
from escrow.errors import Refusal
from escrow.instructions.rules import cash_refusals
from ledger.money import Yuan


class FundOrderKind(StrEnum):
    """What an order is for (指令种类)."""

    RETURN = "fund-return"
    USE_ADVANCE = "fund-use-advance"
    USE_FINAL = "fund-use-final"
    LOSS = "fund-loss"


KIND_LABELS = {
    FundOrderKind.RETURN: "退还交存",
    FundOrderKind.USE_ADVANCE: "维修工程预付",
    FundOrderKind.USE_FINAL: "维修工程结算",
    FundOrderKind.LOSS: "房屋灭失返还",
}
PAPERS = {
    FundOrderKind.RETURN: "维修资金退款通知书",
    FundOrderKind.USE_ADVANCE: "维修资金拨付通知书",
    FundOrderKind.USE_FINAL: "维修资金拨付通知书",
    FundOrderKind.LOSS: "维修资金返还通知书",
}


@dataclass(frozen=True, slots=True)
class IssueFacts:
    """What is known when somebody wants an order to leave (签发事实)."""

    amount: Yuan
    # What lies at the bank and no open order takes already.
    cash: Yuan
    decided_by: int
    officer_id: int
    is_active: bool = True
    causes: tuple[str, ...] = ()
    # The order that already pays the same, where there is one.
    standing: str | None = None


def issue_refusals(facts: IssueFacts, law: Law, orders: Law) -> list[Refusal]:
    """Every reason nothing leaves now (不得签发的理由); `law`: the fund's, `orders`: that of all orders."""
    source = orders["instruction_account_open"].citation
    found = [Refusal("account-suspended", f"专户已停付：{cause}", source) for cause in facts.causes]
    if not facts.is_active:
        found.append(Refusal("account-not-active", "专户未开立或已销户，不得签发付款指令", source))
    if facts.decided_by == facts.officer_id:
        message = "签发须由决定付款以外的人员办理"
        found.append(Refusal("same-officer", message, law["fund_two_officers"].citation))
    if facts.standing is not None:
        message = f"这笔款已签发指令 {facts.standing}，未付、退汇或撤销之前不得再签发"
        found.append(Refusal("already-ordered", message, law["fund_order_once"].citation))
    return found + cash_refusals(facts.cash, facts.amount, orders)


class AccountStatus(StrEnum):
    """Life of another account for a return (改退状态)."""

    ENTERED = "entered"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"


ACCOUNT_LABELS = {
    AccountStatus.ENTERED: "改退待确认",
    AccountStatus.CONFIRMED: "已改退",
    AccountStatus.REJECTED: "改退已退回",
}
ACCOUNT_STEPS = {
    (AccountStatus.ENTERED, AccountStatus.CONFIRMED),
    (AccountStatus.ENTERED, AccountStatus.REJECTED),
}


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """An order whose payee names another account (改退事实)."""

    number: str
    is_return: bool
    # The order that pays the same money now, where there is one.
    standing: str | None = None
    is_waiting: bool = False


def account_refusals(facts: AccountFacts, law: Law) -> list[Refusal]:
    """Why no other account is named now (不得改退的理由)."""
    found, source = [], law["fund_order_once"].citation
    if not facts.is_return:
        found.append(Refusal("not-a-return", f"指令 {facts.number} 不是退款，收款账户不能改", source))
    if facts.standing is not None:
        message = f"这笔款已签发指令 {facts.standing}，银行未付、退汇或撤销之后方可改退"
        found.append(Refusal("already-ordered", message, source))
    if facts.is_waiting:
        found.append(Refusal("account-waiting", "已有改退账户等待确认", law["fund_two_officers"].citation))
    return found
