"""Pages of what banks booked on the fund's accounts: the list, one line with each of its units (入账页面)."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from escrow.access.guards import officer
from escrow.advances import lists
from escrow.doors import database, known_number
from escrow.maintenance.pages import PAGE, found, key, next_key

pages = Blueprint("fund_receipts", __name__)


@pages.get("/fund/receipts")
@officer("read")
def index() -> ResponseReturnValue:
    """维修资金入账清单：每笔几户、谁付的、还有多少另列待办。"""
    before = key("before")
    with database().read() as session:
        rows = lists.receipts(session, before=before, limit=PAGE + 1)
    return render_template(
        "advances/receipts.html", rows=rows[:PAGE], following=next_key(rows), first=before is None
    )


@pages.get("/fund/receipts/<receipt_no>")
@officer("read")
def show(receipt_no: str) -> ResponseReturnValue:
    """一笔入账：逐户的结果与理由，另列的款及其去处。"""
    after = key("after") or 0
    with database().read() as session:
        row = found(lists.receipt(session, known_number(receipt_no)), "没有这笔入账")
        lines = lists.lines(session, row.id, after=after, limit=PAGE + 1)
        apart = lists.aparts(session, row.id)
    return render_template(
        "advances/receipt.html", row=row, lines=lines[:PAGE], following=next_key(lines, "position"),
        first=after == 0, aparts=apart,
    )  # fmt: skip
