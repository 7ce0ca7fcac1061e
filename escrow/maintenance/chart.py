"""Chart of accounts of a fund account's book, and the only ways its money may go (维修资金会计科目与资金去向). Pure.

Codes as in 财会〔2020〕7号 (cash basis 收付实现制); 2901–2903 are our own, 9xxx are memo accounts. Movements as
in the bureau's chart: M1 代缴 … M20 结转. The house dimension: a house's history stays on its own keys for
ever; what closes the year carries a community's key. So accounts of that dimension have no floor: PostgreSQL
gives the house one.
"""

from dataclasses import dataclass
from enum import StrEnum

from ledger.money import ZERO, Yuan
from ledger.movements import Movement
from ledger.terms import Side


class Nature(StrEnum):
    """Whose maintenance money it is by the house it belongs to (房屋性质)."""

    COMMODITY = "commodity"
    PUBLIC = "public"


BANK_COMMODITY, BANK_PUBLIC, BANK_BONDS = "100101", "100102", "100103"
BONDS = {Nature.COMMODITY: "110101", Nature.PUBLIC: "110102"}
IMPREST = "1201"
LOSS_PAYABLE = {Nature.COMMODITY: "200101", Nature.PUBLIC: "200102"}
UNCLAIMED, PREPAID, OVERPAID = "2901", "2902", "2903"
NET_ASSETS = {Nature.COMMODITY: "3001", Nature.PUBLIC: "3002"}
UNDISTRIBUTED = {Nature.COMMODITY: "310101", Nature.PUBLIC: "310102"}
DEPOSITS = {Nature.COMMODITY: "400101", Nature.PUBLIC: "400102"}
BANK_INTEREST = {Nature.COMMODITY: "410101", Nature.PUBLIC: "410102"}
BOND_INTEREST = {Nature.COMMODITY: "410201", Nature.PUBLIC: "410202"}
COMMON_INCOME = {Nature.COMMODITY: "420101", Nature.PUBLIC: "420102"}
DISPOSAL = {Nature.COMMODITY: "430101", Nature.PUBLIC: "430102"}
OTHER_INCOME = {Nature.COMMODITY: "490101", Nature.PUBLIC: "490102"}
WORKS, SUPERVISION, SURVEYS, OTHER_WORKS = REPAIRS = ("500101", "500102", "500103", "500104")
RETURNED = {Nature.COMMODITY: "510101", Nature.PUBLIC: "510102"}
OTHER_EXPENSE = {Nature.COMMODITY: "590101", Nature.PUBLIC: "590102"}
CLAIM, CLAIM_CONTRA = "9101", "9199"
USE_HOLD, USE_CONTRA = "9201", "9299"

BANK = {Nature.COMMODITY: BANK_COMMODITY, Nature.PUBLIC: BANK_PUBLIC}


@dataclass(frozen=True, slots=True)
class Heading:
    """One heading of the chart: its Chinese name, normal side and floor (科目)."""

    label: str
    side: Side
    floor: Yuan | None = ZERO


_IN, _OUT = Side.CREDIT, Side.DEBIT
HEADINGS = {
    BANK_COMMODITY: Heading("银行存款—商品住宅专户", _OUT),
    BANK_PUBLIC: Heading("银行存款—公有住房专户", _OUT),
    BANK_BONDS: Heading("银行存款—国债专户", _OUT),
    "110101": Heading("国债投资—商品住宅", _OUT),
    "110102": Heading("国债投资—已售公有住房", _OUT),
    IMPREST: Heading("备用金", _OUT),
    "200101": Heading("应付房屋灭失返还资金—商品住宅", _IN),
    "200102": Heading("应付房屋灭失返还资金—已售公有住房", _IN),
    UNCLAIMED: Heading("待认领款", _IN),
    PREPAID: Heading("单位预交款", _IN),
    OVERPAID: Heading("应退多缴款", _IN),
    "3001": Heading("商品住宅维修资金", _IN, None),
    "3002": Heading("已售公有住房维修资金", _IN, None),
    "310101": Heading("待分配累计收益—商品住宅", _IN),
    "310102": Heading("待分配累计收益—已售公有住房", _IN),
    "400101": Heading("交存收入—商品住宅", _IN, None),
    "400102": Heading("交存收入—已售公有住房", _IN, None),
    "410101": Heading("存款利息收入—商品住宅", _IN),
    "410102": Heading("存款利息收入—已售公有住房", _IN),
    "410201": Heading("国债利息收入—商品住宅", _IN),
    "410202": Heading("国债利息收入—已售公有住房", _IN),
    "420101": Heading("经营收入—商品住宅", _IN),
    "420102": Heading("经营收入—已售公有住房", _IN),
    "430101": Heading("共用设施处置收入—商品住宅", _IN),
    "430102": Heading("共用设施处置收入—已售公有住房", _IN),
    "490101": Heading("其他收入—商品住宅", _IN),
    "490102": Heading("其他收入—已售公有住房", _IN),
    WORKS: Heading("维修支出—工程费用", _OUT, None),
    SUPERVISION: Heading("维修支出—监理费用", _OUT, None),
    SURVEYS: Heading("维修支出—检测勘察设计费用", _OUT, None),
    OTHER_WORKS: Heading("维修支出—其他费用", _OUT, None),
    "510101": Heading("返还支出—商品住宅", _OUT, None),
    "510102": Heading("返还支出—已售公有住房", _OUT, None),
    "590101": Heading("其他支出—商品住宅", _OUT),
    "590102": Heading("其他支出—已售公有住房", _OUT),
    CLAIM: Heading("代缴待收回（备查）", _OUT),
    CLAIM_CONTRA: Heading("代缴待收回对方（备查）", _IN),
    USE_HOLD: Heading("使用占用（备查）", _IN),
    USE_CONTRA: Heading("使用占用对方（备查）", _OUT),
}

# The headings whose house keys together are what a house has (分户账余额所在科目).
HOUSE_CODES = (
    *NET_ASSETS.values(), *DEPOSITS.values(), *REPAIRS, *RETURNED.values(),
)  # fmt: skip

Routes = frozenset[tuple[str, str]]


def _ways(debits: tuple[str, ...], credits_: tuple[str, ...]) -> Routes:
    """Every debit with every credit (任一借方与任一贷方)."""
    return frozenset((debit, credit) for debit in debits for credit in credits_ if debit != credit)


def _by_nature(debits: dict[Nature, str], credits_: dict[Nature, str]) -> Routes:
    """Within one nature: commodity money never becomes public money (不串性质)."""
    return frozenset((debits[nature], credits_[nature]) for nature in Nature)


def _back(routes: Routes) -> Routes:
    return frozenset((credit, debit) for debit, credit in routes)


_BANKS = tuple(BANK.values())
_OWED: Routes = frozenset({(CLAIM, CLAIM_CONTRA)})
_SETTLED = _back(_OWED)
_HELD: Routes = frozenset({(USE_CONTRA, USE_HOLD)})
_FREED = _back(_HELD)
_PAID_IN = _by_nature(BANK, DEPOSITS)
_INCOMES = (BANK_INTEREST, BOND_INTEREST, COMMON_INCOME, DISPOSAL, OTHER_INCOME)

OPENING = Movement(
    "M0", "期初导入",
    _by_nature(BANK, NET_ASSETS) | _by_nature(BANK, UNDISTRIBUTED) | _by_nature(BONDS, NET_ASSETS)
    | _by_nature(BONDS, UNDISTRIBUTED) | _ways((*_BANKS, BANK_BONDS, IMPREST), (*NET_ASSETS.values(),))
    | _ways(_BANKS, (UNCLAIMED, PREPAID, OVERPAID, *LOSS_PAYABLE.values())) | _OWED,
)  # fmt: skip
# One line of a bank may bring what fits its house and what does not: one entry tells of all of it.
_ASIDE = _ways(_BANKS, (UNCLAIMED, OVERPAID))
ADVANCE = Movement("M1", "建设单位代缴首期维修资金（与户不符的部分另列）", _PAID_IN | _OWED | _ASIDE)
REPAY = Movement("M2", "购房人归还建设单位代缴款（账外收付，冲备查）", _SETTLED)
MISPAID = Movement("M2x", "重复或误缴入专户，记应退多缴款", _ways(_BANKS, (OVERPAID,)))
DECIDE_RETURN = Movement(
    "M2x", "决定退还（误缴退建设单位的，购房人视为已归还）",
    _ways((UNCLAIMED, PREPAID), (OVERPAID,)) | frozenset({(OVERPAID, OVERPAID)}) | _SETTLED,
)  # fmt: skip
MISPAID_RETURNED = Movement("M2x", "应退多缴款退还", _ways((OVERPAID,), _BANKS))
MISPAID_BACK = Movement("M2x", "应退款付出后退汇", _ways(_BANKS, (OVERPAID,)))
OWNER_DEPOSIT = Movement("M3", "业主或未售房屋首期交存（与户不符的部分另列）", _PAID_IN | _ASIDE)
LUMP_SUM = Movement("M4a", "单位预交，尚未分到户", _ways(_BANKS, (PREPAID,)))
SPREAD = Movement("M4b", "单位预交分到各户", _ways((PREPAID,), (*DEPOSITS.values(),)) | _OWED)
LUMP_RETURNED = Movement("M4r", "单位预交退还", _ways((PREPAID,), _BANKS))
FROM_PRESALE = Movement("M5", "由预售监管账户转入首期维修资金", _PAID_IN | _OWED)
UNIDENTIFIED = Movement("M6a", "不明入账，记待认领", _ways(_BANKS, (UNCLAIMED,)))
IDENTIFIED = Movement(
    "M6b", "认领待认领款", _ways((UNCLAIMED,), (*DEPOSITS.values(), PREPAID, OVERPAID)) | _OWED
)
UNIDENTIFIED_RETURNED = Movement("M6r", "待认领款退回付款人", _ways((UNCLAIMED,), _BANKS))
INTEREST = Movement(
    "M7", "存款利息入账", _by_nature(BANK, BANK_INTEREST) | _ways((BANK_BONDS,), (*BANK_INTEREST.values(),))
)
MOVE_SUBACCOUNT = Movement("M8a", "专户内存款划转", _ways((*_BANKS, BANK_BONDS), (*_BANKS, BANK_BONDS)))
BUY_BONDS = Movement("M8b", "购买国债", _ways((*BONDS.values(),), (BANK_BONDS,)))
REDEEM_BONDS = Movement(
    "M8c", "国债兑付本息", _ways((BANK_BONDS,), (*BONDS.values(), *BOND_INTEREST.values()))
)
COMMON = Movement(
    "M9", "共用部位经营、处置及其他收入",
    _by_nature(BANK, COMMON_INCOME) | _by_nature(BANK, DISPOSAL) | _by_nature(BANK, OTHER_INCOME),
)  # fmt: skip
SHARE_INCOME = Movement("M10", "收益分配到户", _by_nature(UNDISTRIBUTED, NET_ASSETS))
HOLD_USE = Movement("M11", "使用核准，占用分户余额", _HELD)
FREE_USE = Movement("M11", "使用占用解除", _FREED)
PAY_USE = Movement("M12", "维修支出（银行已付）", _ways(REPAIRS, _BANKS) | _FREED)
PAY_USE_BACK = Movement("M12", "维修支出退汇或退回", _ways(_BANKS, REPAIRS) | _HELD)
DRAW_IMPREST = Movement("M13a", "提取备用金", _ways((IMPREST,), _BANKS))
RETURN_IMPREST = Movement("M13b", "备用金缴回", _ways(_BANKS, (IMPREST,)))
SPEND_IMPREST = Movement("M13c", "备用金支出维修费用", _ways(REPAIRS, (IMPREST,)) | _FREED)
HOLD_REFUND = Movement("M14h", "首期交存决定退还，占用分户余额（原购房人债权了结）", _HELD | _SETTLED)
REFUND = Movement("M14", "首期交存退还（合同注销、错缴）", _back(_PAID_IN) | _SETTLED | _FREED)
REFUND_BACK = Movement("M14", "首期交存退还后退汇", _PAID_IN | _OWED | _HELD)
CARRY_CLAIM = Movement("M2n", "合同注销，代缴留给下一购房人（原债权了结，对下一购房人另记）", _SETTLED | _OWED)
LOSS_DUE = Movement("M15a", "房屋灭失，应返还", _by_nature(RETURNED, LOSS_PAYABLE))
LOSS_PAID = Movement("M15b", "房屋灭失返还已付", _by_nature(LOSS_PAYABLE, BANK))
LOSS_PAID_BACK = Movement("M15b", "房屋灭失返还退汇", _by_nature(BANK, LOSS_PAYABLE))
RENEWAL = Movement("M16", "续筹交存", _PAID_IN)
WRONG_HOUSE = Movement(
    "M18", "串户更正（原户红字，正户补记）", _by_nature(DEPOSITS, DEPOSITS) | frozenset({(CLAIM, CLAIM)})
)
HAND_OVER = Movement("M19", "划转业主大会自管账户", _by_nature(NET_ASSETS, BANK) | _by_nature(UNDISTRIBUTED, BANK))
OTHER_SPENDING = Movement("M21", "其他支出（手续费等）", _by_nature(OTHER_EXPENSE, BANK))
CLOSE = Movement(
    "M20", "期末结转",
    _by_nature(DEPOSITS, NET_ASSETS) | _ways((*NET_ASSETS.values(),), REPAIRS)
    | _by_nature(NET_ASSETS, RETURNED) | _by_nature(UNDISTRIBUTED, OTHER_EXPENSE)
    | frozenset(way for income in _INCOMES for way in _by_nature(income, UNDISTRIBUTED)),
)  # fmt: skip


def book_code(account_no: str) -> str:
    """The book of one fund account (账套代码)."""
    return f"fund:{account_no}"


def house_key(house_id: int) -> str:
    """The house dimension (房屋辅助核算)."""
    return f"house:{house_id}"


def community_key(community_id: int, nature: Nature = Nature.COMMODITY) -> str:
    """What of a community is not yet of a house, and what closes the year (小区辅助核算)."""
    return f"community:{community_id}" + (":public" if nature is Nature.PUBLIC else "")


def use_key(use_id: int) -> str:
    """The contra of what is held for one approved use (使用申请辅助核算)."""
    return f"use:{use_id}"


def apart_key(apart_id: int) -> str:
    """A sum set apart, under 2901, 2902 or 2903 (另列款辅助核算)."""
    return f"apart:{apart_id}"


def return_key(decision_id: int) -> str:
    """What is decided to be returned, under 2903 until the bank has paid it (应退款辅助核算)."""
    return f"return:{decision_id}"


def loss_key(change_id: int, part: str) -> str:
    """What is due for a lost house to its owner or its seller, under 2001 until it is paid (灭失返还辅助核算)."""
    return f"loss:{change_id}:{part}"
