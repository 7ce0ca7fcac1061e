"""The paper of an order on the fund account: what the bank pays on, with the payee in full (维修资金通知书)."""

from sqlalchemy.orm import Session

from config.clock import bureau_time
from config.settings import Settings
from escrow.access import audit
from escrow.access.sealing import unseal
from escrow.errors import NotFound
from escrow.fund_orders import lists
from escrow.fund_orders.rules import PAPERS, FundOrderKind
from escrow.instructions.papers import CLOSING
from escrow.papers import in_words, pdf
from ledger.money import Yuan

OPENING = "请自下列住宅专项维修资金专户付款，并以本通知书为唯一依据。"


def notice(session: Session, number: str, settings: Settings) -> bytes:
    """The PDF of one order, and a row that says who printed it (打印通知书). Raises NotFound, Unprintable."""
    row = lists.order(session, number)
    if row is None:
        raise NotFound("没有这件指令")
    audit.record(session, "fund-order.printed", number, account_no=row.account_no)
    amount = Yuan.from_fen(row.amount)
    return pdf("instructions/notice.typ", {
        "title": PAPERS[FundOrderKind(row.kind)], "number": number,
        "addressee": f"{row.account_name}开户银行（银行代码 {row.bank_code}）",
        "opening": OPENING, "closing": CLOSING, "issuer": f"{row.issuer}（决定：{row.decider}）",
        "issued_at": f"{bureau_time(row.issued_at):%Y-%m-%d %H:%M:%S}",
        "lines": [
            ["维修资金专户", f"{row.account_name}\n{row.account_no}"],
            ["收款人", unseal(bytes(row.payee_name_sealed), settings)],
            ["收款账号", unseal(bytes(row.payee_account_sealed), settings)],
            ["收款银行", row.payee_bank],
            ["金额（大写）", f"人民币{in_words(amount)}"],
            ["金额（小写）", f"¥ {amount}"],
            ["用途", row.purpose],
            ["有效期至", f"{row.expires_on:%Y-%m-%d}"],
        ],
    }, row.issued_at)  # fmt: skip
