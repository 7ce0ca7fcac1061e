"""Officers' pages for the end of supervision: what is still open, the application, its decision (解除监管页面)."""

import re
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from flask import Blueprint, Flask, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import Form, SelectField

from escrow.access.guards import officer
from escrow.doors import database, tried
from escrow.errors import Invalid, NotFound
from escrow.fields import ACCOUNT_NO_PATTERN, KEY_PATTERN, ReadField, read_day, read_text
from escrow.forms import DigestField, posted, posted_reason
from escrow.release.actions import Applied, account_named, approve, decider_faults, enter, reject
from escrow.release.clauses import BY_PAPER, LABELS
from escrow.release.evidence import Evidence, decide_evidence, enter_evidence
from escrow.release.facts import Known, known
from escrow.release.lists import accounts_like, application, applications, papers
from escrow.release.payout import due_on, orders_of
from escrow.release.payout_pages import payouts
from escrow.release.receiving import confirmed_for
from escrow.release.receiving_pages import receivers
from escrow.release.rules import ACCOUNT_LABELS, EvidenceStatus, ReleaseStatus, checklist
from escrow.release.scope import buildings_of, named_buildings
from escrow.supervision.rules import ClauseKind
from escrow.withdrawals.facts import paying_no
from ledger.money import ZERO

pages = Blueprint("release", __name__)


def prepare(app: Flask) -> None:
    """The pages of payout, closing and the receiving account stand beside those of the release."""
    app.register_blueprint(payouts)
    app.register_blueprint(receivers)


_PAGE = 50
STATUS_SHOWN = {
    ReleaseStatus.ENTERED: ("待决定", "warning"),
    ReleaseStatus.APPROVED: ("已批准", "success"),
    ReleaseStatus.REJECTED: ("已退回", "danger"),
}
EVIDENCE_SHOWN = {
    EvidenceStatus.ENTERED: ("待确认", "warning"),
    EvidenceStatus.CONFIRMED: ("已确认", "success"),
    EvidenceStatus.REJECTED: ("已退回", "danger"),
}


def read_ratio(said: str) -> Decimal:
    """A ratio of 0 to 1 with at most four decimals (比例)."""
    return Decimal(read_text(said, 6, r"^(0(\.[0-9]{1,4})?|1(\.0{1,4})?)$"))


class ApplicationForm(Form):
    """The developer's paper (录入申请书)."""

    application_no = ReadField("申请书文号", lambda said: read_text(said, 64))
    applied_on = ReadField("申请日期", read_day)
    file_hash = DigestField("申请书文件")


class EvidenceForm(Form):
    """A paper for one clause (录入佐证材料)."""

    clause = SelectField("对应的协议条款", validate_choice=False)
    paper_no = ReadField("材料文号", lambda said: read_text(said, 64))
    dated_on = ReadField("材料日期", read_day)
    ratio = ReadField("材料所载比例（0 至 1，仅交付比例条款）", read_ratio, optional=True)
    file_hash = DigestField("材料文件")



@pages.app_context_processor
def _words() -> dict[str, Any]:
    return {
        "release_status_shown": STATUS_SHOWN,
        "evidence_status_shown": EVIDENCE_SHOWN,
        "clause_labels": LABELS,
        "account_labels": ACCOUNT_LABELS,
    }


@pages.get("/releases")
@officer("read")
def index() -> ResponseReturnValue:
    """解除监管申请清单；按账号或项目编号打开一个账户。"""
    before = request.args.get("before", "")
    start = int(before) if re.fullmatch(r"[0-9]{1,9}", before, re.ASCII) else None
    asked = request.args.get("find", "").strip()
    found: list[str] = []
    with database().read() as session:
        if re.fullmatch(KEY_PATTERN, asked, re.ASCII):
            found = accounts_like(session, asked)
        if found:
            return redirect(url_for("release.account", account_no=found[0]), 303)
        rows = applications(session, before=start, limit=_PAGE + 1)
    following = rows[_PAGE - 1].ReleaseApplication.id if len(rows) > _PAGE else None
    return render_template(
        "release/index.html", rows=rows[:_PAGE], following=following, first=start is None, asked=asked
    )


@pages.get("/releases/accounts/<account_no>")
@officer("read")
def account(account_no: str) -> ResponseReturnValue:
    """一个监管账户：解除监管的每项条件、佐证材料与申请。"""
    with database().read() as session:
        account_id, _ = account_named(session, _account_no(account_no))
        found = known(session, account_id)
        filed = papers(session, account_id)
        made = applications(session, account_id=account_id)
        buildings = buildings_of(session, found.account.project_id)
        living = paying_no(session, account_id)
    form = EvidenceForm()
    form.clause.choices = [
        (f"{one.kind}:{one.text}", f"{LABELS[ClauseKind(one.kind)]}：{one.text}")
        for one in found.clauses
        if one.kind in BY_PAPER
    ]
    return render_template(
        "release/account.html", found=found, conditions=_shown(found), papers=filed, applications=made,
        application_form=ApplicationForm(), evidence_form=form, buildings=buildings,
        living=living,
    )  # fmt: skip


@pages.post("/releases/accounts/<account_no>/applications")
@officer("enter-release", page="release.account")
def create(account_no: str) -> ResponseReturnValue:
    """录入开发企业的解除监管申请书。"""
    form = posted(ApplicationForm)
    chosen = tuple(request.form.getlist("buildings"))
    applied = Applied(_account_no(account_no), **form.data, buildings=chosen)
    release_no = database().transact(lambda session: enter(session, applied, officer_id=g.officer.id))
    flash("申请已录入，须由另一人员决定。", "success")
    return redirect(url_for("release.show", release_no=release_no), 303)


@pages.post("/releases/accounts/<account_no>/papers")
@officer("enter-release", page="release.account")
def file_paper(account_no: str) -> ResponseReturnValue:
    """录入一份对应协议条款的材料。"""
    form = posted(EvidenceForm)
    kind, _, clause = (form.clause.data or "").partition(":")
    if kind not in BY_PAPER:
        raise Invalid({"clause": "请选择一条须凭材料的条款。"})
    filed = {name: value for name, value in form.data.items() if name != "clause"}
    paper = Evidence(_account_no(account_no), ClauseKind(kind), clause, **filed)
    database().transact(lambda session: enter_evidence(session, paper, officer_id=g.officer.id))
    flash("材料已录入，须由另一人员确认。", "success")
    return redirect(url_for("release.account", account_no=account_no), 303)


@pages.post("/releases/accounts/<account_no>/papers/<int:evidence_id>/confirm")
@officer("approve-release", fresh=True, page="release.account")
def confirm_paper(account_no: str, evidence_id: int) -> ResponseReturnValue:
    """另一人员核对材料无误，予以确认。"""
    return _decide_paper(account_no, evidence_id, EvidenceStatus.CONFIRMED, None)


@pages.post("/releases/accounts/<account_no>/papers/<int:evidence_id>/reject")
@officer("approve-release", page="release.account")
def reject_paper(account_no: str, evidence_id: int) -> ResponseReturnValue:
    """另一人员核对材料有误，退回。"""
    return _decide_paper(account_no, evidence_id, EvidenceStatus.REJECTED, posted_reason())


@pages.get("/releases/<release_no>")
@officer("read")
def show(release_no: str) -> ResponseReturnValue:
    """一件申请：决定之前逐项列明条件是否满足，决定之后列明所据。"""
    with database().read() as session:
        row = application(session, _number(release_no))
        if row is None:
            raise NotFound("没有这件解除监管申请")
        asked = row.ReleaseApplication
        found, faults = None, []
        if asked.status is ReleaseStatus.ENTERED:
            found = known(session, asked.account_id, application_id=asked.id)
            faults = decider_faults(session, asked, found, g.officer.id)
        is_approved = asked.status is ReleaseStatus.APPROVED
        paid = {
            "due": due_on(session, asked) if is_approved else ZERO,
            "orders": orders_of(session, asked) if is_approved else [],
            "receiving": confirmed_for(session, asked.account_id) if is_approved else None,
            "scope": named_buildings(session, asked),
        }
    conditions = _shown(found) if found else (asked.findings or {}).get("conditions", [])
    return render_template(
        "release/show.html", row=row, asked=asked, found=found, conditions=conditions, faults=faults,
        total=sum((held for _, held in found.payable()), start=ZERO) if found else None, **paid,
    )  # fmt: skip


@pages.post("/releases/<release_no>/approve")
@officer("approve-release", fresh=True, page="release.show")
def approve_release(release_no: str) -> ResponseReturnValue:
    """批准解除监管：加锁后逐项重新核对，有一项不满足即不予批准。"""
    number, who = _number(release_no), g.officer.id
    tried(number, "release.approved", lambda session: approve(session, number, officer_id=who))
    with database().read() as session:
        row = application(session, number)
    stays = "已批准解除所申请楼幢的监管；其余楼幢继续监管，账户照常收款。"
    flash("已批准解除监管，账户不再收款。" if row and row.ReleaseApplication.is_whole else stays, "success")
    return redirect(url_for("release.show", release_no=number), 303)


@pages.post("/releases/<release_no>/reject")
@officer("approve-release", page="release.show")
def reject_release(release_no: str) -> ResponseReturnValue:
    """退回申请，说明理由。"""
    number, reason = _number(release_no), posted_reason()
    database().transact(lambda session: reject(session, number, officer_id=g.officer.id, reason=reason))
    flash("申请已退回。", "success")
    return redirect(url_for("release.show", release_no=number), 303)


@pages.get("/releases/<release_no>/decision")
@officer("read")
def decision(release_no: str) -> ResponseReturnValue:
    """可打印的解除监管决定，内容取自决定当时的存档。"""
    with database().read() as session:
        row = application(session, _number(release_no))
    if row is None or row.ReleaseApplication.status is not ReleaseStatus.APPROVED:
        raise NotFound("没有这件解除监管决定")
    return render_template("release/decision.html", row=row, asked=row.ReleaseApplication)


def _shown(found: Known) -> list[dict[str, Any]]:
    return [asdict(condition) for condition in checklist(found.facts, found.law)]


def _decide_paper(
    account_no: str, evidence_id: int, to: EvidenceStatus, reason: str | None
) -> ResponseReturnValue:
    with database().read() as session:
        account_id, _ = account_named(session, _account_no(account_no))
        if evidence_id not in [row.ReleaseEvidence.id for row in papers(session, account_id)]:
            raise NotFound("没有这份材料")
    database().transact(
        lambda session: decide_evidence(session, evidence_id, to, officer_id=g.officer.id, reason=reason)
    )
    flash(f"材料{EVIDENCE_SHOWN[to][0]}。", "success")
    return redirect(url_for("release.account", account_no=account_no), 303)



def _number(said: str) -> str:
    return _matching(said, KEY_PATTERN, "没有这件解除监管申请")


def _account_no(said: str) -> str:
    return _matching(said, ACCOUNT_NO_PATTERN, "没有这个监管账户")


def _matching(said: str, pattern: str, otherwise: str) -> str:
    """A number from the address; one that cannot exist is not found (地址中的号码)."""
    if not re.fullmatch(pattern, said, re.ASCII):
        raise NotFound(otherwise)
    return said
