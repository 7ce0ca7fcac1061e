"""工程节点：一人录入、另一人现场核查后核准；逐个推进，凭文书退回；额度随节点释放。"""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import text

from escrow.errors import Invalid, NotFound
from escrow.supervision import nodes
from escrow.supervision.nodes import Claim
from escrow.supervision.schedules import PaperKind
from tests.estate import Estate, build, file_hash, officers
from tests.noding import (
    FIRM_NOS,
    SCHEDULE,
    TODAY,
    approved,
    claimed,
    codes,
    corrected,
    funds,
    paper,
    papers,
    reached,
)


def scene_of(house: Any, app: Any) -> SimpleNamespace:
    """一号楼额度一千元，现有九百元；二号楼没有额度；录入与决定的两名人员。"""
    built = build(house, officers(house, "liuli", "wangyi"), quotas={"1": "1000.00"}, nodes=SCHEDULE)
    built.put("1", "900.00")
    return SimpleNamespace(estate=built, people=tuple(officers(house, "clerk", "reviewer")))


def test_a_node_releases_its_share_of_the_quota(estate: Estate, people: tuple[int, int]) -> None:
    """核准主体结构验收：释放额六百元，应留存四百元，其余转为一般资金；录入当时什么也不变。"""
    clerk, reviewer = people
    claim = claimed(estate, clerk, "主体结构验收")
    assert funds(estate) == {"2111": "900.00", "8201": "1000.00"}
    approved(estate, claim, reviewer)
    assert funds(estate) == {"2111": "400.00", "2112": "500.00", "8201": "1000.00", "8203": "600.00"}
    reached(estate, people, "竣工验收", "竣工验收备案")
    assert funds(estate) == {"2111": "50.00", "2112": "850.00", "8201": "1000.00", "8203": "950.00"}
    with estate.house.database.read() as session:
        rows = session.execute(
            text(
                "SELECT action, detail ->> 'node' AS node FROM audit_event"
                " WHERE action LIKE 'node.%' ORDER BY id"
            )
        ).all()
    assert [tuple(row) for row in rows[:3]] == [
        ("node.entered", "主体结构验收"), ("node.approved", "主体结构验收"), ("node.entered", "竣工验收"),
    ]  # fmt: skip


def test_no_node_is_skipped_or_claimed_twice(estate: Estate, people: tuple[int, int]) -> None:
    """不得跳过、不得重复、不得倒退，节点表外的名称不认，一幢一次只办一件。"""
    clerk, _ = people
    assert codes(lambda: claimed(estate, clerk, "竣工验收")) == ["node-skipped"]
    assert codes(lambda: claimed(estate, clerk, "封顶")) == ["node-unknown"]
    waiting = claimed(estate, clerk, "主体结构验收")
    assert codes(lambda: claimed(estate, clerk, "主体结构验收")) == ["claim-waiting"]
    approved(estate, waiting, people[1])
    assert codes(lambda: claimed(estate, clerk, "主体结构验收")) == ["node-passed"]
    reached(estate, people, "竣工验收")
    assert codes(lambda: claimed(estate, clerk, "主体结构验收")) == ["node-passed"]


@pytest.mark.parametrize(
    "kind", [PaperKind.DECLARATION, PaperKind.CONTRACTOR, PaperKind.ENGINEER, PaperKind.PHOTO]
)
def test_every_party_must_say_so(estate: Estate, people: tuple[int, int], kind: PaperKind) -> None:
    """开发、施工、监理各自的证明和现场照片，缺一不可。"""
    assert codes(lambda: claimed(estate, people[0], "主体结构验收", proof=papers(kind))) == ["paper-missing"]


def test_every_reason_is_given_at_once(estate: Estate, people: tuple[int, int]) -> None:
    """跳过节点、缺全部证明、缺验收记录、重复使用文件，一并告知。"""
    used = paper(PaperKind.PHOTO)
    rest = papers(PaperKind.PHOTO)
    claimed(estate, people[0], "主体结构验收", proof=(*rest, used), building="2")
    found = codes(lambda: claimed(estate, people[0], "竣工验收", proof=(used,)))
    assert found == ["node-skipped", *["paper-missing"] * 3, "acceptance-missing", "file-reused"]


def test_three_firms_and_the_bureau_after_them(estate: Estate, people: tuple[int, int]) -> None:
    """监理与施工是同一单位不认；现场核查早于材料不准；未来的日期、同件重复的文件当场指出。"""
    clerk, reviewer = people
    number = FIRM_NOS[PaperKind.CONTRACTOR]
    own = paper(PaperKind.ENGINEER, firm="吕梁某监理公司一部", firm_no=number)
    mixed = (*papers(PaperKind.ENGINEER), own)
    assert codes(lambda: claimed(estate, clerk, "主体结构验收", proof=mixed)) == ["witness-not-independent"]
    alone = papers(signer="张工")
    assert codes(lambda: claimed(estate, clerk, "主体结构验收", proof=alone)) == ["signer-repeated"]
    other = (*papers(PaperKind.DECLARATION), paper(PaperKind.DECLARATION, firm_no="91140213MA0K7QC514"))
    assert codes(lambda: claimed(estate, clerk, "主体结构验收", proof=other)) == ["declarer-not-developer"]
    same = file_hash("一张照片")
    for proof in (papers(on=TODAY + timedelta(days=1)), papers(file_hash=same)):
        with pytest.raises(Invalid):
            claimed(estate, clerk, "主体结构验收", proof=proof)
    claim = claimed(estate, clerk, "主体结构验收")
    early = codes(lambda: approved(estate, claim, reviewer, TODAY - timedelta(days=1)))
    assert early == ["site-check-early"]
    for day in (None, TODAY + timedelta(days=1)):
        with pytest.raises(Invalid):
            approved(estate, claim, reviewer, day)


def test_the_one_who_entered_does_not_decide(estate: Estate, people: tuple[int, int]) -> None:
    """录入人不能核准也不能退回；决定过的不能再决定；退回后可以另报，但用过的文件不能再用。"""
    clerk, reviewer = people
    proof = papers()
    claim = claimed(estate, clerk, "主体结构验收", proof=proof)
    assert codes(lambda: approved(estate, claim, clerk)) == ["same-officer"]

    def sent_back(who: int) -> None:
        estate.do(lambda session: nodes.reject(session, claim, officer_id=who, reason="照片无拍摄时间"))

    assert codes(lambda: sent_back(clerk)) == ["same-officer"]
    sent_back(reviewer)
    assert codes(lambda: sent_back(reviewer)) == ["already-decided"]
    assert codes(lambda: approved(estate, claim, reviewer)) == ["already-decided"]
    again = codes(lambda: claimed(estate, clerk, "主体结构验收", proof=proof))
    assert again == ["file-reused"] * len(proof)
    assert funds(estate) == {"2111": "900.00", "8201": "1000.00"}
    reached(estate, people, "主体结构验收")


def test_going_back_takes_an_order_and_two_officers(estate: Estate, people: tuple[int, int]) -> None:
    """退回须有更正文书、两人办理，释放额随之收回；只能向后退，可退到第一个节点之前。"""
    clerk, reviewer = people
    assert codes(lambda: corrected(estate, clerk, None)) == ["correction-not-back"]
    reached(estate, people, "主体结构验收", "竣工验收")
    assert codes(lambda: corrected(estate, clerk, "竣工验收")) == ["correction-not-back"]
    assert codes(lambda: corrected(estate, clerk, "封顶")) == ["node-unknown"]
    back = corrected(estate, clerk, "主体结构验收")
    assert codes(lambda: approved(estate, back, clerk, None)) == ["same-officer"]
    approved(estate, back, reviewer, None)
    assert funds(estate) == {"2111": "400.00", "2112": "500.00", "8201": "1000.00", "8203": "600.00"}
    approved(estate, corrected(estate, clerk, None), reviewer, None)
    assert funds(estate) == {"2111": "900.00", "8201": "1000.00"}
    reached(estate, people, "主体结构验收")


def test_where_nothing_is_agreed_the_law_lists_five_nodes(empty_house: Any) -> None:
    """协议未列节点：依次为三分之一层、主体结构验收、竣工验收、竣工验收备案、首次登记；末一节点以登记簿为准。"""
    two = officers(empty_house, "liuli", "wangyi")
    estate = build(empty_house, two, quotas={"1": "1000.00"}, buildings=1)
    people = officers(empty_house, "clerk", "reviewer")
    estate.put("1", "1000.00")
    held = []
    for name in ("三分之一层", "主体结构验收", "竣工验收", "竣工验收备案"):
        reached(estate, people, name)
        held.append(funds(estate)["2111"])
    assert held == ["600.00", "300.00", "100.00", "50.00"]
    assert codes(lambda: claimed(estate, people[0], "首次登记")) == ["node-not-registered"]
    estate.register()
    reached(estate, people, "首次登记")
    assert funds(estate) == {"2112": "1000.00", "8201": "1000.00", "8203": "1000.00"}


@pytest.mark.parametrize("status", ["suspended", "releasing"])
def test_an_account_that_is_not_active_takes_no_claim(
    estate: Estate, people: tuple[int, int], status: str
) -> None:
    """账户暂停或解除监管中，不办理节点。"""
    if status == "suspended":
        with estate.house.connect("superuser") as connection:
            connection.execute("ALTER TABLE supervised_account DISABLE TRIGGER USER")
            connection.execute("UPDATE supervised_account SET status = 'suspended'")
    else:
        with estate.house.connect("superuser") as connection:
            connection.execute("ALTER TABLE supervised_account DISABLE TRIGGER USER")
            connection.execute("UPDATE supervised_account SET status = 'releasing'")
    assert codes(lambda: claimed(estate, people[0], "主体结构验收")) == ["account-not-active"]


def test_what_is_not_there_is_not_found(estate: Estate, people: tuple[int, int]) -> None:
    """没有的账户、别的项目的楼幢、没有的申报，都查无此件。"""
    other = build(estate.house, officers(estate.house, "jia", "yi"))
    strange = [
        lambda s: nodes.enter(s, Claim("6222", estate.buildings["1"], "x", papers()), officer_id=people[0]),
        lambda s: nodes.enter(
            s, Claim(estate.account_no, other.buildings["1"], "x", papers()), officer_id=people[0]
        ),
        lambda s: nodes.approve(s, 404, officer_id=people[1], site_checked_on=TODAY),
    ]
    for action in strange:
        with pytest.raises(NotFound):
            estate.do(action)
