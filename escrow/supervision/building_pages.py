"""Officers' pages of one building, and of a project's quotas reckoned by law (楼幢页面、额度核定页面)."""

from decimal import Decimal
from typing import Any

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from wtforms import Form, SelectField
from wtforms.fields import SelectChoice

from config.regulations import Law
from escrow.access.guards import officer
from escrow.doors import database, known_number
from escrow.errors import NotFound
from escrow.fields import ReadField, problem_in_text, read_money
from escrow.supervision.building_reading import building_seen, quotas_seen, stated_basis
from escrow.supervision.quota_bases import (
    BASIS_SHOWN,
    DELIVERY_SHOWN,
    FIGURES,
    Basis,
    BasisKind,
    Computed,
    CreditGrade,
    Delivery,
    computed,
)

building_pages = Blueprint("buildings", __name__)

_LONGEST_NAME = 32


class QuotaForm(Form):
    """What is to be reckoned: by which basis, with which figures (额度试算)."""

    building_no = SelectField("楼幢", choices=list[SelectChoice](), default="")
    kind = SelectField("核定依据", choices=[SelectChoice(one.value, BASIS_SHOWN[one]) for one in BasisKind])
    delivery = SelectField(
        "交付标准", choices=[SelectChoice(one.value, DELIVERY_SHOWN[one]) for one in Delivery],
        default=Delivery.SHELL.value,
    )  # fmt: skip
    average_price = ReadField("备案均价（元/平方米）", read_money, optional=True)
    cost = ReadField("该幢工程总造价（元）", read_money, optional=True)
    credit_grade = SelectField(
        "企业信用等级", choices=[SelectChoice(one.value, f"{one.value} 级") for one in CreditGrade],
        default=CreditGrade.A.value,
    )  # fmt: skip

    def basis(self) -> Basis | None:
        """The basis with its own figures; None, the fields saying why, where one is missing."""
        kind = BasisKind(self.kind.data)
        said: dict[str, Any] = {name: self.data[name] for name in FIGURES[kind]}
        for name, term in (("delivery", Delivery), ("credit_grade", CreditGrade)):
            if name in said:
                said[name] = term(said[name])
        basis = Basis(kind, **said)
        faults = basis.faults()
        if kind is BasisKind.COST and not self.building_no.data:
            faults["building_no"] = "按造价须逐幢核算，请选定一幢。"
        for name, fault in faults.items():
            self[name].errors = [fault]
        return None if faults else basis


@building_pages.app_context_processor
def _words() -> dict[str, Any]:
    return {"basis_shown": BASIS_SHOWN, "basis_delivery_shown": DELIVERY_SHOWN, "stated_basis": stated_basis}


@building_pages.get("/projects/<project_no>/buildings/<path:building_no>")
@officer("read")
def show(project_no: str, building_no: str) -> ResponseReturnValue:
    """一幢：资金、应留存额、可拨付额、保函与占用、额度依据、节点进度与经过。"""
    if len(building_no) > _LONGEST_NAME or problem_in_text(building_no):
        raise NotFound
    number = known_number(project_no)
    with database().read() as session:
        seen = building_seen(session, project_no=number, building_no=building_no)
    if seen is None:
        raise NotFound("没有这一幢")
    return render_template("supervision/building.html", seen=seen, row=seen.row)


@building_pages.get("/projects/<project_no>/quota")
@officer("read")
def quota(project_no: str) -> ResponseReturnValue:
    """一个项目的额度核定：按所选依据逐幢试算，并核对协议所定。"""
    with database().read() as session:
        seen = quotas_seen(session, known_number(project_no))
    if seen is None:
        raise NotFound("没有这个项目")
    form = QuotaForm(request.args)
    form.building_no.choices = [
        SelectChoice("", "全部"), *(SelectChoice(number, f"{number} 幢") for number in seen.areas),
    ]  # fmt: skip
    status, rows = 200, list[tuple[str, Decimal, Computed]]()
    if "kind" in request.args:
        basis = form.basis() if form.validate() else None
        status = 200 if basis else 422
        rows = _reckoned(basis, seen.areas, str(form.building_no.data or ""), seen.law) if basis else []
    return render_template("supervision/quota.html", seen=seen, form=form, rows=rows), status


def _reckoned(
    basis: Basis, areas: dict[str, Decimal], chosen: str, law: Law
) -> list[tuple[str, Decimal, Computed]]:
    return [
        (number, area, computed(basis, area, law))
        for number, area in areas.items()
        if chosen in ("", number)
    ]
