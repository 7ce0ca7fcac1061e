"""Officers' pages of supervision: what waits, and accepting exactly what is shown (监管协议页面)."""

import re
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from escrow.access.guards import officer
from escrow.doors import database, known_number
from escrow.errors import Invalid, NotFound
from escrow.fields import DIGEST_PATTERN
from escrow.supervision.actions import accept
from escrow.supervision.reading import agreements_seen, waiting_agreements
from escrow.supervision.rules import ClauseKind, QuotaMode

pages = Blueprint("supervision", __name__)

_PAGE = 50
CLAUSE_SHOWN = {
    ClauseKind.COMPLETION_FILING: "竣工验收备案",
    ClauseKind.HANDOVER_RATIO: "交付比例",
    ClauseKind.TRANSFER_RATIO: "转移登记比例",
    ClauseKind.MONTHS_AFTER: "首次登记后月数",
    ClauseKind.DOCUMENT: "约定材料",
}
QUOTA_MODE_SHOWN = {QuotaMode.FLOOR: "留存制（余额不低于额度）", QuotaMode.DRAW_DOWN: "支用制（随支出递减）"}


@pages.app_context_processor
def _words() -> dict[str, Any]:
    return {"clause_shown": CLAUSE_SHOWN, "quota_mode_shown": QUOTA_MODE_SHOWN}


@pages.get("/supervision")
@officer("read")
def index() -> ResponseReturnValue:
    """待受理的监管协议，新报送的在前。"""
    said = request.args.get("before", "")
    before = int(said) if re.fullmatch(r"[0-9]{1,18}", said, re.ASCII) else None
    with database().read() as session:
        rows = waiting_agreements(session, before=before, limit=_PAGE + 1)
    following = rows[_PAGE - 1].id if len(rows) > _PAGE else None
    return render_template(
        "supervision/index.html", rows=rows[:_PAGE], following=following, first=before is None
    )


@pages.get("/supervision/<project_no>")
@officer("read")
def show(project_no: str) -> ResponseReturnValue:
    """一个项目的监管协议：待受理的全文，与生效版本对照。"""
    with database().read() as session:
        seen = agreements_seen(session, known_number(project_no))
    if seen is None:
        raise NotFound("没有这个项目")
    return render_template("supervision/show.html", seen=seen)


@pages.post("/supervision/<project_no>/acceptance")
@officer("accept-supervision", fresh=True, page="supervision.show")
def accept_version(project_no: str) -> ResponseReturnValue:
    """受理页面所示的这一版本；第二名不同人员受理后生效。"""
    number, digest = known_number(project_no), request.form.get("digest", "")
    if not re.fullmatch(DIGEST_PATTERN.strip("^$"), digest, re.ASCII):
        raise Invalid({"digest": "表单不完整，请刷新页面后重新核对。"})
    seen, officer_id = bytes.fromhex(digest), g.officer.id
    in_force = database().transact(lambda session: accept(session, number, seen=seen, officer_id=officer_id))
    said = "监管协议已生效，监管账户已启用。" if in_force else "已受理，须由另一人员再次受理后生效。"
    flash(said, "success")
    return redirect(url_for("supervision.show", project_no=number), 303)
