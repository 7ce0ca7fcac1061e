"""Pages of uses: the list, one application with its shares and votes, its steps (维修资金使用页面)."""

from typing import Any

from flask import Blueprint, Response, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from config.clock import bureau_day, now
from escrow.access.guards import officer
from escrow.doors import database, known_number
from escrow.forms import posted, posted_reason
from escrow.fund_use import lists
from escrow.fund_use.actions import enter, give_up, publish, vote
from escrow.fund_use.deciding import approval_refusals, approve, file_late
from escrow.fund_use.facts import place_of, shared
from escrow.fund_use.forms import (
    AdvanceForm,
    EndForm,
    FinalForm,
    PaperForm,
    UseForm,
    VoteForm,
    papers_named,
)
from escrow.fund_use.models import FundUse
from escrow.fund_use.notice import notice
from escrow.fund_use.rules import (
    CAUSE_LABELS,
    EXCLUSION_LABELS,
    KIND_LABELS,
    MATTER_LABELS,
    STATUS_LABELS,
    WORKS_LABELS,
    PaperKind,
    UseMatter,
    UseStatus,
)
from escrow.fund_use.share_rules import BEARER_LABELS
from escrow.fund_use.vote_rules import BALLOT_LABELS, lines, tally
from escrow.maintenance import lists as fund_lists
from escrow.maintenance.pages import PAGE, attempt, found, key, next_key

pages = Blueprint("fund_use", __name__)

_ONE = "/fund/uses/<use_no>"
_TONES = {
    UseStatus.DRAFT: "secondary", UseStatus.PUBLISHED: "primary", UseStatus.VOTED: "warning",
    UseStatus.APPROVED: "success", UseStatus.ACCEPTED: "primary", UseStatus.SETTLED: "success",
    UseStatus.FAILED: "danger",
}  # fmt: skip


def _said(labels: dict[Any, str]) -> dict[str, str]:
    return {str(one): label for one, label in labels.items()}


@pages.app_context_processor
def _words() -> dict[str, Any]:
    return {
        "use_status_shown": {one.value: (STATUS_LABELS[one], _TONES[one]) for one in UseStatus},
        "use_kinds": _said(KIND_LABELS), "use_matters": _said(MATTER_LABELS),
        "use_causes": _said(CAUSE_LABELS),
        "use_works": _said(WORKS_LABELS), "use_questions": _said(EXCLUSION_LABELS),
        "use_bearers": _said(BEARER_LABELS), "use_ballots": _said(BALLOT_LABELS),
        "use_papers": papers_named(),
    }  # fmt: skip


@pages.get("/fund/uses")
@officer("read")
def index() -> ResponseReturnValue:
    """使用申请清单，新的在前；可只看一个小区的。"""
    before, community_id = key("before"), key("community")
    with database().read() as session:
        rows = lists.uses(session, before=before, limit=PAGE + 1, community_id=community_id)
    return render_template(
        "fund_use/index.html", rows=rows[:PAGE], following=next_key(rows), first=before is None,
        community_id=community_id, today=bureau_day(),
    )  # fmt: skip


@pages.get("/fund/houses/<unit_code>/uses")
@officer("read")
def of_house(unit_code: str) -> ResponseReturnValue:
    """一户：历次使用分摊了多少、由谁承担、表决意见。"""
    before, code = key("before"), known_number(unit_code)
    with database().read() as session:
        rows = lists.of_house(session, code, before=before, limit=PAGE + 1)
    return render_template(
        "fund_use/house.html", rows=rows[:PAGE], following=next_key(rows), first=before is None,
        unit_code=code,
    )  # fmt: skip


@pages.get("/fund/communities/<int:community_id>/uses/new")
@officer("fund-enter")
def new(community_id: int) -> ResponseReturnValue:
    """录入使用申请：范围、预算、四项不得列支逐项回答。"""
    with database().read() as session:
        row = found(fund_lists.community(session, community_id), "没有这个小区")
        form = _for_community(UseForm(), session, community_id)
    return render_template("fund_use/new.html", row=row, form=form)


@pages.post("/fund/communities/<int:community_id>/uses")
@officer("fund-enter", page="fund_use.new")
def create(community_id: int) -> ResponseReturnValue:
    """录入使用申请，按面积分摊到户；此时不占用。"""
    with database().read() as session:
        choices = lists.buildings(session, community_id)

    def made(*args: Any, **told: Any) -> UseForm:
        form = UseForm(*args, **told)
        form.building.choices = [("", "全小区"), *choices]
        return form

    said, who = posted(made).application(community_id), g.officer.id
    use_no = attempt(community_id, "use.entered", lambda session: enter(session, said, officer_id=who))
    flash("申请已录入，已按面积分摊到户。", "success")
    return redirect(url_for("fund_use.show", use_no=use_no), 303)


@pages.get(_ONE)
@officer("read")
def show(use_no: str) -> ResponseReturnValue:
    """一件使用申请：分摊、表决各项的分子分母、材料、尚缺什么、谁在何时依据什么办理。"""
    after = key("after") or 0
    with database().read() as session:
        row = found(lists.use(session, known_number(use_no)), "没有这件使用申请")
        rows = lists.shares(session, row.id, after=after, limit=PAGE + 1)
        papers, payments = lists.papers(session, row.id), lists.payments(session, row.id)
        place = place_of(session, row.community_id, row.community_building_id)
        all_ = shared(session, row.id, place)
        waiting = _waiting(session, row, place, all_)
    law = place.law
    counts = tally(all_.voters)
    counted = lines(counts, UseMatter(row.matter), law) if row.voted_by else []
    return render_template(
        "fund_use/show.html", row=row, place=place.row, shares=rows[:PAGE], following=next_key(rows),
        first=after == 0, papers=papers, counted=counted, waiting=waiting, standing=all_.standing, law=law,
        heads=counts.heads_all,
        today=bureau_day(), payments=payments, forms=_forms(),
    )  # fmt: skip


@pages.get(f"{_ONE}/notice")
@officer("read")
def print_notice(use_no: str) -> ResponseReturnValue:
    """公示：预算、分摊清册、不得列支各项的回答，PDF。"""
    number, who = known_number(use_no), g.officer.full_name

    def unit(session: Session) -> bytes:
        row = found(lists.use(session, number), "没有这件使用申请")
        place = place_of(session, row.community_id, row.community_building_id)
        return notice(session, row, place, who, now())

    return Response(database().transact(unit), mimetype="application/pdf")


@pages.post(f"{_ONE}/publication")
@officer("fund-enter", page="fund_use.show")
def publish_use(use_no: str) -> ResponseReturnValue:
    """公示使用方案与分摊清册，公示期自今日起算。"""
    number, who = known_number(use_no), g.officer.id
    attempt(number, "use.published", lambda session: publish(session, number, officer_id=who))
    return _done(number, "已公示；公示期满且表决通过后方可核准。")


@pages.post(f"{_ONE}/votes")
@officer("fund-enter", page="fund_use.show")
def record_votes(use_no: str) -> ResponseReturnValue:
    """登记表决：逐户意见一次记全，附表决票；未达法定比例的，申请即告未成。"""
    number, who, form = known_number(use_no), g.officer.id, posted(VoteForm, prefix="vote-")
    paper, ballots = form.paper(PaperKind.VOTE), form.said()
    came = attempt(
        number, "use.voted", lambda session: vote(session, number, ballots, paper, officer_id=who)
    )
    return _done(number, "表决通过。" if came is UseStatus.VOTED else "表决未通过，申请未成。")


@pages.post(f"{_ONE}/approval")
@officer("fund-decide", fresh=True, page="fund_use.show")
def approve_use(use_no: str) -> ResponseReturnValue:
    """核准：重新核对表决、公示期与各户余额，逐户占用。"""
    number, who = known_number(use_no), g.officer.id
    attempt(number, "use.approved", lambda session: approve(session, number, officer_id=who))
    return _done(number, "已核准，各户分摊额已占用。")


@pages.post(f"{_ONE}/end")
@officer("fund-decide", page="fund_use.show")
def end_use(use_no: str) -> ResponseReturnValue:
    """退回，说明理由；没有任何一户变动。"""
    number, who, reason = known_number(use_no), g.officer.id, posted_reason()
    attempt(number, "use.ended", lambda session: give_up(session, number, reason, officer_id=who))
    return _done(number, "已退回，没有任何一户变动。")


@pages.post(f"{_ONE}/filing")
@officer("fund-enter", page="fund_use.show")
def file_use(use_no: str) -> ResponseReturnValue:
    """应急使用事后备案，附材料；逾期的注明逾期。"""
    number, who, form = known_number(use_no), g.officer.id, posted(PaperForm, prefix="filing-")
    paper = form.paper(PaperKind.FILING)
    attempt(number, "use.filed", lambda session: file_late(session, number, paper, officer_id=who))
    return _done(number, "已备案。")


def _forms() -> dict[str, Any]:
    return {
        "vote": VoteForm(prefix="vote-"), "filing": PaperForm(prefix="filing-"),
        "acceptance": PaperForm(prefix="acceptance-"), "advance": AdvanceForm(prefix="advance-"),
        "final": FinalForm(prefix="final-"), "end": EndForm(prefix="end-"),
    }  # fmt: skip


def _waiting(session: Session, row: Any, place: Any, all_: Any) -> list[Any]:
    """What would stand against an approval today, whoever gave it (尚缺)."""
    if row.status not in (UseStatus.DRAFT, UseStatus.PUBLISHED, UseStatus.VOTED):
        return []
    use = session.get_one(FundUse, row.id)
    return approval_refusals(session, use, place, all_, None)


def _for_community(form: UseForm, session: Session, community_id: int) -> UseForm:
    form.building.choices = [("", "全小区"), *lists.buildings(session, community_id)]
    form.building.data = request.args.get("building", "")
    return form


def _done(use_no: str, said: str) -> ResponseReturnValue:
    flash(said, "success")
    return redirect(url_for("fund_use.show", use_no=use_no), 303)
