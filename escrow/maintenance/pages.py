"""Pages of the fund's accounts (维修资金专户页面)."""

import re

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from escrow.access.guards import officer
from escrow.doors import database
from escrow.maintenance.lists import fund_accounts

pages = Blueprint("maintenance", __name__)

_PAGE = 50


@pages.get("/fund")
@officer("read")
def index() -> ResponseReturnValue:
    """维修资金专户清单：每户的余额与开立情况。"""
    said = request.args.get("before", "")
    before = int(said) if re.fullmatch(r"[0-9]{1,9}", said, re.ASCII) else None
    with database().read() as session:
        rows = fund_accounts(session, before=before, limit=_PAGE + 1)
    following = rows[_PAGE - 1].id if len(rows) > _PAGE else None
    return render_template(
        "maintenance/index.html", rows=rows[:_PAGE], following=following, first=before is None
    )
