"""Pages of one house: what is due, who paid, what is left, line by line (分户账页面)."""

import re

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from escrow.access.guards import officer
from escrow.doors import database, known_number
from escrow.errors import NotFound
from escrow.fields import UNIT_CODE_PATTERN
from escrow.maintenance.lists import batch_of
from escrow.maintenance.pages import PAGE, key
from escrow.maintenance.reading import holders, house_lines, unit_seen

pages = Blueprint("house_accounts", __name__)


@pages.get("/fund/houses")
@officer("read")
def find() -> ResponseReturnValue:
    """按房屋编码找一户。"""
    said = request.args.get("unit_code", "").strip().upper()
    if not re.fullmatch(UNIT_CODE_PATTERN, said, re.ASCII):
        raise NotFound("没有这套房屋：房屋编码为 28 位不动产单元代码")
    return redirect(url_for("house_accounts.show", unit_code=said), 303)


@pages.get("/fund/houses/<unit_code>")
@officer("read")
def show(unit_code: str) -> ResponseReturnValue:
    """一户：现业主、首期应缴及依据、谁在何时缴了多少、已归还、由谁归还、余额，逐笔明细，谁在何时建账。"""
    before = key("before")
    with database().read() as session:
        seen = unit_seen(session, known_number(unit_code))
        if seen is None:
            raise NotFound("没有这套房屋")
        rows = house_lines(session, seen.row.house_id, before=before, limit=PAGE + 1) if seen.is_built else []
        held = holders(session, seen.row.house_id) if seen.is_built else None
        made = batch_of(session, seen.row.batch_id) if seen.row.batch_id else None
    following = rows[PAGE - 1].entry_id if len(rows) > PAGE else None
    return render_template(
        "maintenance/house.html", seen=seen, row=seen.row, rows=rows[:PAGE], following=following,
        first=before is None, made=made, held=held,
    )  # fmt: skip
