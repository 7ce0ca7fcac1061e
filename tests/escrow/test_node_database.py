"""What PostgreSQL itself refuses of construction nodes, whoever is connected (数据库层面的节点约束)."""

import json
from dataclasses import replace
from itertools import product
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError

from escrow import chart
from escrow.supervision import nodes
from escrow.supervision.funds import change_level, position
from escrow.supervision.schedules import STEPS, NodeStatus, Paper, PaperKind
from ledger.money import Yuan
from tests.conftest import housed
from tests.estate import USCC, Estate, build, file_hash, new_number, officers
from tests.noding import (
    FIRM_NOS,
    FIRMS,
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
from tests.releasing import refused_by

ROLES = ["app", "owner"]
APPROVE = """
UPDATE node_claim SET status = 'approved', decided_by = %(who)s, decided_at = clock_timestamp(),
       site_checked_on = current_date, law = '{}' WHERE id = %(claim)s
"""
REJECT = """
UPDATE node_claim SET status = 'rejected', decided_by = %(who)s, decided_at = clock_timestamp(),
       reason = '不实', law = '{}' WHERE id = %(claim)s
"""
CLAIM = """
INSERT INTO node_claim (account_id, building_id, kind, node, locked_ratio, schedule, grounds, status,
                        entered_by, review_by)
VALUES (%(account)s, %(building)s, %(kind)s, %(node)s, %(ratio)s, %(schedule)s, %(grounds)s, 'entered',
        %(who)s, current_date) RETURNING id
"""
PAPER = """
INSERT INTO node_paper (claim_id, kind, file_hash, dated_on, firm, firm_no, signer, note)
VALUES (%(claim)s, %(kind)s, %(file_hash)s, current_date, %(firm)s, %(firm_no)s, %(signer)s, '一号楼')
"""
LISTED = [{"node": node, "locked_ratio": ratio} for node, ratio in SCHEDULE.items()]


def scene_of(house: Any, app: Any) -> SimpleNamespace:
    """一号楼额度一千元，现有九百元；二号楼没有额度；录入与决定的两名人员。"""
    built = build(house, officers(house, "liuli", "wangyi"), quotas={"1": "1000.00"}, nodes=SCHEDULE)
    built.put("1", "900.00")
    return SimpleNamespace(estate=built, people=tuple(officers(house, "clerk", "reviewer")))


def run(estate: Estate, *statements: tuple[str, dict[str, Any]], role: str = "app") -> Any:
    with estate.house.connect(role) as connection:
        for statement, values in statements:
            done = connection.execute(statement, values)
        row = done.fetchone() if done.description else None
        connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
        return row


def refused(
    estate: Estate, constraint: str, *statements: tuple[str, dict[str, Any]], role: str = "app"
) -> None:
    with pytest.raises(psycopg.Error) as caught:
        run(estate, *statements, role=role)
    denied = isinstance(caught.value, psycopg.errors.InsufficientPrivilege) and role == "app"
    assert denied or refused_by(caught) == constraint, caught.value


def forged(estate: Estate, who: int, *without: PaperKind, **changed: Any) -> int:
    """A claim written by hand with all its papers, or all but some."""
    said = {
        "account": estate.account_id, "building": estate.buildings["1"], "kind": "reach",
        "node": "主体结构验收", "ratio": "0.40", "grounds": None, "who": who, **changed,
    }  # fmt: skip
    said["schedule"] = json.dumps(said.get("schedule", LISTED))
    claim: int = run(estate, (CLAIM, said))[0]
    for kind in PaperKind:
        if kind not in without:
            hand_in(estate, claim, paper(kind))
    return claim


def hand_in(estate: Estate, claim: int, one: Paper) -> None:
    """A paper written by hand."""
    run(estate, (PAPER, {"claim": claim, **{name: getattr(one, name) for name in one.__slots__}}))


def decision(claim: int, who: int) -> dict[str, int]:
    return {"claim": claim, "who": who}


@pytest.fixture(scope="module", params=["entered", "approved", "rejected"])
def said(request: Any, cluster: Any, blank_settings: Any, stage: Any) -> Any:
    """申报一件，录入、核准或退回；被拒的语句在此一一试过，什么也不留下。"""
    with housed(cluster, blank_settings, stage.house.name) as house:
        scene = stage.copied(house, None)
        estate, (clerk, reviewer) = scene.estate, scene.people
        claim = claimed(estate, clerk, "主体结构验收")
        if request.param == "approved":
            approved(estate, claim, reviewer)
        elif request.param == "rejected":
            estate.do(lambda session: nodes.reject(session, claim, officer_id=reviewer, reason="不实"))
        yield estate


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("UPDATE node_claim SET node = '竣工验收备案'", "decided_once"),
        ("UPDATE node_claim SET locked_ratio = 0", "decided_once"),
        ("UPDATE node_claim SET schedule = '[]'", "decided_once"),
        ("UPDATE node_claim SET entered_by = entered_by + 1", "decided_once"),
        ("UPDATE node_claim SET review_by = '2099-12-31'", "decided_once"),
        ("DELETE FROM node_claim", "written_once"),
        ("TRUNCATE node_claim CASCADE", "written_once"),
        ("UPDATE node_paper SET file_hash = repeat('a', 64)", "written_once"),
        ("UPDATE node_paper SET firm = '他司'", "written_once"),
        ("DELETE FROM node_paper", "written_once"),
    ],
)
def test_what_is_claimed_is_not_changed_by_hand(
    said: Estate, statement: str, constraint: str, role: str
) -> None:
    """申报与材料，录入后、核准后、退回后，都不得改写、删除，应用角色与库主一样。"""
    refused(said, constraint, (statement, {}), role=role)


def test_the_one_who_entered_cannot_decide_in_plain_sql(estate: Estate, people: tuple[int, int]) -> None:
    """纯 SQL 也不能由录入人核准或退回；没有现场核查、没有所据规定，也不成决定。"""
    claim = claimed(estate, people[0], "主体结构验收")
    for statement in (APPROVE, REJECT):
        refused(estate, "ck_node_claim_two_officers", (statement, decision(claim, people[0])))
    unseen = APPROVE.replace("site_checked_on = current_date, ", "")
    refused(estate, "ck_node_claim_site_checked", (unseen, decision(claim, people[1])))
    lawless = APPROVE.replace(", law = '{}'", "")
    refused(estate, "ck_node_claim_decided_by_law", (lawless, decision(claim, people[1])))


def test_a_node_is_not_skipped_or_repeated_in_plain_sql(estate: Estate, people: tuple[int, int]) -> None:
    """纯 SQL 录入并核准：跳过节点、节点表外的名称、重复的节点、前进的更正，数据库一概不许。"""
    clerk, reviewer = people
    wrong: list[dict[str, Any]] = [
        {"node": "竣工验收", "ratio": "0.10"},
        {"node": "竣工验收备案", "ratio": "0.05"},
        {"node": "封顶", "ratio": "0.40"},
        {"kind": "correct", "grounds": "更正"},
        {"kind": "correct", "grounds": "更正", "node": None, "ratio": "1"},
    ]
    for changed in wrong:
        claim = forged(estate, clerk, **changed)
        statement = APPROVE
        if changed.get("kind") == "correct":
            statement = APPROVE.replace("site_checked_on = current_date, ", "")
        refused(estate, "node_in_order", (statement, decision(claim, reviewer)))
        run(estate, (REJECT, decision(claim, reviewer)))
    reached(estate, people, "主体结构验收")
    claim = forged(estate, clerk)
    refused(estate, "node_in_order", (APPROVE, decision(claim, reviewer)))


def test_the_schedule_is_the_agreements_own(estate: Estate, people: tuple[int, int]) -> None:
    """自造节点表、自造比例、别的项目的楼幢、暂停的账户，都不能核准。"""
    clerk, reviewer = people
    other = build(estate.house, officers(estate.house, "jia", "yi"), nodes=SCHEDULE)
    generous = [{"node": "主体结构验收", "locked_ratio": "0.00"}]
    for changed in (
        {"schedule": generous, "ratio": "0"},
        {"ratio": "0.39"},
        {"building": other.buildings["1"]},
    ):
        claim = forged(estate, clerk, **changed)
        refused(estate, "node_of_agreement", (APPROVE, decision(claim, reviewer)))
        run(estate, (REJECT, decision(claim, reviewer)))
    claim = forged(estate, clerk)
    suspended = (
        "UPDATE supervised_account SET status = 'suspended' WHERE id = %(id)s",
        {"id": estate.account_id},
    )
    run(estate, suspended, role="owner")
    refused(estate, "node_of_agreement", (APPROVE, decision(claim, reviewer)))


@pytest.mark.parametrize(
    "kind",
    [PaperKind.DECLARATION, PaperKind.CONTRACTOR, PaperKind.ENGINEER, PaperKind.PHOTO, PaperKind.ACCEPTANCE],
)
def test_no_node_without_each_paper_in_plain_sql(
    estate: Estate, people: tuple[int, int], kind: PaperKind
) -> None:
    """纯 SQL 核准：申报书、施工证明、监理见证、照片、验收记录，少一样也不许。"""
    claim = forged(estate, people[0], kind)
    refused(estate, "node_proved", (APPROVE, decision(claim, people[1])))


@pytest.mark.parametrize(
    ("kind", "changed"),
    [
        (PaperKind.ENGINEER, {"firm_no": FIRM_NOS[PaperKind.CONTRACTOR]}),
        (PaperKind.ENGINEER, {"firm": FIRMS[PaperKind.DECLARATION]}),
        (PaperKind.ENGINEER, {"firm_no": None}),
        (PaperKind.ENGINEER, {"signer": " 张 开发　"}),
        (PaperKind.CONTRACTOR, {"firm_no": USCC}),
        (PaperKind.DECLARATION, {"firm_no": "91140213MA0K7QC514"}),
    ],
)
def test_three_firms_and_three_people_in_plain_sql(
    estate: Estate, people: tuple[int, int], kind: PaperKind, changed: dict[str, Any]
) -> None:
    """纯 SQL 核准：三家同一代码、同一名称、同一签字人、没有代码，或申报的不是开发企业，都不许；各是各家才行。"""
    claim = forged(estate, people[0], kind)
    hand_in(estate, claim, paper(kind, **changed))
    refused(estate, "node_parties", (APPROVE, decision(claim, people[1])))
    run(estate, (REJECT, decision(claim, people[1])))
    whole = forged(estate, people[0])
    refused(estate, "node_follows_ledger", (APPROVE, decision(whole, people[1])))


def test_first_registration_is_the_registers_to_say(empty_house: Any) -> None:
    """末一节点：登记簿没有确认的首次登记，纯 SQL 也不能核准。"""
    listed = {"首次登记": "0.00"}
    two = officers(empty_house, "liuli", "wangyi")
    estate = build(empty_house, two, quotas={"1": "1000.00"}, nodes=listed)
    clerk, reviewer = officers(empty_house, "clerk", "reviewer")
    schedule = [{"node": "首次登记", "locked_ratio": "0.00"}]
    claim = forged(estate, clerk, node="首次登记", ratio="0", schedule=schedule)
    refused(estate, "node_proved", (APPROVE, decision(claim, reviewer)))
    estate.register()
    refused(estate, "node_follows_ledger", (APPROVE, decision(claim, reviewer)))
    approved(estate, claim, reviewer)


def test_one_file_serves_once_whatever_the_room(estate: Estate, people: tuple[int, int]) -> None:
    """纯 SQL 重复使用文件：本件、别件、别的业务用过的都不许；决定之后不能再补；摘要、签字人、地点必填。"""
    clerk, reviewer = people
    claim = claimed(estate, clerk, "主体结构验收")
    used = run(estate, ("SELECT file_hash FROM node_paper ORDER BY id LIMIT 1", {}))[0]
    certificate = file_hash("申请书")
    taken = ("INSERT INTO filed_paper VALUES (%(h)s, 'release_application')", {"h": certificate})
    run(estate, taken, role="owner")
    photo = {
        "claim": claim, "kind": "photo", "firm": None, "firm_no": None, "signer": "张工",
        "file_hash": file_hash("新照片"),
    }  # fmt: skip
    for digest in (used, certificate):
        refused(estate, "pk_filed_paper", (PAPER, {**photo, "file_hash": digest}))
    refused(estate, "ck_filed_paper_file_hash", (PAPER, {**photo, "file_hash": "A" * 64}))
    refused(estate, "ck_node_paper_placed", (PAPER.replace("'一号楼'", "NULL"), photo))
    refused(estate, "ck_node_paper_signed", (PAPER, {**photo, "kind": "engineer"}))
    refused(estate, "ck_node_paper_firm_no", (PAPER, {**photo, "firm_no": "91110000600037341I"}))
    approved(estate, claim, reviewer)
    refused(estate, "paper_before_decision", (PAPER, photo))


def test_a_node_and_the_book_say_the_same(estate: Estate, people: tuple[int, int]) -> None:
    """只改状态不记账不许；账上的释放额多于节点所准，一分也不许；少于的，状态改不成。"""
    clerk, reviewer = people
    claim = claimed(estate, clerk, "主体结构验收")
    refused(estate, "node_follows_ledger", (APPROVE, decision(claim, reviewer)))
    assert booked(estate, "600.00") == "released_by_node"
    approved(estate, claim, reviewer)
    assert booked(estate, "600.01") == "released_by_node"
    assert booked(estate, "1000.00") == "released_by_node"
    assert funds(estate)["8203"] == "600.00"
    back = corrected(estate, clerk, None)
    stays = APPROVE.replace("site_checked_on = current_date, ", "")
    refused(estate, "node_follows_ledger", (stays, decision(back, reviewer)))


def test_in_draw_down_more_is_not_released_either(empty_house: Any) -> None:
    """支用制：释放额不动重点资金，只放宽支用，多记一分同样不许。"""
    estate = build(
        empty_house,
        officers(empty_house, "liuli", "wangyi"),
        quotas={"1": "1000.00"},
        nodes=SCHEDULE,
        quota_mode="draw_down",
    )
    estate.put("1", "900.00")
    people = officers(empty_house, "clerk", "reviewer")
    assert booked(estate, "0.01") == "released_by_node"
    reached(estate, people, "主体结构验收")
    assert booked(estate, "600.01") == "released_by_node"


def booked(estate: Estate, released: str) -> str:
    """Post another released sum with everything that follows from it; by what it is refused."""

    def unit(session: Any) -> None:
        before = position(session, estate.book_id, estate.buildings["1"], locked=True)
        change_level(
            session, estate.book_id, estate.buildings["1"], before,
            replace(before, released=Yuan(released)), movement=chart.REACH_NODE,
            reference=new_number("node:"), on=TODAY,
        )  # fmt: skip

    with pytest.raises(DBAPIError) as caught:
        estate.do(unit)
    return str(caught.value.orig.diag.constraint_name)  # type: ignore[union-attr]


def stood(estate: Estate, people: tuple[int, int], status: NodeStatus) -> int:
    """A claim in each of its states, by the way there is."""
    claim = claimed(estate, people[0], "主体结构验收")
    if status is NodeStatus.APPROVED:
        approved(estate, claim, people[1])
    elif status is NodeStatus.REJECTED:
        estate.do(lambda session: nodes.reject(session, claim, officer_id=people[1], reason="不实"))
    return claim


SET = {
    NodeStatus.ENTERED: """
        UPDATE node_claim SET status = 'entered', decided_by = NULL, decided_at = NULL, reason = NULL,
               site_checked_on = NULL, law = NULL WHERE id = %(claim)s""",
    NodeStatus.APPROVED: APPROVE.replace("law", "reason = NULL, law"),
    NodeStatus.REJECTED: REJECT.replace("law", "site_checked_on = NULL, law"),
}
ILLEGAL = [edge for edge in product(NodeStatus, repeat=2) if edge not in STEPS]


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(("begin", "end"), ILLEGAL)
def test_no_illegal_step_in_plain_sql(
    estate: Estate, people: tuple[int, int], begin: NodeStatus, end: NodeStatus, role: str
) -> None:
    """状态表以外的每一步，纯 SQL 都走不通：七条边逐一试过，应用角色与库主一样。"""
    claim = stood(estate, people, begin)
    refused(estate, "decided_once", (SET[end], decision(claim, people[1])), role=role)


@pytest.mark.parametrize(("begin", "end"), [edge for edge in ILLEGAL if NodeStatus.ENTERED not in edge])
def test_no_illegal_step_through_the_actions(
    estate: Estate, people: tuple[int, int], begin: NodeStatus, end: NodeStatus
) -> None:
    """状态表以外的每一步，经业务动作也走不通；没有任何动作能退回到“已录入”。"""
    claim = stood(estate, people, begin)
    if end is NodeStatus.APPROVED:
        assert "already-decided" in codes(lambda: approved(estate, claim, people[1]))
        return

    def sent_back(session: Any) -> None:
        nodes.reject(session, claim, officer_id=people[1], reason="再退")

    assert codes(lambda: estate.do(sent_back)) == ["already-decided"]


def test_seven_edges_are_illegal_and_two_are_not() -> None:
    """三种状态九条边：只有录入到核准、录入到退回两条是许可的。"""
    assert len(ILLEGAL) == 7 and len(STEPS) == 2


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("status", [NodeStatus.APPROVED, NodeStatus.REJECTED])
def test_a_claim_begins_as_entered(
    estate: Estate, people: tuple[int, int], status: NodeStatus, role: str
) -> None:
    """不能直接写入一件已核准或已退回的申报。"""
    said = {
        "account": estate.account_id, "building": estate.buildings["1"], "kind": "reach", "grounds": None,
        "node": "主体结构验收", "ratio": "0.40", "schedule": json.dumps(LISTED), "who": people[0],
    }  # fmt: skip
    refused(estate, "decided_once", (CLAIM.replace("'entered'", f"'{status}'"), said), role=role)


def test_one_claim_of_a_building_waits_at_a_time(estate: Estate, people: tuple[int, int]) -> None:
    """一幢一次只有一件在办：数据库不许第二件。"""
    claimed(estate, people[0], "主体结构验收")
    with pytest.raises(psycopg.errors.UniqueViolation) as caught:
        forged(estate, people[0])
    assert refused_by(caught) == "uq_node_claim_waiting"


def test_papers_of_the_actions_are_complete(estate: Estate, people: tuple[int, int]) -> None:
    """伪造的申报若样样齐全，仍须另一人经业务核准，账才会动。"""
    claim = forged(estate, people[0])
    assert len(papers()) == 5
    approved(estate, claim, people[1])
    assert funds(estate)["8203"] == "600.00"


def test_a_quota_is_not_lowered_without_an_agreement(estate: Estate) -> None:
    """没有新版本协议，直接记账调低额度一分也不许；楼幢没有资金时（换户转出）才可为零。"""

    def lowered(quota: str, building: str) -> None:
        def unit(session: Any) -> None:
            before = position(session, estate.book_id, estate.buildings[building], locked=True)
            change_level(
                session, estate.book_id, estate.buildings[building], before,
                replace(before, quota=Yuan(quota)), movement=chart.SET_QUOTA,
                reference=new_number("quota:"), on=TODAY,
            )  # fmt: skip

        estate.do(unit)

    for quota in ("999.99", "0.00"):
        with pytest.raises(DBAPIError) as caught:
            lowered(quota, "1")
        assert caught.value.orig.diag.constraint_name == "quota_by_agreement"  # type: ignore[union-attr]
    lowered("1000.01", "1")
    assert funds(estate)["8201"] == "1000.01"


def test_the_laws_own_nodes_are_kept_with_the_agreement(empty_house: Any) -> None:
    """协议未列节点：生效时的规定节点表随版本存下，不得改写；自造一份宽松的节点表，数据库不许核准。"""
    two = officers(empty_house, "liuli", "wangyi")
    estate = build(empty_house, two, quotas={"1": "1000.00"}, buildings=1)
    clerk, reviewer = officers(empty_house, "clerk", "reviewer")
    generous = [{"node": "封顶", "locked_ratio": "0.00"}]
    claim = forged(estate, clerk, node="封顶", ratio="0", schedule=generous)
    refused(estate, "node_of_agreement", (APPROVE, decision(claim, reviewer)))
    for statement in (
        """UPDATE agreement_schedule SET nodes = '[{"node": "封顶", "locked_ratio": "0.00"}]'""",
        "DELETE FROM agreement_schedule",
        "TRUNCATE agreement_schedule",
    ):
        for role in ROLES:
            refused(estate, "written_once", (statement, {}), role=role)
    named = build(empty_house, officers(empty_house, "jia", "yi"), nodes=SCHEDULE)
    other = "INSERT INTO agreement_schedule VALUES (%(id)s, '[]', NULL)"
    refused(named, "schedule_of_agreement", (other, {"id": named.account_id}))
