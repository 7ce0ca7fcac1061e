"""Officers' pages of contracts: found by any number on the desk, shown with everything that counts (合同页面)."""

import unicodedata
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from escrow.access.guards import officer
from escrow.contracts.reading import contract_seen, numbered
from escrow.contracts.rules import ContractStatus, IdType, NoticeStatus, PaymentKind, Source
from escrow.doors import database, known_number
from escrow.errors import NotFound
from escrow.fields import problem_in_text

pages = Blueprint("contracts", __name__)

CONTRACT_STATUS_SHOWN = {
    ContractStatus.DRAFTED: ("草拟", "secondary"),
    ContractStatus.FILED: ("已备案", "success"),
    ContractStatus.AT_RISK: ("备案存疑", "danger"),
    ContractStatus.CANCELLED: ("已注销", "secondary"),
}
NOTICE_STATUS_SHOWN = {
    NoticeStatus.ISSUED: ("待缴", "secondary"),
    NoticeStatus.PARTLY_PAID: ("部分缴款", "warning"),
    NoticeStatus.PAID: ("已缴清", "success"),
    NoticeStatus.VOID: ("已作废", "secondary"),
    NoticeStatus.EXPIRED: ("已逾期", "danger"),
}
PAYMENT_KIND_SHOWN = {
    PaymentKind.EARNEST: "定金", PaymentKind.DOWN: "首付款", PaymentKind.INSTALMENT: "分期款",
    PaymentKind.LOAN: "贷款", PaymentKind.FINAL: "尾款", PaymentKind.FULL: "全款",
}  # fmt: skip
SOURCE_SHOWN = {Source.OWN: "自有资金", Source.LOAN: "商业贷款", Source.PROVIDENT_FUND: "公积金贷款"}
ID_TYPE_SHOWN = {
    IdType.RESIDENT: "居民身份证", IdType.PASSPORT: "护照", IdType.HK_MACAU: "港澳证件",
    IdType.TAIWAN: "台湾证件", IdType.ORGANISATION: "统一社会信用代码",
}  # fmt: skip
RECEIPT_STATUS_SHOWN = {
    "confirmed": ("已确认", "success"), "partly_matched": ("部分匹配", "warning"), "reversed": ("已冲正", "danger"),
}  # fmt: skip


@pages.app_context_processor
def _words() -> dict[str, Any]:
    return {
        "contract_status_shown": CONTRACT_STATUS_SHOWN, "notice_status_shown": NOTICE_STATUS_SHOWN,
        "payment_kind_shown": PAYMENT_KIND_SHOWN, "source_shown": SOURCE_SHOWN,
        "id_type_shown": ID_TYPE_SHOWN, "receipt_status_shown": RECEIPT_STATUS_SHOWN,
    }  # fmt: skip


@pages.get("/contracts")
@officer("read")
def search() -> ResponseReturnValue:
    """按合同号、缴款通知书号或不动产单元代码查合同。"""
    number = request.args.get("number", "").strip()[:64]
    found = []
    if number and not problem_in_text(number):
        with database().read() as session:
            # As it is typed or pasted: full-width, or in small letters.
            plain = unicodedata.normalize("NFKC", number).upper()
            found = numbered(session, number) or numbered(session, plain)
    if len(found) == 1:
        return redirect(url_for("contracts.show", contract_no=found[0].contract_no), 303)
    return render_template("contracts/search.html", number=number, found=found)


@pages.get("/contracts/<contract_no>")
@officer("read")
def show(contract_no: str) -> ResponseReturnValue:
    """一份合同：买受人、缴款通知书、入账、核对与备案。"""
    with database().read() as session:
        seen = contract_seen(session, known_number(contract_no))
    if seen is None:
        raise NotFound("没有这个合同号")
    return render_template("contracts/show.html", seen=seen)
