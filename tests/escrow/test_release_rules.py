"""When supervision may end: facts in, every refusal out."""

from dataclasses import replace

import pytest

from config.regulations import law_on
from escrow import chart
from escrow.contracts.rules import ContractStatus
from escrow.release.clauses import Building, Clause
from escrow.release.rules import (
    OPEN_CODES,
    Decider,
    EvidenceStatus,
    OpenContract,
    ReleaseStatus,
    approver_refusals,
    checklist,
    decider_refusals,
    entry_refusals,
    evidence_refusals,
    refusals,
)
from escrow.supervision.measures import WHOLE
from escrow.supervision.rules import AccountStatus
from ledger.money import ZERO
from tests.release_facts import FEN, LAW, READY, SEED, TODAY, codes


def test_every_building_registered_and_nothing_open_may_be_released():
    """全部楼幢已首次登记、账目结清、协议无附加条款，应予解除。"""
    assert codes(READY) == []
    assert all(condition.met and condition.citation for condition in checklist(READY, LAW))


def test_a_building_without_first_registration_is_named():
    """有一幢未办首次登记，指明是哪一幢，并引“五是”。"""
    facts = replace(READY, buildings=(READY.buildings[0], Building("2"), Building("3")))

    (refusal,) = refusals(facts, LAW)

    assert refusal.code == "first-registration-missing"
    assert refusal.message == "尚未确认首次登记的楼幢：2、3"
    assert refusal.citation == SEED


def test_no_building_at_all_is_not_every_building():
    """账户名下没有楼幢，不能当作“全部已登记”。"""
    assert codes(replace(READY, buildings=())) == ["first-registration-missing"]


@pytest.mark.parametrize("code", chart.OPEN_ITEMS)
def test_one_fen_on_any_open_heading_refuses(code):
    """应清零科目哪怕剩一分钱，也按该科目的名称、金额和代码不予解除。"""
    (refusal,) = refusals(replace(READY, balances={**READY.balances, code: FEN}), LAW)

    assert refusal.code == OPEN_CODES[code]
    assert chart.HEADINGS[code].label in refusal.message
    assert "0.01 元" in refusal.message
    assert refusal.citation


def test_the_list_of_open_headings_is_the_whole_list():
    """应清零科目即 P20 所列各科目，另加保函额度，各有不同代码。"""
    listed = [
        "1102",
        "1301",
        "2101",
        "2102",
        "2201",
        "2202",
        "2301",
        "2401",
        "2901",
        "8202",
        "8301",
        "8302",
        "8303",
    ]

    assert sorted(chart.OPEN_ITEMS) == listed
    assert len(set(OPEN_CODES.values())) == len(OPEN_CODES) == len(listed)


@pytest.mark.parametrize(
    ("changes", "code", "named"),
    [
        ({"contracts": (OpenContract("HT1", ContractStatus.DRAFTED, FEN),)}, "contract-drafted", "HT1"),
        ({"contracts": (OpenContract("HT2", ContractStatus.CANCELLED, FEN),)}, "refund-outstanding", "HT2"),
        ({"contracts": (OpenContract("HT3", ContractStatus.AT_RISK, ZERO),)}, "contract-at-risk", "HT3"),
        ({"pending_reversals": ("RZ1",)}, "reversal-pending", "RZ1"),
        ({"pending_withdrawals": ("YK1",)}, "withdrawal-pending", "YK1"),
        ({"uncovered_withdrawals": ("YK2",)}, "withdrawal-uncovered", "YK2"),
        ({"account_status": AccountStatus.SUSPENDED}, "account-not-active", "已暂停"),
        ({"account_status": AccountStatus.RELEASING}, "account-not-active", "已解除监管"),
        ({"takeover_no": "JG9"}, "takeover-in-force", "JG9"),
        (
            {"balances": {chart.UNMATCHED: FEN}, "items": {chart.UNMATCHED: "RZ7、RZ8"}},
            "open-unmatched", "尚有 0.01 元未结清：RZ7、RZ8",
        ),
        (
            {"balances": {chart.JUDICIAL_HOLD: WHOLE}, "items": {chart.JUDICIAL_HOLD: "DJ1（中院，全额）"}},
            "open-judicial-hold", "司法冻结（8303）尚未解除：DJ1（中院，全额）",
        ),
        ({"other_application": "SQ2"}, "application-live", "SQ2"),
        ({"application_no": None}, "application-missing", "申请书"),
        ({"agreement_waiting": 2}, "agreement-waiting", "第 2 版"),
        ({"agreement_no": None}, "agreement-missing", "监管协议"),
    ],
)  # fmt: skip
def test_each_thing_still_under_way_refuses_alone(changes, code, named):
    """每一项未了事项单独存在时，都不予解除并指明是什么。"""
    (refusal,) = refusals(replace(READY, **changes), LAW)

    assert refusal.code == code
    assert named in refusal.message
    assert refusal.citation


@pytest.mark.parametrize("status", [ContractStatus.DRAFTED, ContractStatus.CANCELLED])
def test_a_contract_without_money_does_not_stand_in_the_way(status):
    """草拟或注销而账上没有款项的合同，不妨碍解除。"""
    assert codes(replace(READY, contracts=(OpenContract("HT1", status, ZERO),))) == []


def test_every_reason_is_given_at_once():
    """多项未满足时一并告知，不只说第一项。"""
    facts = replace(
        READY,
        buildings=(Building("1"),),
        balances={chart.UNMATCHED: FEN, chart.JUDICIAL_HOLD: FEN},
        clauses=(Clause("months_after", 3, "第九条"), Clause("handover_ratio", "0.9", "第十条")),
        agreement_waiting=2,
    )

    assert codes(facts) == [
        "first-registration-missing", "agreement-waiting", "clause-months-after", "clause-handover-ratio",
        "open-unmatched", "open-judicial-hold",
    ]  # fmt: skip


# --- who may decide ---


def test_who_entered_may_neither_approve_nor_send_back():
    """录入人不能决定自己录入的申请。"""
    own = Decider(entered_application=True, handled_registration=False, handled_evidence=False)

    assert [one.code for one in decider_refusals(own, ReleaseStatus.ENTERED, LAW)] == ["same-officer"]


@pytest.mark.parametrize("status", [ReleaseStatus.APPROVED, ReleaseStatus.REJECTED])
def test_a_decision_is_made_once(status):
    """已经决定的申请不能再决定。"""
    other = Decider(entered_application=False, handled_registration=False, handled_evidence=False)

    assert [one.code for one in decider_refusals(other, status, LAW)] == ["already-decided"]


def test_who_made_the_facts_by_hand_does_not_approve():
    """经手首次登记或佐证材料的人，不能批准以其为据的解除。"""
    involved = Decider(entered_application=False, handled_registration=True, handled_evidence=True)

    assert [one.code for one in approver_refusals(involved, LAW)] == [
        "approver-handled-registration", "approver-handled-evidence",
    ]  # fmt: skip
    assert decider_refusals(involved, ReleaseStatus.ENTERED, LAW) == []


@pytest.mark.parametrize(
    ("status", "same_person", "said"),
    [
        (EvidenceStatus.ENTERED, False, []), (EvidenceStatus.ENTERED, True, ["same-officer"]),
        (EvidenceStatus.CONFIRMED, False, ["already-decided"]),
        (EvidenceStatus.REJECTED, True, ["already-decided", "same-officer"]),
    ],
)  # fmt: skip
def test_a_paper_is_decided_once_by_another(status, same_person, said):
    """材料由另一人员确认或退回一次。"""
    found = evidence_refusals(status, same_person=same_person, law=LAW)

    assert [one.code for one in found] == said


def test_a_second_application_and_a_stopped_account_are_refused_at_the_counter():
    """账户不正常或已有在办申请，录入时即告知；其余未了事项不妨碍收件。"""
    stopped = replace(READY, account_status=AccountStatus.SUSPENDED)
    open_items = replace(READY, application_no=None, balances={chart.UNMATCHED: FEN}, buildings=())

    assert [one.code for one in entry_refusals(stopped, LAW)] == ["account-not-active", "application-live"]
    assert entry_refusals(open_items, LAW) == []


@pytest.mark.parametrize("region", ["652301", "410425", "110105"])
def test_where_the_region_is_silent_the_citation_says_so(region):
    """外地没有解除监管的规定，依据写本局设定，不借用山西的通知。"""
    facts = replace(READY, buildings=(Building("1"),), balances={chart.UNMATCHED: FEN})

    for refusal in refusals(facts, law_on(TODAY, "presale_funds", region)):
        assert refusal.citation == "本局设定（待补依据）"
