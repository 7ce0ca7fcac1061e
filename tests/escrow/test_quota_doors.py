"""监管协议所写的额度依据：平台报送时核对，受理时再核对，随协议版本存档。"""

from typing import Any

import pytest

from tests.builders import County, Development

LEAST = "1140480.00"  # 3 套 × 96 平方米 × 3300 元 × 1.20
SHELL = {"kind": "per_area", "delivery": "shell"}


@pytest.fixture
def county(house: Any, app: Any) -> County:
    """一个县。"""
    return County(house, app)


def propose(county: County, made: Development, *quotas: dict[str, Any]) -> Any:
    body = {**made.agreement, "clauses": {**made.agreement["clauses"], "quotas": list(quotas)}}
    return county.put("platform", f"/projects/{made.project_no}/supervision", body)


def quota(amount: str, basis: dict[str, Any] | None) -> dict[str, Any]:
    return {"building_no": "1", "amount": amount} | ({"basis": basis} if basis else {})


@pytest.mark.parametrize(
    ("amount", "basis"),
    [
        (LEAST, None),
        (LEAST, SHELL),
        ("1486080.00", {"kind": "per_area", "delivery": "finished"}),
        ("691200.00", {"kind": "price_share", "delivery": "shell", "average_price": "6000.00"}),
        ("1250000.00", {"kind": "cost", "cost": "1000000.00", "credit_grade": "C"}),
    ],
)
def test_a_basis_is_kept_with_the_version(county: County, amount: str, basis: dict[str, Any] | None) -> None:
    """额度恰等于核定数的，受理；所写依据原样存下并答复，不写的也照收。"""
    made = county.project(status="registered")
    answer = propose(county, made, quota(amount, basis))
    assert answer.status_code == 201, answer.text
    assert answer.json["clauses"]["quotas"] == [quota(amount, basis)]
    again = propose(county, made, quota(amount, basis))
    assert (again.status_code, again.json) == (200, answer.json)


@pytest.mark.parametrize(
    ("amount", "basis"),
    [
        ("1140479.99", SHELL),
        ("691199.99", {"kind": "price_share", "delivery": "shell", "average_price": "6000.00"}),
        ("1249999.99", {"kind": "cost", "cost": "1000000.00", "credit_grade": "C"}),
    ],
)
def test_one_fen_below_its_basis_is_refused(county: County, amount: str, basis: dict[str, Any]) -> None:
    """比所写依据少一分，不予受理，理由写明算式与出处；什么也没有留下。"""
    made = county.project(status="registered")
    answer = propose(county, made, quota(amount, basis))
    assert answer.status_code == 409, answer.text
    (refusal,) = answer.json["refusals"]
    assert refusal["code"] == "quota-below-basis" and "×" in refusal["message"] and refusal["citation"]
    assert "尚未报送监管协议" in county.seat("aa").get(f"/supervision/{made.project_no}").text


@pytest.mark.parametrize(
    ("basis", "field"),
    [
        ({"kind": "per_area"}, "basis.delivery"),
        ({**SHELL, "cost": "1.00"}, "basis.cost"),
        ({"kind": "price_share", "delivery": "shell"}, "basis.average_price"),
        ({"kind": "cost", "cost": "1.00", "credit_grade": "E"}, "basis.credit_grade"),
        ({"kind": "whole"}, "basis.kind"),
        ({"kind": "guess"}, "basis.kind"),
        ({**SHELL, "area": "1"}, "basis.area"),
        ("per_area", "basis"),
    ],
)
def test_a_basis_in_the_wrong_shape_is_refused_by_field(county: County, basis: Any, field: str) -> None:
    """依据缺数、多数、不在所列之内、全额监管却列额度：指明是哪一项。"""
    made = county.project(status="registered")
    answer = propose(county, made, quota(LEAST, basis))
    assert answer.status_code == 422, answer.text
    assert [error["field"] for error in answer.json["errors"]] == [f"clauses.quotas[0].{field}"]


def test_acceptance_judges_the_quota_again(county: County) -> None:
    """报送之后楼盘表面积变大：受理时按现面积再核对，低于所写依据的不予受理，账户不开。"""
    made = county.project(status="registered")
    assert propose(county, made, quota(LEAST, SHELL)).status_code == 201
    made.body["buildings"][0]["units"][0]["area"] = "96.01"
    assert county.put("platform", f"/projects/{made.project_no}", made.body).status_code == 200
    refused = county.accept(made, county.seat("aa"))
    assert refused.status_code == 409 and "1140519.60" in refused.text and "依据" in refused.text
