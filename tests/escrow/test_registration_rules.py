"""When a registration may be taken as a fact: facts in, every refusal out."""

from dataclasses import replace
from datetime import date

import pytest
from marshmallow import ValidationError

from config.regulations import law_on
from escrow.registration.api import FirstRequest, TransferRequest, read_owner_id
from escrow.registration.rules import (
    Certificate,
    FirstFacts,
    PaperUse,
    RegistrationStatus,
    TransferFacts,
    decide_refusals,
    first_refusals,
    hand_refusals,
    paper_refusals,
    transfer_refusals,
)

LAW = law_on(date(2026, 11, 21), "presale_funds", "141130")
ASKED = Certificate("证1", "XM1", date(2026, 11, 20))
NEW = FirstFacts(asked=ASKED, building_nos=("1", "2"), confirmed={})
SOLD = TransferFacts(
    unit_code="1" * 28, certificate_no="证2", registered_on=date(2026, 11, 21),
    first_registered_on=date(2026, 11, 20), certificate_unit=None,
)  # fmt: skip


def codes(found):
    assert all(refusal.citation and refusal.message for refusal in found)
    return [refusal.code for refusal in found]


def test_a_first_registration_of_new_buildings_is_taken():
    """未登记过的楼幢，照收。"""
    assert codes(first_refusals(NEW, LAW)) == []


def test_every_building_under_another_certificate_is_named():
    """楼幢已按另一证书登记的，逐幢指明。"""
    found = first_refusals(replace(NEW, confirmed={"1": "证8", "2": "证9"}), LAW)

    assert codes(found) == ["building-registered", "building-registered"]
    assert "1 幢已按证书 证8" in found[0].message


def test_the_same_certificate_may_name_more_buildings_of_its_project():
    """同一证书、同一项目、同一登记日，可以续报其他楼幢。"""
    assert codes(first_refusals(replace(NEW, confirmed={"1": "证1"}, known=ASKED), LAW)) == []


@pytest.mark.parametrize("other", [{"project_no": "XM2"}, {"registered_on": date(2026, 11, 19)}])
def test_a_certificate_belongs_to_one_project_and_one_day(other):
    """同一证书号不能用于另一项目或另一登记日。"""
    assert codes(first_refusals(replace(NEW, known=replace(ASKED, **other)), LAW)) == ["certificate-reused"]


def test_by_hand_nothing_is_entered_twice():
    """手工录入时，已登记的和已录入待确认的楼幢都不再录。"""
    found = hand_refusals(replace(NEW, confirmed={"1": "证1"}, known=ASKED), ["2"], LAW)

    assert codes(found) == ["building-registered", "building-waiting"]


@pytest.mark.parametrize(
    ("status", "same_person", "said"),
    [
        (RegistrationStatus.ENTERED, False, []),
        (RegistrationStatus.ENTERED, True, ["same-officer"]),
        (RegistrationStatus.CONFIRMED, False, ["already-decided"]),
        (RegistrationStatus.REJECTED, False, ["already-decided"]),
        (RegistrationStatus.OVERTAKEN, True, ["already-decided", "same-officer"]),
    ],
)
def test_an_entry_is_decided_once_by_another(status, same_person, said):
    """手工录入由另一人员确认或退回一次；登记机构已报来的不必再确认。"""
    assert codes(decide_refusals(status, same_person=same_person, law=LAW)) == said


def test_a_transfer_on_the_day_of_first_registration_is_taken():
    """首次登记当日即可转移登记。"""
    assert codes(transfer_refusals(replace(SOLD, registered_on=date(2026, 11, 20)), LAW)) == []


def test_a_transfer_needs_first_registration_of_its_building():
    """楼幢没有首次登记，不能转移登记；早于首次登记日的也不行。"""
    missing = replace(SOLD, first_registered_on=None)
    early = replace(SOLD, registered_on=date(2026, 11, 19))

    assert codes(transfer_refusals(missing, LAW)) == ["first-registration-missing"]
    assert codes(transfer_refusals(early, LAW)) == ["before-first-registration"]


def test_a_certificate_serves_one_unit_once():
    """一证一户一次：另一户借用、本户所报不同均不收；逐字相同的照答；一户可以再次转移。"""
    other = replace(SOLD, certificate_unit="2" * 28)
    same = replace(SOLD, certificate_unit=SOLD.unit_code, is_same=True)

    assert codes(transfer_refusals(other, LAW)) == ["certificate-reused"]
    assert codes(transfer_refusals(replace(same, is_same=False), LAW)) == ["unit-registered"]
    assert codes(transfer_refusals(same, LAW)) == []


@pytest.mark.parametrize("use", list(PaperUse))
def test_a_file_proves_nothing_a_second_time(use):
    """同一个文件无论先前作何用途，都不能再用。"""
    assert codes(paper_refusals(use, LAW)) == ["file-reused"]
    assert paper_refusals(None, LAW) == []


@pytest.mark.parametrize(
    "number",
    ["110105194912310021", "141130194902300018", "1" * 31, "", "E 123", "王123"],
)
def test_an_owner_paper_that_looks_like_an_id_must_be_one(number):
    """形似身份证号的必须校验通过；其他证件号只能是字母数字。"""
    with pytest.raises(ValueError):
        read_owner_id(number)


@pytest.mark.parametrize(
    "number", ["11010519491231002X", "E12345678", "H01234567", "91110000600037341L", "08123456(A)"]
)
def test_valid_papers_of_an_owner_are_taken(number):
    """校验通过的身份证、统一社会信用代码，及护照、通行证等照收。"""
    assert read_owner_id(number) == number


FIRST = {
    "event_id": "E1", "project_no": "XM1", "building_nos": ["1"], "certificate_no": "证1",
    "registered_on": "2026-11-20",
}  # fmt: skip


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("building_nos", []), ("building_nos", ["1", "1"]), ("building_nos", "1"), ("building_nos", [1]),
        ("building_nos", [None]), ("registered_on", "2026-02-30"), ("registered_on", "2026-11-20T00:00:00"),
        ("event_id", ""), ("event_id", "E 1"), ("certificate_no", "a\x00b"), ("certificate_no", "\ud800"),
        ("project_no", None), ("misspelt", "1"),
    ],
)  # fmt: skip
def test_bad_words_of_a_first_registration_are_refused_by_field(field, value):
    """报文有误的字段逐一指明。"""
    with pytest.raises(ValidationError) as refused:
        FirstRequest().load({**FIRST, field: value})

    assert list(refused.value.messages) == [field]


def test_a_transfer_names_its_owner():
    """转移登记须报权利人。"""
    with pytest.raises(ValidationError) as refused:
        TransferRequest().load({"event_id": "E1", "unit_code": "x"})

    assert set(refused.value.messages) == {
        "unit_code", "certificate_no", "registered_on", "owner_name", "owner_id_no",
    }  # fmt: skip
