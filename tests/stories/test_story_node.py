"""A building from its quota to first registration: node by node, in both mechanics (工程节点全程)."""

from typing import Any

import pytest
from sqlalchemy import select

from config.clock import bureau_day
from escrow import chart
from escrow.errors import Refused
from escrow.instructions.results import Result, record
from escrow.instructions.rules import Outcome
from escrow.supervision.actions import Proposal, accept, propose
from escrow.supervision.models import Agreement
from escrow.withdrawals.deciding import reject
from escrow.withdrawals.rules import Channel
from ledger.money import Yuan
from tests.estate import build, new_number
from tests.noding import approved, claimed, codes, corrected, funds, reached
from tests.withdrawing import BUILDER_ACCOUNT, Site, listed, people_of

FIVE = ("三分之一层", "主体结构验收", "竣工验收", "竣工验收备案", "首次登记")


def site(house: Any, people: Any, mode: str, *, nodes: dict[str, str] | None = None) -> Site:
    """一号楼额度一百万元；协议未列节点的，适用规定的五个节点。"""
    estate = build(
        house, [people.clerk, people.reviewer], buildings=1, quotas={"1": "1000000.00"}, quota_mode=mode,
        nodes=nodes,
    )  # fmt: skip
    return listed(estate, people)


def payable(site: Site, channel: Channel, amount: str) -> bool:
    """So much may be asked for, and not a fen more (恰可申请这么多)."""
    fen = Yuan(amount).fen
    return not (fen and refused(site, fen, channel)) and bool(refused(site, fen + 1, channel))


def refused(site: Site, fen: int, channel: Channel) -> list[str]:
    """Why an application of so much is refused; one that is not, is entered and sent back."""
    try:
        number = site.enter(str(Yuan.from_fen(fen)), channel=channel)
    except Refused as error:
        return [refusal.code for refusal in error.refusals]
    site.estate.do(lambda s: reject(s, number, officer_id=site.people.reviewer, reason="试算"))
    return []


def paid(site: Site, amount: str, channel: Channel) -> None:
    """Asked for, approved, ordered, paid by the bank (拨付到账)."""
    number = site.issue(site.approved(amount, channel=channel)).numbers[0]
    said = Result(number, Outcome.PAID, new_number("F"), Yuan(amount), BUILDER_ACCOUNT, bureau_day())
    site.estate.do(lambda session: record(session, said, "ABC", site.estate.house.settings))


def test_floor_from_the_first_deposit_to_first_registration(house: Any) -> None:
    """留存制：先留满额度，节点核准一个，多出一份可拨；拨完再到下一节点；首次登记后全部放开。"""
    people = people_of(house)
    here = site(house, people, "floor")
    here.estate.put("1", "900000.00")
    assert payable(here, Channel.GENERAL, "0.00")
    left = {
        "三分之一层": "600000.00",
        "主体结构验收": "300000.00",
        "竣工验收": "100000.00",
        "竣工验收备案": "50000.00",
    }
    before = Yuan("900000.00")
    for name, kept in left.items():
        reached(here.estate, (people.clerk, people.reviewer), name)
        free = str(before - Yuan(kept))
        assert payable(here, Channel.GENERAL, free), name
        assert refused(here, Yuan(free).fen + 1, Channel.GENERAL), name
        paid(here, free, Channel.GENERAL)
        assert funds(here.estate)["2111"] == kept and "2112" not in funds(here.estate)
        before = Yuan(kept)
    assert codes(lambda: claimed(here.estate, people.clerk, "首次登记")) == ["node-not-registered"]
    here.estate.register()
    reached(here.estate, (people.clerk, people.reviewer), "首次登记")
    assert funds(here.estate) == {"2112": "50000.00", "8201": "1000000.00", "8203": "1000000.00"}
    assert payable(here, Channel.GENERAL, "50000.00")


def test_draw_down_spends_what_each_node_allows(house: Any) -> None:
    """支用制：节点核准不动资金，只放宽支用；拨一笔，应留存额减一笔；累计支用不超过节点所准。"""
    people = people_of(house)
    here = site(house, people, "draw_down")
    here.estate.put("1", "1000000.00")
    assert payable(here, Channel.KEY, "0.00")
    spent = Yuan("0.00")
    for name, allowed in zip(FIVE[:4], ("400000.00", "700000.00", "900000.00", "950000.00"), strict=True):
        reached(here.estate, (people.clerk, people.reviewer), name)
        assert funds(here.estate)["2111"] == str(Yuan("1000000.00") - spent)
        free = str(Yuan(allowed) - spent)
        assert payable(here, Channel.KEY, free), name
        paid(here, free, Channel.KEY)
        spent = Yuan(allowed)
        assert funds(here.estate)["8204"] == allowed
        assert payable(here, Channel.KEY, "0.00")
    assert funds(here.estate)["2111"] == "50000.00"


@pytest.mark.parametrize("mode", ["floor", "draw_down"])
def test_going_back_takes_what_was_released(house: Any, mode: str) -> None:
    """返工更正：已释放未拨的收回，拨出去的不追；再到节点须重新申报，材料重新出具。"""
    people = people_of(house)
    here, channel = site(house, people, mode), Channel.GENERAL if mode == "floor" else Channel.KEY
    here.estate.put("1", "1000000.00")
    reached(here.estate, (people.clerk, people.reviewer), "三分之一层", "主体结构验收")
    paid(here, "500000.00", channel)
    approved(here.estate, corrected(here.estate, people.clerk, "三分之一层"), people.reviewer, None)
    held = funds(here.estate)
    assert (held["2111"], held["8203"]) == ("500000.00", "400000.00")
    assert "2112" not in held and payable(here, channel, "0.00")
    reached(here.estate, (people.clerk, people.reviewer), "主体结构验收")
    assert payable(here, channel, "200000.00")


@pytest.mark.parametrize(("mode", "key_funds"), [("floor", "600000.00"), ("draw_down", "1000000.00")])
def test_a_new_version_keeps_what_was_reached(house: Any, mode: str, key_funds: str) -> None:
    """协议变更：新版本额度加倍、自列节点，已到节点仍算到，按新比例释放；漏列已到节点的不予受理。"""
    people = people_of(house)
    here = site(house, people, mode, nodes={"主体结构验收": "0.40", "竣工验收备案": "0.05"})
    here.estate.put("1", "1000000.00")
    reached(here.estate, (people.clerk, people.reviewer), "主体结构验收")
    dropped = codes(lambda: changed(here, people, quota="2000000.00", nodes={"封顶": "0.50"}))
    assert dropped == ["node-dropped"]
    changed(here, people, quota="2000000.00", nodes={"主体结构验收": "0.30", "首次登记": "0.00"})
    assert funds(here.estate)["2111"] == key_funds
    assert funds(here.estate)["8203"] == "1400000.00"
    assert codes(lambda: claimed(here.estate, people.clerk, "竣工验收备案")) == ["node-unknown"]


def changed(here: Site, people: Any, *, quota: str, nodes: dict[str, str]) -> None:
    """Another version is proposed and accepted by two (协议变更)."""
    estate = here.estate
    with estate.house.database.read() as session:
        now = session.scalars(select(Agreement).where(Agreement.status == "effective")).one()
        listed_nodes = [{"node": node, "locked_ratio": ratio} for node, ratio in nodes.items()]
        clauses = {
            **now.clauses, "nodes": listed_nodes, "quotas": [{"building_no": "1", "amount": quota}],
        }  # fmt: skip
        asked = Proposal(
            now.agreement_no, now.bank_code, now.account_no, now.account_name, now.signed_on, clauses
        )
    estate.do(lambda session: propose(session, estate.project_no, asked))
    for who in (people.clerk, people.reviewer):
        with estate.house.database.read() as session:
            seen = session.scalars(select(Agreement.digest).where(Agreement.status == "proposed")).one()
        estate.do(
            lambda session, who=who, seen=seen: accept(session, estate.project_no, seen=seen, officer_id=who)
        )
    assert (chart.QUOTA, chart.building_key(estate.buildings["1"])) in estate.held()
