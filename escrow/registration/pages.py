"""Officers' pages for first registrations: the list, entering by hand, confirming by another (首次登记页面)."""

import re
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import BooleanField, Form, SelectMultipleField
from wtforms.validators import InputRequired, ValidationError

from escrow.access.guards import officer
from escrow.doors import database
from escrow.errors import NotFound
from escrow.fields import KEY_PATTERN, ReadField, read_day, read_text
from escrow.forms import DigestField, checked, filled_in, posted_reason
from escrow.registration.actions import FirstAsked
from escrow.registration.by_hand import (
    CorrectionAsked,
    Decision,
    confirm,
    enter,
    enter_correction,
    reject,
)
from escrow.registration.lists import choices, first_registration, first_registrations
from escrow.registration.rules import RegistrationSource, RegistrationStatus

pages = Blueprint("registration", __name__)

_PAGE = 50
STATUS_SHOWN = {
    RegistrationStatus.ENTERED: ("待确认", "warning"),
    RegistrationStatus.CONFIRMED: ("已确认", "success"),
    RegistrationStatus.REJECTED: ("已退回", "danger"),
    RegistrationStatus.OVERTAKEN: ("已由登记机构报来", "secondary"),
    RegistrationStatus.SUPERSEDED: ("已更正，不再作数", "secondary"),
}
SOURCE_SHOWN = {RegistrationSource.SYSTEM: "登记机构", RegistrationSource.MANUAL: "手工录入"}


class EntryForm(Form):
    """What the certificate says (录入首次登记)."""

    building_nos = SelectMultipleField("楼幢", validators=[InputRequired("至少勾选一幢。")])
    certificate_no = ReadField("不动产权证书号", lambda said: read_text(said, 100))
    registered_on = ReadField("登记日期", read_day)
    file_hash = DigestField("证书文件")


class CorrectionForm(Form):
    """What a confirmed registration should have said (更正首次登记)."""

    building_nos = SelectMultipleField("楼幢")
    void = BooleanField("作废：这本证书不属于本项目的任何一幢")
    certificate_no = ReadField("不动产权证书号", lambda said: read_text(said, 100))
    registered_on = ReadField("登记日期", read_day)
    grounds = ReadField("更正事由", lambda said: read_text(said, 200))
    file_hash = DigestField("更正依据文件")

    def validate_void(self, said: Any) -> None:
        if bool(said.data) == bool(self.building_nos.data):
            raise ValidationError("勾选证书所及楼幢；一幢也不属于本项目的，只勾选作废。")



@pages.app_context_processor
def _words() -> dict[str, Any]:
    return {"registration_status_shown": STATUS_SHOWN, "registration_source_shown": SOURCE_SHOWN}


@pages.get("/first-registrations")
@officer("read")
def index() -> ResponseReturnValue:
    """首次登记清单。"""
    before = request.args.get("before", "")
    start = int(before) if re.fullmatch(r"[0-9]{1,9}", before, re.ASCII) else None
    project_no = asked_number("project_no")
    waiting = request.args.get("waiting") == "1"
    with database().read() as session:
        rows = first_registrations(
            session, project_no=project_no, waiting=waiting, before=start, limit=_PAGE + 1
        )
    following = rows[_PAGE - 1].id if len(rows) > _PAGE else None
    return render_template(
        "registration/index.html", rows=rows[:_PAGE], following=following, first=start is None,
        project_no=project_no, waiting=waiting,
    )  # fmt: skip


@pages.get("/first-registrations/new")
@officer("enter-registration")
def new() -> ResponseReturnValue:
    """选择项目，勾选楼幢，录入证书。"""
    project_no = asked_number("project_no")
    with database().read() as session:
        project, buildings = choices(session, project_no)
    return render_template(
        "registration/new.html", form=EntryForm(), project=project, buildings=buildings, project_no=project_no
    )


@pages.post("/first-registrations")
@officer("enter-registration", page="registration.new")
def create() -> ResponseReturnValue:
    """录入一条首次登记，等待另一人员确认。"""
    form = EntryForm(filled_in())
    form.building_nos.choices = _ticked()
    checked(form)
    told: dict[str, Any] = form.data
    asked = FirstAsked(
        project_no=asked_number("project_no"),
        building_nos=tuple(dict.fromkeys(told["building_nos"])),
        certificate_no=told["certificate_no"],
        registered_on=told["registered_on"],
    )
    number = database().transact(
        lambda session: enter(session, asked, file_hash=told["file_hash"], officer_id=g.officer.id)
    )
    flash("已录入，须由另一人员确认后生效。", "success")
    return redirect(url_for("registration.show", registration_id=number), 303)


@pages.get("/first-registrations/<int:registration_id>")
@officer("read")
def show(registration_id: int) -> ResponseReturnValue:
    """一条首次登记。"""
    with database().read() as session:
        row = first_registration(session, registration_id)
    if row is None:
        raise NotFound("没有这条首次登记")
    return render_template("registration/show.html", row=row)


@pages.get("/first-registrations/<int:registration_id>/correction")
@officer("enter-registration")
def correction(registration_id: int) -> ResponseReturnValue:
    """更正一条手工确认的首次登记：所填为应有的内容，原内容预先填好。"""
    with database().read() as session:
        row = first_registration(session, registration_id)
        if row is None:
            raise NotFound("没有这条首次登记")
        _, buildings = choices(session, row.project_no)
    form = CorrectionForm()
    form.certificate_no.typed, form.registered_on.typed = row.certificate_no, str(row.registered_on)
    return render_template("registration/correction.html", row=row, form=form, buildings=buildings)


@pages.post("/first-registrations/<int:registration_id>/corrections")
@officer("enter-registration", page="registration.correction")
def correct(registration_id: int) -> ResponseReturnValue:
    """录入更正，等待另一人员确认；确认之前原登记照旧。"""
    form = CorrectionForm(filled_in())
    form.building_nos.choices = _ticked()
    checked(form)
    told: dict[str, Any] = form.data
    asked = CorrectionAsked(
        registration_id, tuple(dict.fromkeys(told["building_nos"])), told["certificate_no"],
        told["registered_on"], told["grounds"], told["file_hash"],
    )  # fmt: skip
    number = database().transact(
        lambda session: enter_correction(session, asked, officer_id=g.officer.id)
    )
    flash("更正已录入，须由另一人员确认；确认之前原登记照旧。", "success")
    return redirect(url_for("registration.show", registration_id=number), 303)


@pages.post("/first-registrations/<int:registration_id>/confirm")
@officer("confirm-registration", fresh=True, page="registration.show")
def confirm_entry(registration_id: int) -> ResponseReturnValue:
    """另一人员核对证书无误，予以确认。"""
    decision = Decision(registration_id, g.officer.id)
    database().transact(lambda session: confirm(session, decision))
    flash("首次登记已确认。", "success")
    return redirect(url_for("registration.show", registration_id=registration_id), 303)


@pages.post("/first-registrations/<int:registration_id>/reject")
@officer("confirm-registration", page="registration.show")
def reject_entry(registration_id: int) -> ResponseReturnValue:
    """另一人员核对有误，退回。"""
    decision, reason = Decision(registration_id, g.officer.id), posted_reason()
    database().transact(lambda session: reject(session, decision, reason=reason))
    flash("已退回，该条录入不作为首次登记的依据。", "success")
    return redirect(url_for("registration.show", registration_id=registration_id), 303)


def asked_number(name: str) -> str:
    """A number from the address or the form; nothing where it cannot be one (业务号)."""
    said = request.values.get(name, "").strip()
    return said if re.fullmatch(KEY_PATTERN, said, re.ASCII) else ""


def _ticked() -> list[tuple[str, str]]:
    """Whatever was ticked and can be a building's number; the register knows which are (勾选的楼幢)."""
    return [(said, said) for said in request.form.getlist("building_nos") if _is_text(said)]


def _is_text(said: str) -> bool:
    try:
        read_text(said, 32)
    except ValueError:
        return False
    return True
