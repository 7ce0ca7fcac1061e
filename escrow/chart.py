"""Chart of accounts of a supervised account's book, and the only ways money may go (会计科目与资金去向). Pure.

Codes and events as in the bureau's chart: P1 入账, P2 不明入账, P3 认领, P4 冲正, P5 退回付款人, P20 解除监管. Where a building
has no quota, all matched money stands in 2111. Memo accounts (8xxx) carry no money of their own.
"""

from dataclasses import dataclass

from ledger.money import ZERO, Yuan
from ledger.movements import Movement
from ledger.terms import Side

DEPOSITS_AT_BANK = "1101"
TRANSFER_IN_TRANSIT = "1102"
BANK_ERROR_RECEIVABLE = "1301"
UNMATCHED = "2101"
RETURN_TO_PAYER = "2102"
KEY_FUNDS = "2111"
GENERAL_FUNDS = "2112"
PAYMENT_IN_TRANSIT = "2201"
REFUND_IN_TRANSIT = "2202"
ONWARD = "2203"
REFUND_PAYABLE = "2301"
INTEREST = "2401"
RELEASED_PAYABLE = "2501"
BANK_SURPLUS = "2901"
PAID_IN_BY_CONTRACT = "8101"
MEMO_CONTRA = "8199"
QUOTA = "8201"
GUARANTEE = "8202"
NODE_RELEASED = "8203"
KEY_PAID = "8204"
WITHDRAWAL_HOLD = "8301"
REFUND_HOLD = "8302"
JUDICIAL_HOLD = "8303"


@dataclass(frozen=True, slots=True)
class Heading:
    """One heading of the chart: its Chinese name, normal side and floor (科目)."""

    label: str
    side: Side
    floor: Yuan | None = ZERO


HEADINGS = {
    DEPOSITS_AT_BANK: Heading("监管专户存款", Side.DEBIT),
    TRANSFER_IN_TRANSIT: Heading("户间划转在途", Side.DEBIT),
    BANK_ERROR_RECEIVABLE: Heading("应收银行更正款", Side.DEBIT),
    UNMATCHED: Heading("待认领款", Side.CREDIT),
    RETURN_TO_PAYER: Heading("待退付款人款", Side.CREDIT),
    KEY_FUNDS: Heading("重点监管资金", Side.CREDIT),
    GENERAL_FUNDS: Heading("一般监管资金", Side.CREDIT),
    PAYMENT_IN_TRANSIT: Heading("拨付在途", Side.CREDIT),
    REFUND_IN_TRANSIT: Heading("退款在途", Side.CREDIT),
    ONWARD: Heading("待划转现账户款", Side.CREDIT),
    REFUND_PAYABLE: Heading("应退购房款", Side.CREDIT),
    INTEREST: Heading("监管户利息", Side.CREDIT),
    RELEASED_PAYABLE: Heading("解除监管应付款", Side.CREDIT),
    BANK_SURPLUS: Heading("银行长款挂账", Side.CREDIT),
    PAID_IN_BY_CONTRACT: Heading("合同累计缴存", Side.CREDIT),
    MEMO_CONTRA: Heading("备查对方科目", Side.DEBIT, None),
    QUOTA: Heading("监管额度", Side.CREDIT),
    GUARANTEE: Heading("保函额度", Side.CREDIT),
    NODE_RELEASED: Heading("节点释放额", Side.CREDIT),
    KEY_PAID: Heading("重点资金已拨额", Side.CREDIT),
    WITHDRAWAL_HOLD: Heading("用款占用", Side.CREDIT),
    REFUND_HOLD: Heading("退款占用", Side.CREDIT),
    JUDICIAL_HOLD: Heading("司法冻结", Side.CREDIT),
}

# Between the two kinds of a building's money, as its level asks (重点与一般之间的重分类).
_RESPLIT = frozenset({(KEY_FUNDS, GENERAL_FUNDS), (GENERAL_FUNDS, KEY_FUNDS)})


def _memo(*codes: str) -> frozenset[tuple[str, str]]:
    """A memo account noted and struck out again (备查登记与注销)."""
    return frozenset(way for code in codes for way in ((MEMO_CONTRA, code), (code, MEMO_CONTRA)))


RECEIVE_DEPOSIT = Movement(
    "P1", "购房款入账（超出或无主部分记待认领）",
    frozenset({
        (DEPOSITS_AT_BANK, KEY_FUNDS), (DEPOSITS_AT_BANK, GENERAL_FUNDS), (DEPOSITS_AT_BANK, UNMATCHED),
        (MEMO_CONTRA, PAID_IN_BY_CONTRACT),
    }),
)  # fmt: skip
REVERSE_DEPOSIT = Movement(
    "P4", "银行冲正（账内已无款的部分记应收银行更正款）",
    frozenset({
        (GENERAL_FUNDS, DEPOSITS_AT_BANK), (KEY_FUNDS, DEPOSITS_AT_BANK), (UNMATCHED, DEPOSITS_AT_BANK),
        (BANK_ERROR_RECEIVABLE, DEPOSITS_AT_BANK), (PAID_IN_BY_CONTRACT, MEMO_CONTRA),
    }),
)  # fmt: skip
CLAIM = Movement(
    "P3", "认领待认领款，归入合同",
    frozenset({(UNMATCHED, KEY_FUNDS), (UNMATCHED, GENERAL_FUNDS), (MEMO_CONTRA, PAID_IN_BY_CONTRACT)}),
)  # fmt: skip
DECIDE_RETURN = Movement("P5", "决定将待认领款退回付款人", frozenset({(UNMATCHED, RETURN_TO_PAYER)}))
INSTRUCT_RETURN = Movement("P5", "签发退回付款人", frozenset({(RETURN_TO_PAYER, PAYMENT_IN_TRANSIT)}))
SET_QUOTA = Movement("P7", "核定或调整监管额度（已核准节点的释放额随之调整）", _memo(QUOTA, NODE_RELEASED) | _RESPLIT)
REACH_NODE = Movement("P8", "工程节点核准，调整留存", _memo(NODE_RELEASED) | _RESPLIT)
HOLD_WITHDRAWAL = Movement("P9", "用款核准，占用额度", _memo(WITHDRAWAL_HOLD))
INSTRUCT_PAYMENT = Movement(
    "P10", "签发拨付通知书",
    frozenset({(GENERAL_FUNDS, PAYMENT_IN_TRANSIT), (KEY_FUNDS, PAYMENT_IN_TRANSIT)})
    | _memo(WITHDRAWAL_HOLD, KEY_PAID) | _RESPLIT,
)  # fmt: skip
PAYMENT_PAID = Movement("P11", "银行已付", frozenset({(PAYMENT_IN_TRANSIT, DEPOSITS_AT_BANK)}))
PAYMENT_FAILED = Movement(
    "P12", "银行未付，退回原处",
    frozenset({
        (PAYMENT_IN_TRANSIT, GENERAL_FUNDS), (PAYMENT_IN_TRANSIT, KEY_FUNDS),
        (PAYMENT_IN_TRANSIT, RELEASED_PAYABLE), (PAYMENT_IN_TRANSIT, RETURN_TO_PAYER),
        (PAYMENT_IN_TRANSIT, TRANSFER_IN_TRANSIT), (PAYMENT_IN_TRANSIT, ONWARD),
    }) | _memo(KEY_PAID) | _RESPLIT,
)  # fmt: skip
PAYMENT_RETURNED = Movement("P14", "付出后退汇", frozenset({(DEPOSITS_AT_BANK, PAYMENT_IN_TRANSIT)}))
HOLD_REFUND = Movement("P15", "退款核准，占用额度", _memo(REFUND_HOLD))
REFUND_DUE = Movement(
    "P16", "退款应付（先一般后重点）",
    frozenset({
        (GENERAL_FUNDS, REFUND_PAYABLE), (KEY_FUNDS, REFUND_PAYABLE), (UNMATCHED, REFUND_PAYABLE),
        (REFUND_HOLD, MEMO_CONTRA), (PAID_IN_BY_CONTRACT, MEMO_CONTRA),
    }) | _RESPLIT,
)  # fmt: skip
INSTRUCT_REFUND = Movement("P17", "签发退款通知书", frozenset({(REFUND_PAYABLE, REFUND_IN_TRANSIT)}))
REFUND_PAID = Movement("P17", "银行已退", frozenset({(REFUND_IN_TRANSIT, DEPOSITS_AT_BANK)}))
REFUND_FAILED = Movement(
    "P17", "银行未退，仍为应退", frozenset({(REFUND_IN_TRANSIT, REFUND_PAYABLE), (REFUND_IN_TRANSIT, ONWARD)})
)
REFUND_RETURNED = Movement("P14", "退出后退汇", frozenset({(DEPOSITS_AT_BANK, REFUND_IN_TRANSIT)}))
COURT_HOLD = Movement("P18", "司法冻结、续冻与解冻", _memo(JUDICIAL_HOLD))
COURT_DEDUCTION = Movement(
    "P18d", "司法扣划（先一般后重点）",
    frozenset({
        (GENERAL_FUNDS, DEPOSITS_AT_BANK), (KEY_FUNDS, DEPOSITS_AT_BANK), (JUDICIAL_HOLD, MEMO_CONTRA),
    }) | _RESPLIT,
)  # fmt: skip
SET_GUARANTEE = Movement("P19", "保函生效、递减与失效", _memo(GUARANTEE) | _RESPLIT)
BANK_SHORT = Movement(
    "P22", "银行少款或误扣，记应收银行更正款", frozenset({(BANK_ERROR_RECEIVABLE, DEPOSITS_AT_BANK)})
)
BANK_MADE_GOOD = Movement(
    "P22", "银行更正到账，冲应收银行更正款",
    frozenset({(DEPOSITS_AT_BANK, BANK_ERROR_RECEIVABLE), (UNMATCHED, BANK_ERROR_RECEIVABLE)}),
)  # fmt: skip
BANK_OVER = Movement("P23", "银行长款挂账", frozenset({(DEPOSITS_AT_BANK, BANK_SURPLUS)}))
BANK_TOOK_BACK = Movement("P23", "银行长款扣回", frozenset({(BANK_SURPLUS, DEPOSITS_AT_BANK)}))
RELEASE = Movement(
    "P20", "解除监管，余额转应付开发企业",
    frozenset({(KEY_FUNDS, RELEASED_PAYABLE), (GENERAL_FUNDS, RELEASED_PAYABLE)}),
)  # fmt: skip
INSTRUCT_RELEASE = Movement("P20", "签发解除监管划付", frozenset({(RELEASED_PAYABLE, PAYMENT_IN_TRANSIT)}))
INSTRUCT_TRANSFER = Movement("P21", "签发监管账户变更划转", frozenset({(TRANSFER_IN_TRANSIT, PAYMENT_IN_TRANSIT)}))
CARRY_OVER = Movement(
    "P21", "监管账户变更，余额转入另一账套",
    frozenset({
        (KEY_FUNDS, TRANSFER_IN_TRANSIT), (GENERAL_FUNDS, TRANSFER_IN_TRANSIT),
        (TRANSFER_IN_TRANSIT, KEY_FUNDS), (TRANSFER_IN_TRANSIT, GENERAL_FUNDS),
        (DEPOSITS_AT_BANK, TRANSFER_IN_TRANSIT), (TRANSFER_IN_TRANSIT, DEPOSITS_AT_BANK),
    }) | _memo(PAID_IN_BY_CONTRACT, QUOTA, NODE_RELEASED, KEY_PAID),
)  # fmt: skip
# What still happens on an account after its project moved: the fact stands in the old set of books, where the
# money is owed onward, and what it is for stands in the new one's, as money on its way.
LATE_AT_OLD = Movement(
    "P21", "变更之后原账户收付，待划转现账户", frozenset({(DEPOSITS_AT_BANK, ONWARD), (ONWARD, DEPOSITS_AT_BANK)})
)
LATE_FOR_LIVING = Movement(
    "P21", "原账户所收归现账户，划转在途",
    frozenset({
        (TRANSFER_IN_TRANSIT, code)
        for code in (UNMATCHED, RETURN_TO_PAYER, KEY_FUNDS, GENERAL_FUNDS, REFUND_PAYABLE, RELEASED_PAYABLE,
                     DEPOSITS_AT_BANK)
    }) | _memo(KEY_PAID) | _RESPLIT,
)  # fmt: skip
LATE_REVERSED = Movement(
    "P4", "银行冲正原账户的入账（在途的冲回，已到现账户的待退回银行）",
    frozenset({
        (code, to)
        for code in (GENERAL_FUNDS, KEY_FUNDS, UNMATCHED, BANK_ERROR_RECEIVABLE)
        for to in (TRANSFER_IN_TRANSIT, RETURN_TO_PAYER)
        if (code, to) != (BANK_ERROR_RECEIVABLE, RETURN_TO_PAYER)
    }) | {(PAID_IN_BY_CONTRACT, MEMO_CONTRA)},
)  # fmt: skip
INSTRUCT_ONWARD = Movement("P21", "签发原账户余款划转", frozenset({(ONWARD, PAYMENT_IN_TRANSIT)}))
ONWARD_ARRIVED = Movement("P21", "原账户余款划到现账户", frozenset({(DEPOSITS_AT_BANK, TRANSFER_IN_TRANSIT)}))
OPENING = Movement(
    "P26", "期初导入（累计缴存转入，导入前已拨付转出）",
    frozenset({
        (DEPOSITS_AT_BANK, KEY_FUNDS), (DEPOSITS_AT_BANK, GENERAL_FUNDS), (DEPOSITS_AT_BANK, UNMATCHED),
        (KEY_FUNDS, DEPOSITS_AT_BANK), (GENERAL_FUNDS, DEPOSITS_AT_BANK), (MEMO_CONTRA, PAID_IN_BY_CONTRACT),
        (MEMO_CONTRA, KEY_PAID), (KEY_FUNDS, GENERAL_FUNDS),
    }),
)  # fmt: skip

# Every way named above; events of one code differ in where their money goes (全部去向).
MOVEMENTS = tuple(one for one in list(globals().values()) if isinstance(one, Movement))

# What must be zero before supervision ends (解除监管前须清零的科目, P20).
OPEN_ITEMS = (
    TRANSFER_IN_TRANSIT, BANK_ERROR_RECEIVABLE, UNMATCHED, RETURN_TO_PAYER, PAYMENT_IN_TRANSIT,
    REFUND_IN_TRANSIT, REFUND_PAYABLE, INTEREST, BANK_SURPLUS, GUARANTEE, WITHDRAWAL_HOLD, REFUND_HOLD,
    JUDICIAL_HOLD,
)  # fmt: skip


def movement_label(code: str, debit: str, credit: str) -> str:
    """What an officer calls an event that went this way (业务名称)."""
    found = [one.label for one in MOVEMENTS if one.code == code and one.allows(debit, credit)]
    return "或".join(dict.fromkeys(found)) or code


def book_code(account_no: str) -> str:
    """The book of one supervised account (账套代码)."""
    return f"escrow:{account_no}"


def building_key(building_id: int) -> str:
    """The building dimension of 2111 and 2112 (楼幢辅助核算)."""
    return f"building:{building_id}"


def contract_key(contract_id: int) -> str:
    """The contract dimension of 8101 (合同辅助核算)."""
    return f"contract:{contract_id}"


def withdrawal_key(building_id: int, withdrawal_id: int) -> str:
    """The dimension of 8301: a building's own holds are found by its prefix (用款占用辅助核算)."""
    return f"building:{building_id}:withdrawal:{withdrawal_id}"


def refund_key(building_id: int, refund_id: int) -> str:
    """The dimension of 8302 and of 2301 (退款辅助核算)."""
    return f"building:{building_id}:refund:{refund_id}"


def instruction_key(instruction_id: int) -> str:
    """The dimension of 2201 and 2202 (指令辅助核算)."""
    return f"instruction:{instruction_id}"


def reversal_key(receipt_id: int) -> str:
    """The dimension of 2102: what goes back to the bank that reversed a receipt (退回银行辅助核算)."""
    return f"reversal:{receipt_id}"


def return_key(claim_id: int) -> str:
    """The dimension of 2102: one decision to return (退回辅助核算)."""
    return f"return:{claim_id}"


def receivable_key(receipt_id: int) -> str:
    """The dimension of 1301: the receipt whose reversal took more than there was; none: P22 (更正款辅助核算)."""
    return f"receipt:{receipt_id}"


def hold_key(hold_id: int) -> str:
    """The dimension of 8303 (冻结辅助核算)."""
    return f"hold:{hold_id}"
