"""Who may approve a release, and which papers its clauses wait for (经手人回避与佐证材料)."""

from datetime import timedelta
from decimal import Decimal

import pytest

from config.clock import bureau_day
from escrow.errors import Invalid, Refused
from escrow.registration.actions import FirstAsked
from escrow.registration.by_hand import Decision, confirm, reject
from escrow.registration.by_hand import enter as enter_by_hand
from escrow.release.actions import reject as send_back
from escrow.release.evidence import Evidence, decide_evidence, enter_evidence
from escrow.release.rules import EvidenceStatus
from escrow.supervision.rules import ClauseKind
from ledger.money import Yuan
from tests.estate import build, file_hash
from tests.releasing import approved, codes, filed, registered

scene_of = registered


# --- who may approve ---


def test_who_entered_the_application_may_not_decide_it(estate, people):
    """录入人不能批准，也不能退回。"""
    release_no = estate.applied(people.handler)

    assert codes(estate, release_no, people.handler) == ["same-officer"]
    with pytest.raises(Refused):
        estate.do(lambda session: send_back(session, release_no, officer_id=people.handler, reason="不齐"))


@pytest.mark.parametrize("who", ["clerk", "reviewer"])
def test_who_handled_the_first_registration_by_hand_may_not_approve(house, people, who):
    """手工录入或确认首次登记的人，都不能批准该账户解除监管。"""
    estate = build(house, [people.handler, people.other], buildings=1)
    asked = FirstAsked(estate.project_no, ("1",), "证B", bureau_day())
    entry = estate.do(
        lambda session: enter_by_hand(session, asked, file_hash=file_hash("证B"), officer_id=people.clerk)
    )
    estate.do(lambda session: confirm(session, Decision(entry, people.reviewer)))
    release_no = estate.applied(people.handler)

    assert codes(estate, release_no, getattr(people, who)) == ["approver-handled-registration"]
    assert approved(estate, release_no, people.chief) == Yuan(0)


@pytest.mark.parametrize("who", ["clerk", "reviewer"])
def test_who_handled_the_evidence_may_not_approve(house, people, who):
    """录入或确认佐证材料的人，都不能批准该账户解除监管。"""
    clause = {"kind": "document", "value": None, "clause": "物业承接查验"}
    estate = build(house, [people.handler, people.other], clauses=[clause])
    estate.register()
    filed(estate, people, ClauseKind.DOCUMENT, "物业承接查验")
    release_no = estate.applied(people.handler)

    assert codes(estate, release_no, getattr(people, who)) == ["approver-handled-evidence"]
    assert approved(estate, release_no, people.chief) == Yuan(0)


def test_an_entry_sent_back_does_not_bind_who_sent_it_back(house, people):
    """退回首次登记录入的人没有确认任何事实，仍可批准；录入人不可。"""
    estate = build(house, [people.handler, people.other], buildings=1)
    asked = FirstAsked(estate.project_no, ("1",), "证C", bureau_day())
    entry = estate.do(
        lambda session: enter_by_hand(session, asked, file_hash=file_hash("证C"), officer_id=people.clerk)
    )
    estate.do(lambda session: reject(session, Decision(entry, people.reviewer), reason="证书号有误"))
    estate.register("1")
    release_no = estate.applied(people.handler)

    assert codes(estate, release_no, people.clerk) == ["approver-handled-registration"]
    assert approved(estate, release_no, people.reviewer) == Yuan(0)


# --- the agreement's clauses ---


@pytest.mark.parametrize(
    ("kind", "value", "ratio"),
    [("completion_filing", None, None), ("handover_ratio", "0.90", Decimal("0.9")), ("document", None, None)],
)
def test_a_clause_on_paper_waits_for_its_confirmed_paper(house, people, kind, value, ratio):
    """须凭材料的条款：没有材料不行，只录入未确认不行，确认后才算满足。"""
    clauses = [{"kind": kind, "value": value, "clause": "协议第九条"}]
    estate = build(house, [people.handler, people.other], clauses=clauses)
    estate.register()
    release_no = estate.applied(people.handler)
    code = f"clause-{kind.replace('_', '-')}"

    assert codes(estate, release_no, people.chief) == [code]
    entry = filed(estate, people, ClauseKind(kind), "协议第九条", ratio=ratio, confirmed=False)
    assert codes(estate, release_no, people.chief) == [code]
    with pytest.raises(Refused):
        estate.do(
            lambda session: decide_evidence(session, entry, EvidenceStatus.CONFIRMED, officer_id=people.clerk)
        )
    estate.do(
        lambda session: decide_evidence(session, entry, EvidenceStatus.CONFIRMED, officer_id=people.reviewer)
    )
    assert approved(estate, release_no, people.chief) == Yuan(0)


def test_months_run_from_the_last_registration(house, people):
    """约定首次登记满三个月：以最后一幢登记日起算。"""
    clauses = [{"kind": "months_after", "value": 3, "clause": "登记满三个月"}]
    estate = build(house, [people.handler, people.other], clauses=clauses)
    estate.register("1", on=bureau_day() - timedelta(days=200))
    estate.register("2", on=bureau_day() - timedelta(days=60))
    release_no = estate.applied(people.handler)

    assert codes(estate, release_no, people.chief) == ["clause-months-after"]


def test_a_paper_for_no_clause_of_the_agreement_is_not_taken(estate, people):
    """协议没有约定的材料不收；协议不需要比例的不得填比例。"""
    paper = Evidence(
        estate.account_no, ClauseKind.DOCUMENT, "没有的条款", "CL1", bureau_day(), file_hash("x")
    )

    with pytest.raises(Invalid) as refused:
        estate.do(lambda session: enter_evidence(session, paper, officer_id=people.clerk))

    assert set(refused.value.errors) == {"clause"}
