"""使用申请从录入到核准：公示、表决、占用到户；两件争同一户只成一件；应急先用后备案。"""

import threading
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType

import pytest
from sqlalchemy import text

from escrow.errors import Invalid, NotFound, Refused
from escrow.fund_use import actions, deciding, facts
from escrow.fund_use.rules import Cause, Exclusion, PaperKind, UseMatter
from escrow.maintenance.chart import Nature
from tests.fund.advancing import refused
from tests.fund.fund_estate import build_fund
from tests.fund.use_paying import accepted, confirmed, paid
from tests.fund.use_paying import asked as payment
from tests.fund.using import (
    ABSTAIN,
    NO,
    TODAY,
    YES,
    approve,
    approved,
    asked,
    entered,
    in_town,
    over,
    paper,
    published,
    row_of,
    town,
    vote,
    voted,
)

scene_of = in_town


def shares(estate, use_no):
    query = text("SELECT s.bearer, s.amount, s.from_fund FROM use_share s JOIN fund_use u ON u.id = s.use_id"
                 " WHERE u.use_no = :no ORDER BY s.house_id")  # fmt: skip
    with estate.house.database.read() as session:
        return [tuple(row) for row in session.execute(query, {"no": use_no})]


def test_from_the_plan_to_the_hold(estate):
    """录入分摊、公示、表决、期满、另一人核准：各户占用恰为其分摊，余额不动，各级相符。"""
    use_no = entered(estate, "100.00")
    assert shares(estate, use_no) == [("fund", 3334, 3334), ("fund", 3333, 3333), ("fund", 3333, 3333)]
    assert refused(approve, estate, use_no) == ["not-now"]
    estate.do(lambda session: actions.publish(session, use_no, officer_id=estate.officers[0]))
    assert row_of(estate, use_no).published_until == TODAY + timedelta(days=7)
    assert vote(estate, use_no, {estate.codes[0]: YES, estate.codes[1]: YES, estate.codes[2]: NO}) == "voted"
    assert refused(approve, estate, use_no) == ["publication-not-over"]
    over(estate, use_no)
    assert refused(approve, estate, use_no, by=0) == ["same-officer"]
    approve(estate, use_no)
    assert [estate.stands(one)[:2] for one in estate.ids] == [
        ("1000.00", "33.34"), ("1000.00", "33.33"), ("1000.00", "33.33"),
    ]  # fmt: skip
    row = row_of(estate, use_no)
    assert row.status == "approved" and row.law["provisions"]["use_vote_quorum"]["citation"] == "民法典 第二百七十八条"
    assert estate.disagreements() == []
    assert refused(approve, estate, use_no) == ["not-now"]


def test_a_vote_that_does_not_carry_ends_it(estate):
    """未达三分之二参与，或恰好一半同意：表决记录在案，申请未成，不能再登记第二次。"""
    few = published(estate, "90.00")
    assert vote(estate, few, {estate.codes[0]: YES}) == "failed"
    assert "33.33%（1/3）" in row_of(estate, few).reason
    again = dict.fromkeys(estate.codes, YES)
    assert refused(vote, estate, few, again) == ["not-now"]
    split = published(estate, "90.00")
    assert vote(estate, split, {estate.codes[0]: YES, estate.codes[1]: ABSTAIN}) == "failed"


def test_ballots_of_other_houses_are_not_taken(estate):
    """清册外的房屋不能投票；同一份表决票不能用于两件申请。"""
    use_no = published(estate, "90.00")
    with pytest.raises(Invalid):
        vote(estate, use_no, {estate.codes[0][:-4] + "9999": YES})
    said, who = paper(PaperKind.VOTE), estate.officers[0]
    ballots = dict.fromkeys(estate.codes, YES)
    estate.do(lambda session: actions.vote(session, use_no, ballots, said, officer_id=who))
    other = published(estate, "90.00")

    def again():
        estate.do(lambda session: actions.vote(session, other, ballots, replace(said), officer_id=who))

    assert refused(again) == ["file-reused"]


def test_what_the_fund_must_not_pay_is_refused_and_written_down(estate):
    """答“是”的一项就不受理，什么也不记入申请。"""
    assert refused(entered, estate, "90.00", yes=(Exclusion.WARRANTY,)) == ["excluded-in-warranty"]
    with pytest.raises(NotFound):
        approve(estate, "SY0")


def test_an_unsold_house_is_the_developers(house):
    """未售的一户由建设单位承担其分摊，分户账不占用；全部未售的不受理。"""
    estate = town(house, unsold=1)
    use_no = approved(estate, "90.00")
    assert shares(estate, use_no) == [("fund", 3000, 3000), ("fund", 3000, 3000), ("developer", 3000, 0)]
    assert [estate.stands(one)[1] for one in estate.ids] == ["30.00", "30.00", "0.00"]
    assert str(row_of(estate, use_no).fund_part) == "6000"
    alone = town(house, unsold=3)
    assert refused(entered, alone, "90.00") == ["all-unsold"]


def test_both_natures_in_one_scope_are_asked_for_apart(empty_house, monkeypatch):
    """一幢里既有商品住宅又有已售公房的，两种资金分户存放：点名须分别申请；绕过规则，数据库也不收。"""
    estate = build_fund(empty_house, buildings=1, units=2, natures=(Nature.COMMODITY, Nature.PUBLIC))
    assert refused(entered, estate, "90.00") == ["mixed-natures"]
    monkeypatch.setattr(actions, "asked_refusals", lambda *_: [])
    with pytest.raises(Exception, match="both natures"):
        entered(estate, "90.00")


def test_one_building_is_a_scope_of_its_own(house):
    """只修一幢的，只由那一幢的户分摊；别的小区的楼幢查无此项。"""
    estate = town(house, buildings=2, units=2)
    use_no = entered(estate, "90.00", building="2")
    assert len(shares(estate, use_no)) == 2
    other = town(house)
    said = replace(asked(estate, "90.00"), building_id=other.buildings["1"])
    with pytest.raises(NotFound):
        estate.do(lambda session: actions.enter(session, said, officer_id=estate.officers[0]))


def test_a_short_house_is_refused_at_approval_and_nothing_is_held(house):
    """一户余额不足：核准时点名，别的户也不占用；补足之后可以核准。"""
    estate = town(house, each="")
    estate.deposits({estate.ids[0]: "30.00", estate.ids[1]: "29.99", estate.ids[2]: "30.00"})
    use_no = voted(estate, "90.00")
    with pytest.raises(Refused) as found:
        approve(estate, use_no)
    [reason] = found.value.refusals
    assert reason.code == "house-short"
    assert [code in reason.message for code in estate.codes] == [False, True, False]
    assert [estate.stands(one)[1] for one in estate.ids] == ["0.00"] * 3
    estate.deposit(estate.ids[1], "0.01")
    approve(estate, use_no)


def test_where_the_region_lets_owners_raise_the_rest_it_takes_three_quarters(house, monkeypatch):
    """本地设为由业主自筹的：分户账只出其所有，须四分之三同意；三分之二同意不成。"""
    law = facts.law_on(TODAY, facts.LAW, "141130")
    told = dict(law) | {"use_short": replace(law["use_short"], value="owner")}
    local = type(law)(law.day, law.subject, law.region, dict(MappingProxyType(told)))
    monkeypatch.setattr(facts, "law_on", lambda *_: local)
    estate = town(house, each="")
    estate.deposits({estate.ids[0]: "20.00", estate.ids[1]: "50.00", estate.ids[2]: "50.00"})
    use_no = published(estate, "90.00", matter=UseMatter.RAISE)
    assert shares(estate, use_no)[0] == ("fund", 3000, 2000)
    assert vote(estate, use_no, {estate.codes[0]: YES, estate.codes[1]: YES, estate.codes[2]: NO}) == "failed"
    use_no = voted(estate, "90.00", matter=UseMatter.RAISE)
    approve(estate, use_no)
    assert [estate.stands(one)[1] for one in estate.ids] == ["20.00", "30.00", "30.00"]


def race(estate, both):
    """两件同时核准，各得什么。"""
    gate, said = threading.Barrier(2), []

    def one(use_no):
        gate.wait(10)
        try:
            approve(estate, use_no)
            said.append("done")
        except Refused as no:
            said.append(no.refusals[0].code)

    threads = [threading.Thread(target=one, args=(use_no,)) for use_no in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return sorted(said)


def test_two_uses_cannot_hold_one_house_twice(house):
    """同一批户余额一百元，两件各用六十元同时核准：只成一件，另一件点名不足，占用不超余额。"""
    estate = town(house, units=2, each="100.00")
    both = [voted(estate, "120.00"), voted(estate, "120.00")]
    assert race(estate, both) == ["done", "house-short"]
    assert [estate.stands(one) for one in estate.ids] == [("100.00", "60.00", "0.00")] * 2
    assert estate.disagreements() == []


def file_late(estate, use_no):
    said = paper(PaperKind.FILING)
    estate.do(lambda session: deciding.file_late(session, use_no, said, officer_id=estate.officers[0]))


def test_an_emergency_is_approved_without_a_vote_and_filed_afterwards(estate):
    """电梯应急：不公示、不表决，凭第三方鉴定由另一人核准；须于期限内备案一次。"""
    use_no = entered(estate, "300.00", cause=Cause.ELEVATOR)
    publish = lambda: estate.do(  # noqa: E731
        lambda session: actions.publish(session, use_no, officer_id=estate.officers[0]))  # fmt: skip
    assert refused(publish) == ["emergency-not-published"]
    assert refused(approve, estate, use_no, by=0) == ["same-officer"]
    approve(estate, use_no)
    row = row_of(estate, use_no)
    assert row.file_by > TODAY + timedelta(days=15) and row.filed_on is None

    file_late(estate, use_no)
    assert row_of(estate, use_no).filed_on == TODAY
    assert refused(file_late, estate, use_no) == ["nothing-to-file"]


def test_an_emergency_cannot_be_split(house):
    """同一电梯三十日内两件：录入时点名前一件；先后录入两件再核准，第二件不准；换一事由另计。"""
    estate = town(house, each="200000.00")
    two = [entered(estate, "80000.00", cause=Cause.ELEVATOR) for _ in range(2)]
    approve(estate, two[0])
    assert refused(approve, estate, two[1]) == ["emergency-split"]
    assert refused(entered, estate, "70000.01", cause=Cause.ELEVATOR) == ["emergency-split"]
    assert entered(estate, "70000.00", cause=Cause.ELEVATOR)
    assert entered(estate, "80000.00", cause=Cause.ROOF)


def ago(estate, use_no, days):
    with estate.house.connect("superuser") as connection:
        connection.execute("SET session_replication_role = replica")
        change = "UPDATE fund_use SET approved_on = approved_on - %s WHERE use_no = %s"
        connection.execute(change, (days, use_no))


LIFT = {"cause": Cause.ELEVATOR}


def test_a_house_gives_no_more_to_two_emergencies_than_to_one(estate):
    """每户余额一千，电梯应急已占用五百：三十日内再要一分，录入、核准都点名不准；别的事由另计；满三十日不再合并。"""
    again = entered(estate, "0.03", **LIFT)
    first = approved(estate, "1500.00", **LIFT)
    with pytest.raises(Refused) as found:
        entered(estate, "0.03", **LIFT)
    [reason] = found.value.refusals
    assert reason.code == "emergency-over-balance" and all(one in reason.message for one in estate.codes)
    ago(estate, first, 29)
    assert refused(approve, estate, again) == ["emergency-over-balance"]
    assert [estate.stands(one)[1] for one in estate.ids] == ["500.00"] * 3
    approved(estate, "0.03", cause=Cause.ROOF)
    ago(estate, first, 1)
    approve(estate, again)
    assert [estate.stands(one)[1] for one in estate.ids] == ["500.02"] * 3


def test_what_an_ended_emergency_held_does_not_count(estate):
    """前一件未施工而终止，占用已解除：不计，可以再占五百。"""
    first = approved(estate, "1500.00", **LIFT)
    again = refused(entered, estate, "1500.00", **LIFT)
    confirmed(estate, first, payment(estate, first, "end"))
    assert again == ["emergency-over-balance"] and row_of(estate, first).status == "failed"
    approved(estate, "1500.00", **LIFT)


def test_what_an_emergency_has_paid_counts_with_the_balance_it_took(estate):
    """前一件每户占三百、实付二百四，未用的六十已解除：按原余额一千算，尚可占二百六，多一分不行；付款途中也一样。"""
    first = approved(estate, "900.00", **LIFT)
    paid(estate, first, "advance", "450.00")
    assert [estate.stands(one)[:2] for one in estate.ids] == [("850.00", "150.00")] * 3
    assert refused(entered, estate, "600.03", **LIFT) == ["emergency-over-balance"]
    assert entered(estate, "600.00", **LIFT)
    accepted(estate, first)
    file_late(estate, first)
    paid(estate, first, "final", "720.00", "270.00")
    assert refused(entered, estate, "780.03", **LIFT) == ["emergency-over-balance"]
    approved(estate, "780.00", **LIFT)
    assert [estate.stands(one)[:2] for one in estate.ids] == [("760.00", "260.00")] * 3
    assert estate.disagreements() == []


def test_two_emergencies_approved_at_once_are_one(estate):
    """两件各占三百同时核准：只成一件，另一件点名超过一半。"""
    both = [entered(estate, "900.00", **LIFT) for _ in range(2)]
    assert race(estate, both) == ["done", "emergency-over-balance"]
    assert [estate.stands(one)[1] for one in estate.ids] == ["300.00"] * 3


def test_a_corrected_area_makes_the_list_stale(house):
    """公示之后面积更正的，清册作废，须重新申请。"""
    estate = town(house)
    use_no = voted(estate, "90.00")
    with house.connect("superuser") as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE house SET area = 97.00 WHERE id = %s", (estate.ids[0],))
    assert refused(approve, estate, use_no) == ["shares-stale"]


def test_an_application_given_up_holds_nothing(estate):
    """退回的申请说明理由，不占用任何一户，不能再办。"""
    use_no = voted(estate, "90.00")
    estate.do(lambda session: actions.give_up(session, use_no, "业主撤回", officer_id=estate.officers[1]))
    assert row_of(estate, use_no).status == "failed"
    assert refused(approve, estate, use_no) == ["not-now"]
