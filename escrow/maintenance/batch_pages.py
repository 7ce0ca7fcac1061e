"""Pages of batches: what a register would build, proposing, deciding, what was left out (建账批次页面)."""

from collections import Counter

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from config.clock import bureau_day
from config.regulations import law_on
from escrow.access.guards import officer
from escrow.doors import database, known_number
from escrow.errors import NotFound
from escrow.fields import KEY_PATTERN, read_text
from escrow.forms import posted, posted_reason
from escrow.maintenance import lists
from escrow.maintenance.batch_rules import (
    BATCH_LABELS,
    VERDICT_LABELS,
    BatchStatus,
    Verdict,
    batch_decider_refusals,
    plan,
)
from escrow.maintenance.batches import LAW, confirm, propose, register_units, reject
from escrow.maintenance.forms import BatchForm
from escrow.maintenance.pages import PAGE, attempt, found, key, next_key

pages = Blueprint("house_batches", __name__)

_TONES = {
    BatchStatus.ENTERED: "warning", BatchStatus.CONFIRMED: "success", BatchStatus.REJECTED: "secondary",
}  # fmt: skip


@pages.app_context_processor
def _words() -> dict[str, object]:
    return {
        "batch_shown": {one.value: (BATCH_LABELS[one], _TONES[one]) for one in BatchStatus},
        "unit_verdict_shown": {one.value: label for one, label in VERDICT_LABELS.items()},
    }


@pages.get("/fund/batches")
@officer("read")
def index() -> ResponseReturnValue:
    """建账批次清单；按项目编号开始一批。"""
    asked = request.args.get("project_no", "").strip()
    if asked:
        return redirect(url_for("house_batches.preview", project_no=_known(asked)), 303)
    before = key("before")
    with database().read() as session:
        rows = lists.batches(session, before=before, limit=PAGE + 1)
    return render_template(
        "maintenance/batches.html", rows=rows[:PAGE], following=next_key(rows), first=before is None
    )


@pages.get("/fund/projects/<project_no>")
@officer("read")
def preview(project_no: str) -> ResponseReturnValue:
    """一个项目的楼盘表：拟建多少户，哪些不列入、为什么；据此录入建账批次。"""
    with database().read() as session:
        row = found(lists.project_to_build(session, known_number(project_no)), "没有这个项目")
        units = register_units(session, row.id)
        funds = lists.open_funds(session, row.region)
        made = lists.batches(session, project_id=row.id)
    lines = plan(units, law_on(bureau_day(), LAW, row.region))
    form = BatchForm()
    form.community_name.typed = row.community_name or row.name
    return render_template(
        "maintenance/preview.html", row=row, funds=funds, made=made, form=form,
        counts=Counter(line.verdict.value for line in lines),
        left_out=[line for line in lines if line.verdict is not Verdict.BUILD],
    )  # fmt: skip


@pages.post("/fund/projects/<project_no>")
@officer("fund-enter", page="house_batches.preview")
def enter(project_no: str) -> ResponseReturnValue:
    """录入建账批次，待另一人员确认；不列入的随批次保存。"""
    number, told, who = known_number(project_no), posted(BatchForm).data, g.officer.id
    batch_no = attempt(
        number, "fund.batch-entered",
        lambda session: propose(session, number, told["fund_id"], told["community_name"], officer_id=who),
    )  # fmt: skip
    flash("建账批次已录入，待另一人员确认；确认之前没有建账。", "success")
    return redirect(url_for("house_batches.show", batch_no=batch_no), 303)


@pages.get("/fund/batches/<batch_no>")
@officer("read")
def show(batch_no: str) -> ResponseReturnValue:
    """一个建账批次：建哪些、哪些没有列入及原因，谁在何时依何规定办理。"""
    number, after, shown = known_number(batch_no), key("after") or 0, request.args.get("list", "left")
    with database().read() as session:
        row = found(lists.batch(session, number), "没有这个建账批次")
        lines = lists.batch_lines(session, number, built=shown == "built", after=after, limit=PAGE + 1)
        counts = lists.verdict_counts(session, number)
    law = law_on(bureau_day(), LAW, row.region)
    return render_template(
        "maintenance/batch.html", row=row, lines=lines[:PAGE], following=next_key(lines, "unit_id"),
        first=after == 0, shown=shown, counts=counts,
        faults=batch_decider_refusals(
            BatchStatus(row.status), row.entered_by, g.officer.id, changed=False, law=law
        ),
    )  # fmt: skip


@pages.post("/fund/batches/<batch_no>/confirm")
@officer("fund-decide", fresh=True, page="house_batches.show")
def confirm_batch(batch_no: str) -> ResponseReturnValue:
    """确认建账：加锁后楼盘表重新核对，整批建立，或什么也不做。"""
    number, who = known_number(batch_no), g.officer.id
    attempt(number, "fund.batch-confirmed", lambda session: confirm(session, number, officer_id=who))
    flash("整批分户账已建立。", "success")
    return redirect(url_for("house_batches.show", batch_no=number), 303)


@pages.post("/fund/batches/<batch_no>/reject")
@officer("fund-decide", page="house_batches.show")
def reject_batch(batch_no: str) -> ResponseReturnValue:
    """退回建账批次，说明理由；可重新录入。"""
    number, who, reason = known_number(batch_no), g.officer.id, posted_reason()
    attempt(number, "fund.batch-rejected", lambda session: reject(session, number, reason, officer_id=who))
    flash("建账批次已退回。", "success")
    return redirect(url_for("house_batches.show", batch_no=number), 303)


def _known(said: str) -> str:
    try:
        return read_text(said, 64, KEY_PATTERN)
    except ValueError:
        raise NotFound("没有这个项目") from None
