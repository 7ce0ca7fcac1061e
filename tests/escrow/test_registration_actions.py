"""Registrations taken as facts: told by the authority, entered by hand, overtaken (登记事实)."""

import threading
from datetime import timedelta
from types import SimpleNamespace

import pytest

from escrow.access.sealing import unseal
from escrow.errors import Invalid, NotFound, Refused
from escrow.registration.by_hand import Decision, reject
from tests.estate import build, officers
from tests.registering import TODAY, confirmed, entered, refused, rows, told, transferred


def scene_of(house, app):
    """A project under supervision, and who enters and confirms (受监管的项目与办理人员)."""
    names = ("clerk", "reviewer", "other")
    people = SimpleNamespace(**dict(zip(names, officers(house, *names), strict=True)))
    return SimpleNamespace(people=people, estate=build(house, [people.clerk, people.reviewer]))


STATUSES = "SELECT source, status FROM first_registration ORDER BY id"


# --- told by the registration authority ---


def test_what_the_authority_says_counts_at_once(estate):
    """登记机构所报即为确认，不需本局人员再确认。"""
    answer = told(estate, "1", "2")

    assert answer["status"] == "confirmed"
    assert rows(estate, STATUSES) == [("system", "confirmed")]


def test_a_building_has_one_certificate(estate):
    """楼幢已按一个证书登记，再报另一证书不收，原登记不变。"""
    told(estate, "1", certificate="证1")

    assert refused(lambda: told(estate, "1", "2", certificate="证2")) == ["building-registered"]
    assert rows(estate, STATUSES) == [("system", "confirmed")]


def test_the_same_certificate_told_again_adds_only_what_is_new(estate):
    """同一证书再报：已有的楼幢不重复，新的楼幢记入。"""
    told(estate, "1")
    told(estate, "1")
    told(estate, "1", "2")

    assert rows(estate, "SELECT count(*) FROM registered_building") == [(2,)]


def test_a_certificate_of_another_project_is_refused(house, people, estate):
    """同一证书号不能用于两个项目。"""
    told(estate, "1")
    other = build(house, [people.clerk, people.reviewer])

    assert refused(lambda: told(other, "1")) == ["certificate-reused"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"project": "XM-none"}, "project_no"), ({"on": TODAY + timedelta(days=1)}, "registered_on"),
        ({"buildings": ("1", "9")}, "building_nos"),
    ],
)  # fmt: skip
def test_what_does_not_exist_yet_or_at_all_is_named(estate, changes, field):
    """没有的项目、没有的楼幢、未来的日期，指明字段。"""
    buildings = changes.pop("buildings", ("1",))
    with pytest.raises(Invalid) as caught:
        told(estate, *buildings, **changes)
    assert set(caught.value.errors) == {field}


def test_racing_certificates_register_a_building_once(estate):
    """两个证书同时报同一楼幢，只收一个。"""
    outcomes, ready = [], threading.Barrier(8)

    def tell(number: int) -> None:
        ready.wait()
        try:
            told(estate, "1", certificate=f"证{number}")
            outcomes.append("taken")
        except Refused as caught:
            outcomes.append(caught.refusals[0].code)

    crowd = [threading.Thread(target=tell, args=(number,)) for number in range(8)]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()

    assert sorted(outcomes) == ["building-registered"] * 7 + ["taken"]


# --- by hand ---


def test_by_hand_it_takes_two(estate, people):
    """一人录入不生效，本人不能确认，另一人确认后生效，且只确认一次。"""
    entry = entered(estate, people, "1")

    assert refused(lambda: confirmed(estate, entry, people.clerk)) == ["same-officer"]
    confirmed(estate, entry, people.reviewer)
    assert refused(lambda: confirmed(estate, entry, people.other)) == ["already-decided"]
    assert rows(estate, STATUSES) == [("manual", "confirmed")]
    assert rows(estate, "SELECT status FROM registered_building") == [("confirmed",)]


def test_what_waits_or_is_registered_is_not_entered_again(estate, people):
    """待确认的、已登记的楼幢不再录入。"""
    entered(estate, people, "1")
    told(estate, "2", certificate="证9")

    assert refused(lambda: entered(estate, people, "1", "2", certificate="证2")) == [
        "building-registered", "building-waiting",
    ]  # fmt: skip


def test_a_file_is_never_used_twice(estate, people):
    """退回的录入，其文件也不能再用。"""
    entry = entered(estate, people, "1", paper="扫描件")
    estate.do(lambda session: reject(session, Decision(entry, people.reviewer), reason="登记日有误"))

    assert refused(lambda: entered(estate, people, "1", paper="扫描件")) == ["file-reused"]
    assert entered(estate, people, "1", paper="重扫") > entry


def test_the_authority_overtakes_an_entry_that_waits(estate, people):
    """待确认时登记机构报来同一楼幢：以登记机构所报为准，手工录入不再能确认。"""
    entry = entered(estate, people, "1", "2", certificate="证手")
    told(estate, "1", certificate="证机")

    assert refused(lambda: confirmed(estate, entry, people.reviewer)) == ["already-decided"]
    assert rows(estate, "SELECT status, overtaken_by IS NOT NULL FROM first_registration ORDER BY id") == [
        ("overtaken", True), ("confirmed", False),
    ]  # fmt: skip
    assert entered(estate, people, "2", certificate="证手") > entry


def test_an_entry_that_nobody_made_is_not_found(estate, people):
    """没有的录入，查无此条。"""
    with pytest.raises(NotFound):
        confirmed(estate, 4711, people.reviewer)


def test_every_step_leaves_one_audit_row(estate, people):
    """录入、确认、报来，各留一行审计。"""
    confirmed(estate, entered(estate, people, "1", certificate="证甲"), people.reviewer)
    told(estate, "2", certificate="证乙")

    trail = "SELECT action, subject FROM audit_event WHERE action LIKE 'registration.%' ORDER BY id"
    assert rows(estate, trail) == [
        ("registration.entered", "证甲"), ("registration.confirmed", "证甲"), ("registration.received", "证乙"),
    ]  # fmt: skip


# --- transfer registration ---


def test_a_transfer_is_masked_in_the_answer_and_sealed_at_rest(estate):
    """转移登记的权利人姓名、证件号加密保存，答复脱敏。"""
    told(estate, "1")
    unit = estate.unit_codes[0]

    answer = transferred(estate, unit)

    assert (answer["owner_name_masked"], answer["owner_id_no_masked"]) == ("田**", "110105********002X")
    assert "田秀英" not in str(answer) and "19491231" not in str(answer)
    [(sealed, plain)] = rows(
        estate, "SELECT owner_name_sealed, to_jsonb(t)::text FROM transfer_registration t"
    )
    assert "田秀英" not in plain and "19491231" not in plain
    context = f"transfer_registration:{unit}:name"
    assert unseal(bytes(sealed), estate.house.settings, context=context) == "田秀英"


def test_a_transfer_before_the_building_is_refused(estate):
    """楼幢未首次登记，或转移登记日早于首次登记日，不收。"""
    unit = estate.unit_codes[0]

    assert refused(lambda: transferred(estate, unit)) == ["first-registration-missing"]
    told(estate, "1")
    early = TODAY - timedelta(days=1)
    assert refused(lambda: transferred(estate, unit, on=early)) == ["before-first-registration"]


def test_a_certificate_registers_a_unit_once(estate):
    """一证登记一次：同样内容再报照答，同证不同内容、借用他户证书不收。"""
    told(estate, "1")
    first, second = estate.unit_codes[:2]
    transferred(estate, first)
    transferred(estate, first)

    assert rows(estate, "SELECT count(*) FROM transfer_registration") == [(1,)]
    assert refused(lambda: transferred(estate, first, owner="E12345678")) == ["unit-registered"]
    assert refused(lambda: transferred(estate, second)) == ["certificate-reused"]


def test_a_home_is_sold_again(estate):
    """房屋再次转移另有证书，照收；先发生的后报来也照收，逐次留存，不增不改前一次。"""
    told(estate, "1", on=TODAY - timedelta(days=9))
    unit = estate.unit_codes[0]
    transferred(estate, unit, on=TODAY)
    transferred(estate, unit, certificate="分证0", on=TODAY - timedelta(days=5), owner="E12345678")

    kept = "SELECT certificate_no FROM transfer_registration ORDER BY registered_on"
    assert rows(estate, kept) == [("分证0",), ("分证1",)]


def test_a_transfer_of_no_unit_names_the_field(estate):
    """楼盘表没有的房屋，指明字段。"""
    with pytest.raises(Invalid) as caught:
        transferred(estate, "141130999999GB00001F00010001")
    assert set(caught.value.errors) == {"unit_code"}
