"""工程节点、楼幢、额度核定的页面：录入、审核、退回、更正，经过写明谁在何时依何规定。"""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from config.clock import bureau_day
from escrow.supervision.schedules import PaperKind
from escrow.workdays.actions import calendar
from tests.builders import County
from tests.desk import Seat, staffed
from tests.estate import Estate, build, file_hash, new_number, officers
from tests.noding import FIRM_NOS, FIRMS, SCHEDULE, SIGNERS, TODAY, claimed, reached


def scene_of(house: Any, app: Any) -> Any:
    """一号楼额度一千元、现有九百元；登记受理与复核两名人员。"""
    estate = build(house, officers(house, "liuli", "wangyi"), quotas={"1": "1000.00"}, nodes=SCHEDULE)
    estate.put("1", "900.00")
    desks = staffed(house, app, {"registrar": ["register"], "reviewer": ["reviewer"]})
    return estate, desks.registrar, desks.reviewer


@pytest.fixture
def seats(scene: Any) -> Any:
    return scene


def form_of(node: str, *without: str) -> dict[str, str]:
    """A claim filled in, or all but some of its rows."""
    said = {"node": node}
    for name in ("declaration", "contractor", "engineer", "photo1", "acceptance"):
        if name in without:
            continue
        party = name in ("declaration", "contractor", "engineer")
        said |= {
            f"{name}-file_hash": file_hash(new_number("P")).upper(), f"{name}-dated_on": TODAY.isoformat(),
            f"{name}-firm": FIRMS[PaperKind(name)] if party else "",
            f"{name}-firm_no": FIRM_NOS[PaperKind(name)].lower() if party else "",
            f"{name}-signer": SIGNERS[PaperKind(name)] if party else "",
            f"{name}-note": "" if party else "一号楼西侧",
        }  # fmt: skip
    return said


def entered(seat: Seat, estate: Estate, node: str = "主体结构验收") -> str:
    answer = seat.post(f"/buildings/{estate.buildings['1']}/nodes", form_of(node))
    assert answer.status_code == 303, answer.text
    return str(answer.location)


def place(estate: Estate, building: str = "1") -> str:
    return f"/projects/{estate.project_no}/buildings/{building}"


def test_a_claim_from_entry_to_approval(seats: Any) -> None:
    """录入、看清核准后的变化、现场核查后核准：楼幢页随之改写，经过写明两人与凭证。"""
    estate, register, reviewer = seats
    page = register.get(f"/buildings/{estate.buildings['1']}/nodes/new").text
    assert "申报“主体结构验收”" in page and "更正（" not in page
    claim = entered(register, estate)
    page = reviewer.get(claim).text
    assert "400.00" in page and "500.00" in page and "三家见证、现场核查" in page
    with estate.house.database.read() as session:
        due = calendar(session).working_days_after(TODAY, 3).isoformat()
    assert f"应于 {due} 前审核" in page
    answer = reviewer.post(
        f"{claim}/approval", {"totp": reviewer.who.code(), "site_checked_on": TODAY.isoformat()}
    )
    assert answer.status_code == 303, answer.text
    page = register.get(claim).text
    assert FIRM_NOS[PaperKind.ENGINEER] in page
    assert "已核准" in page and "registrar 同志" in page and "reviewer 同志" in page and "记账凭证" in page
    page = register.get(place(estate)).text
    for said in ("600.00", "400.00", "500.00", "下一节点", "已核准", "留存制"):
        assert said in page


def test_every_reason_is_on_the_form_and_what_was_typed_stays(seats: Any) -> None:
    """缺材料、跳过节点：表单连同所填原样退还，每条理由有依据；填错格式的指明是哪一格。"""
    estate, register, _ = seats
    door = f"/buildings/{estate.buildings['1']}/nodes"
    typed = form_of("竣工验收", "engineer")
    refused = register.post(door, typed)
    assert refused.status_code == 409
    assert "须先核准节点“主体结构验收”" in refused.text and "监理单位见证至少 1 份" in refused.text
    assert "本局设定（待补依据）" in refused.text and typed["contractor-file_hash"] in refused.text
    for name, wrong in (
        ("photo1-note", ""), ("engineer-signer", ""), ("declaration-dated_on", "2026-02-30"),
        ("contractor-file_hash", "abc"), ("engineer-firm_no", ""), ("engineer-firm_no", "91140105MA0HXYT18Y"),
    ):  # fmt: skip
        answer = register.post(door, form_of("主体结构验收") | {name: wrong})
        assert answer.status_code == 422 and answer.text.count("is-invalid") == 1, name
    with estate.house.database.read() as session:
        assert session.scalar(text("SELECT count(*) FROM node_claim")) == 0


def test_the_one_who_may_not_decide_sees_no_form(seats: Any) -> None:
    """录入岗没有审核表单，硬提交被拒；没有核查日期、未来的日期不收；退回须有理由，退回后写明。"""
    estate, register, reviewer = seats
    claim = entered(register, estate)
    assert "approval" not in register.get(claim).text
    assert register.post(f"{claim}/approval", {"site_checked_on": TODAY.isoformat()}).status_code == 403
    late = (TODAY + timedelta(days=1)).isoformat()
    for day in ("", "昨天", late):
        code = reviewer.who.code() if not day else ""
        answer = reviewer.post(f"{claim}/approval", {"totp": code, "site_checked_on": day})
        assert answer.status_code == 422, day
    assert reviewer.post(f"{claim}/rejection", {"reason": ""}).status_code == 422
    assert reviewer.post(f"{claim}/rejection", {"reason": "照片无拍摄时间"}).status_code == 303
    assert "照片无拍摄时间" in register.get(place(estate)).text
    again = reviewer.post(f"{claim}/approval", {"site_checked_on": TODAY.isoformat()})
    assert again.status_code == 409 and "已有决定" in again.text


def test_a_refused_decision_leaves_its_row(seats: Any) -> None:
    """未准的核准也留痕：现场核查早于材料。"""
    estate, register, reviewer = seats
    claim = entered(register, estate)
    early = (TODAY - timedelta(days=1)).isoformat()
    answer = reviewer.post(f"{claim}/approval", {"totp": reviewer.who.code(), "site_checked_on": early})
    assert answer.status_code == 409 and "现场核查须在全部材料出具" in answer.text
    with estate.house.database.read() as session:
        rows = session.execute(
            text("SELECT detail -> 'codes' FROM audit_event WHERE action = 'node.approved'")
        )
        assert rows.scalars().all() == [["site-check-early"]]


def test_a_correction_by_order(seats: Any) -> None:
    """凭文书更正：选退回到哪一节点，另一人核准，不须现场核查，释放随之收回。"""
    estate, register, reviewer = seats
    reached(estate, officers(estate.house, "jia", "yi"), "主体结构验收", "竣工验收")
    door = f"/buildings/{estate.buildings['1']}"
    page = register.get(f"{door}/nodes/new").text
    assert "更正（退回到以前的节点）" in page and "<option>主体结构验收</option>" in page
    order = {"node": "", "grounds": "返工", "note": "交建更〔2026〕1号", "dated_on": TODAY.isoformat()}
    assert register.post(f"{door}/corrections", order).status_code == 422
    order["file_hash"] = file_hash("更正")
    forward = register.post(f"{door}/corrections", order | {"node": "竣工验收备案"})
    assert forward.status_code == 409 and "更正只能退回" in forward.text
    answer = register.post(f"{door}/corrections", order)
    assert answer.status_code == 303, answer.text
    claim = answer.location
    assert "等待审核" in register.get(f"{door}/nodes/new").text
    assert reviewer.post(f"{claim}/approval", {"totp": reviewer.who.code()}).status_code == 303
    page = register.get(place(estate)).text
    assert "更正" in page and "900.00" in page and "第一个节点之前" in page


def test_what_waits_too_long_is_listed(seats: Any) -> None:
    """期限内的列在待审核；过了审核期限的标明逾期、另列、计数；审核之后不再列。"""
    estate, register, _ = seats
    waits = claimed(estate, officers(estate.house, "jia")[0], "主体结构验收")
    assert f"/nodes/{waits}" in register.get("/nodes").text
    assert "逾期未审核的节点申报" not in register.get("/nodes").text
    with estate.house.connect("superuser") as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE node_claim SET review_by = %s", (bureau_day() - timedelta(days=1),))
    page = register.get("/nodes?listed=overdue").text
    assert "逾期未审核的节点申报 1 件" in page and f"/nodes/{waits}" in page
    assert f"/nodes/{waits}" in register.get(f"/nodes?listed=all&project={estate.project_no}").text
    assert f"/nodes/{waits}" not in register.get("/nodes?listed=all&project=XM9").text
    assert f"/nodes/{waits}" not in register.get(f"/nodes?start={waits}").text
    assert "审核已逾期" in register.get(f"/nodes/{waits}").text


@pytest.mark.parametrize(
    "path",
    [
        "/nodes/404", "/nodes/99999999999", "/buildings/404/nodes/new", "/buildings/99999999999/nodes/new",
        "/projects/XM9/buildings/1", "/projects/XM9/quota",
    ],
)  # fmt: skip
def test_what_is_not_there_is_not_found(seats: Any, path: str) -> None:
    """没有的申报、楼幢、项目，答查无此件。"""
    assert seats[1].get(path).status_code == 404


def test_a_building_shows_its_money_and_its_quota(seats: Any) -> None:
    """楼幢页一屏写明：合计、应留存、重点、一般、可拨、保函、占用、额度方式；无额度的写全额监管；项目页与账户页可达。"""
    estate, register, _ = seats
    page = register.get(place(estate)).text
    for said in (
        "资金合计 T",
        "应留存额 L",
        "低于应留存额",
        "100.00",
        "账户司法冻结",
        "一般资金可拨",
        "未写明",
    ):
        assert said in page
    assert "低于按建筑面积（毛坯）核定" in page
    assert "全额监管" in register.get(place(estate, "2")).text
    spent = f"/withdrawals/accounts/{estate.account_no}"
    for path in (f"/projects/{estate.project_no}", f"/accounts/{estate.account_no}/measures", spent):
        assert place(estate) in register.get(path).text
    assert register.get(place(estate, "9")).status_code == 404
    assert register.get(place(estate, "%E2%80%8B")).status_code == 404


def test_a_quota_is_reckoned_on_the_page(seats: Any) -> None:
    """额度核定页：按面积、均价、造价、全额逐幢试算，写明面积、算式、出处；缺数的指明。"""
    estate, register, _ = seats
    home = f"/projects/{estate.project_no}/quota"
    page = register.get(f"{home}?kind=per_area&delivery=shell").text
    assert page.count("760,320.00") >= 2 and "3300.00 元/平方米 × 192.00 平方米 × 1.20" in page
    page = register.get(f"{home}?kind=price_share&delivery=shell&average_price=20000.00&building_no=2").text
    assert "768,000.00" in page and "每平方米以 4000.00 元为限" in page
    page = register.get(f"{home}?kind=cost&cost=1000000.00&credit_grade=D&building_no=1").text
    assert "1,400,000.00" in page and "本局设定" in page
    assert "全部监管资金留存" in register.get(f"{home}?kind=whole").text
    for wrong in ("kind=price_share", "kind=cost&cost=1.00", "kind=cost&building_no=1", "kind=guess"):
        answer = register.get(f"{home}?{wrong}")
        assert answer.status_code == 422 and "is-invalid" in answer.text, wrong
    assert "低于按面积核定数" in register.get(home).text


def test_who_accepts_an_agreement_sees_what_is_below(house: Any, app: Any) -> None:
    """受理页逐幢核对：低于按面积核定数的标明、写明依据与算式，仍可受理。"""
    county = County(house, app)
    made = county.project(status="registered")
    made.agreement["clauses"]["quotas"][0]["amount"] = "1140479.99"
    assert (
        county.put("platform", f"/projects/{made.project_no}/supervision", made.agreement).status_code == 201
    )
    seat = county.seat("aa")
    page = seat.get(f"/supervision/{made.project_no}").text
    assert "低于按面积核定数" in page and "1140480.00 元（3300.00 元/平方米 × 288.00 平方米 × 1.20）" in page
    assert county.accept(made, seat).status_code == 303
