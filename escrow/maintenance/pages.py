"""Pages of the fund: its accounts, and level by level what stands under them (维修资金各级页面)."""

import re
from collections.abc import Callable
from typing import Any, TypeVar

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from config.clock import bureau_day
from config.regulations import law_on
from escrow.access import audit
from escrow.access.guards import officer
from escrow.doors import database, settings
from escrow.errors import NotFound, Refused
from escrow.forms import posted, posted_reason
from escrow.maintenance import chart, lists
from escrow.maintenance.actions import LAW, enter_account, open_fund, reject_fund
from escrow.maintenance.chart import Nature
from escrow.maintenance.checks import RULES, disagreements
from escrow.maintenance.forms import AccountForm
from escrow.maintenance.rules import FUND_LABELS, FundStatus, HouseStatus, decider_refusals
from ledger.movements import Movement

pages = Blueprint("maintenance", __name__)
T = TypeVar("T")

PAGE = 50
_LAW_KEYS = ("fund_two_officers", "fund_account_once", "standard")
_TONES = {
    FundStatus.ENTERED: "warning", FundStatus.ACTIVE: "success", FundStatus.REJECTED: "secondary",
    FundStatus.CLOSED: "secondary",
}  # fmt: skip
_MOVEMENTS = {one.code: one.label for one in vars(chart).values() if isinstance(one, Movement)}


@pages.app_context_processor
def _words() -> dict[str, Any]:
    return {
        "fund_shown": {one.value: (FUND_LABELS[one], _TONES[one]) for one in FundStatus},
        "nature_shown": {Nature.COMMODITY.value: "商品住宅", Nature.PUBLIC.value: "已售公有住房"},
        "house_shown": {HouseStatus.BUILT.value: "已建账", HouseStatus.CLOSED.value: "已销户"},
        "fund_movements": _MOVEMENTS,
        "use_shown": {"residential": "住宅", "other": "非住宅"},
    }  # fmt: skip


@pages.get("/fund")
@officer("read")
def index() -> ResponseReturnValue:
    """维修资金专户清单：每户的余额与开立情况；按房屋编码查一户；录入新专户。"""
    before = key("before")
    with database().read() as session:
        rows = lists.fund_accounts(session, before=before, limit=PAGE + 1)
    form = AccountForm(data={"region": settings().region})
    form.region.typed = settings().region
    return render_template(
        "maintenance/index.html", rows=rows[:PAGE], following=next_key(rows), first=before is None, form=form
    )


@pages.post("/fund/accounts")
@officer("fund-enter", page="maintenance.index")
def create() -> ResponseReturnValue:
    """录入维修资金专户，待另一人员确认。"""
    asked, who = posted(AccountForm).asked(), g.officer.id
    fund_id = attempt(
        asked.account_no, "fund.account-entered",
        lambda session: enter_account(session, asked, officer_id=who),
    )
    flash("专户已录入，待另一人员确认；确认后开立账套。", "success")
    return redirect(url_for("maintenance.show", fund_id=fund_id), 303)


@pages.get("/fund/accounts/<int:fund_id>")
@officer("read")
def show(fund_id: int) -> ResponseReturnValue:
    """一个专户：各项余额、其下各小区、谁在何时依何规定开立。"""
    after = key("after") or 0
    with database().read() as session:
        row = found(lists.fund_account(session, fund_id), "没有这个维修资金专户")
        rows = lists.communities(session, fund_id, after=after, limit=PAGE + 1)
    law = law_on(bureau_day(), LAW, row.region)
    return render_template(
        "maintenance/account.html", row=row, rows=rows[:PAGE], following=next_key(rows), first=after == 0,
        citations=sorted({law[one].citation for one in _LAW_KEYS}),
        faults=decider_refusals(FundStatus(row.status), row.entered_by, g.officer.id, law),
    )  # fmt: skip


@pages.post("/fund/accounts/<int:fund_id>/open")
@officer("fund-decide", fresh=True, page="maintenance.show")
def confirm(fund_id: int) -> ResponseReturnValue:
    """确认开立专户：账套同时开立，此后可建账、收款。"""
    who = g.officer.id
    attempt(fund_id, "fund.account-opened", lambda session: open_fund(session, fund_id, officer_id=who))
    flash("专户已开立。", "success")
    return redirect(url_for("maintenance.show", fund_id=fund_id), 303)


@pages.post("/fund/accounts/<int:fund_id>/reject")
@officer("fund-decide", page="maintenance.show")
def reject(fund_id: int) -> ResponseReturnValue:
    """退回专户，说明理由。"""
    who, reason = g.officer.id, posted_reason()
    attempt(
        fund_id, "fund.account-rejected",
        lambda session: reject_fund(session, fund_id, reason, officer_id=who),
    )
    flash("专户已退回。", "success")
    return redirect(url_for("maintenance.show", fund_id=fund_id), 303)


@pages.get("/fund/communities/<int:community_id>")
@officer("read")
def community(community_id: int) -> ResponseReturnValue:
    """一个小区：各幢合计、尚未分户的款、建账批次、与楼盘表不符的分户账。"""
    after = key("after") or 0
    with database().read() as session:
        row = found(lists.community(session, community_id), "没有这个小区")
        rows = lists.buildings(session, community_id, after=after, limit=PAGE + 1)
        made = lists.batches(session, project_id=row.project_id) if row.project_id else []
        strayed = lists.strayed(session, community_id, limit=PAGE)
    return render_template(
        "maintenance/community.html", row=row, rows=rows[:PAGE], following=next_key(rows), first=after == 0,
        made=made, strayed=strayed,
    )  # fmt: skip


@pages.get("/fund/buildings/<int:building_id>")
@officer("read")
def building(building_id: int) -> ResponseReturnValue:
    """一幢：每户的面积、余额、占用与待归还。"""
    after = key("after") or 0
    with database().read() as session:
        row = found(lists.building(session, building_id), "没有这一幢")
        rows = lists.houses(session, building_id, after=after, limit=PAGE + 1)
    return render_template(
        "maintenance/building.html", row=row, rows=rows[:PAGE], following=next_key(rows), first=after == 0
    )


@pages.get("/fund/check")
@officer("read")
def check() -> ResponseReturnValue:
    """各级余额相符核验：分户、楼幢、小区、专户，逐项列出不符。"""
    with database().read() as session:
        wrong = disagreements(session)
    return render_template("maintenance/check.html", rules=RULES, wrong=wrong)


# --- what the room's pages share ---


def key(name: str) -> int | None:
    """The key a list goes on from (翻页位置)."""
    said = request.args.get(name, "")
    return int(said) if re.fullmatch(r"[0-9]{1,9}", said, re.ASCII) else None


def next_key(rows: list[Any], name: str = "id") -> int | None:
    """The key of the next page, None on the last (下一页)."""
    return getattr(rows[PAGE - 1], name) if len(rows) > PAGE else None


def found(row: Any | None, otherwise: str) -> Any:
    """The row that was looked for. Raises NotFound."""
    if row is None:
        raise NotFound(otherwise)
    return row


def attempt(subject: object, step: str, unit: Callable[[Session], T]) -> T:
    """A refused step leaves its row in the trail (未准亦留痕)."""
    try:
        return database().transact(unit)
    except Refused as refused:
        with database().begin() as session:
            codes = [refusal.code for refusal in refused.refusals]
            audit.record(session, step, subject, result="refused", codes=codes)
        raise
