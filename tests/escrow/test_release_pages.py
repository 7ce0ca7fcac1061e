"""The officers' pages of a release: the live checklist, papers, the application, its decision on paper."""

import re
from types import SimpleNamespace

import pytest
from sqlalchemy import event, text

from config.clock import bureau_day
from escrow import chart
from tests.desk import staffed
from tests.estate import build, file_hash, new_number, officers

TODAY = bureau_day().isoformat()
CLAUSE = "第九条：物业承接查验完成"


def scene_of(house, app):
    """Both buildings registered, money on the first, everybody at their desk (窗口有人，两幢都已登记)."""
    roles = {
        "release1": ["release"], "reviewer1": ["reviewer"], "reviewer2": ["reviewer"],
        "both": ["release", "reviewer"], "auditor1": ["auditor"],
    }  # fmt: skip
    desks, found = staffed(house, app, roles), build(house, officers(house, "aa", "bb"))
    found.register()
    found.put("1", "350000.00")
    return SimpleNamespace(desks=desks, estate=found)


def paper(**changes):
    number = new_number("SQ")
    return {
        "application_no": number, "applied_on": TODAY, "file_hash": file_hash(number), **changes,
    }  # fmt: skip


def apply_for(desk, estate) -> str:
    made = desk.post(f"/releases/accounts/{estate.account_no}/applications", paper())
    assert made.status_code == 303, made.text
    return made.location


def test_the_list_opens_an_account_by_either_number(desks, estate):
    """按监管账号或项目编号都能打开账户；查不到的说明查不到。"""
    for number in (estate.account_no, estate.project_no):
        found = desks.release1.get(f"/releases?find={number}")
        assert found.location == f"/releases/accounts/{estate.account_no}"
    assert "没有找到" in desks.release1.get("/releases?find=nothing").text
    assert desks.release1.get("/releases/accounts/99999999").status_code == 404
    assert desks.release1.get("/releases/accounts/x").status_code == 404


def test_what_is_still_open_is_shown_before_anybody_presses(desks, house, estate):
    """批准之前逐项列明是否满足及依据：未登记的楼幢、未结清的科目、未满足的条款。"""
    clauses = [{"kind": "document", "value": None, "clause": CLAUSE}]
    short = build(house, officers(house, "cc", "dd"), clauses=clauses)
    short.register("1")
    short.open_item(chart.UNMATCHED, "66.66")

    shown = desks.release1.get(apply_for(desks.release1, short)).text

    for said in (
        "尚未确认首次登记的楼幢：2", "待认领款（2101）尚有 66.66 元未结清", f"监管协议约定“{CLAUSE}”，尚未满足",
        "晋房屋登记清零办发〔2023〕3号 第三部分“五是”", "3 项未满足",
    ):  # fmt: skip
        assert said in shown
    assert shown.count("未满足</span>") == 3


def test_an_approval_is_refused_with_every_reason(desks, house, estate):
    """按下批准而条件未满足：409，逐条理由与依据，账户不变，留一行未准的审计。"""
    estate.open_item(chart.UNMATCHED, "0.01")
    estate.open_item(chart.JUDICIAL_HOLD, "0.02")
    page = apply_for(desks.release1, estate)

    answer = desks.reviewer1.post(f"{page}/approve")

    assert answer.status_code == 409
    assert "待认领款（2101）尚有 0.01 元未结清" in answer.text
    assert "司法冻结（8303）尚有 0.02 元未结清" in answer.text
    assert answer.text.count("依据：") == 2
    with house.database.read() as session:
        [row] = session.execute(
            text("SELECT result, detail FROM audit_event WHERE action = 'release.approved'")
        ).all()
        assert row.result == "refused"
        assert row.detail["codes"] == ["open-unmatched", "open-judicial-hold"]
        assert session.scalar(text("SELECT status FROM supervised_account")) == "active"


def test_one_enters_another_approves_and_a_paper_is_printed(desks, house, estate):
    """一人录入、另一人批准；决定书写明项目、金额、经手人、时间和依据；打印内容取自当时存档。"""
    page = apply_for(desks.release1, estate)
    assert ">350,000.00</span> 元转为应付开发企业" in desks.reviewer1.get(page).text
    assert desks.reviewer1.get(f"{page}/decision").status_code == 404

    assert desks.reviewer1.post(f"{page}/approve").status_code == 303

    printed = desks.auditor1.get(f"{page}/decision").text
    for said in (
        "解除商品房预售资金监管决定", "测试置业有限公司", estate.project_no, estate.account_no, "350,000.00",
        "release1 同志", "reviewer1 同志", "第三部分“五是”", file_hash(application_no(page, house)),
    ):  # fmt: skip
        assert said in printed
    assert "决定时的条件核对" in desks.release1.get(page).text
    assert desks.reviewer2.post(f"{page}/approve").status_code == 409
    with house.database.read() as session:
        steps = session.execute(
            text("SELECT action, result FROM audit_event WHERE subject_kind = 'release' ORDER BY id")
        ).all()
    assert steps == [
        ("release.entered", "done"), ("release.approved", "done"), ("release.approved", "refused"),
    ]  # fmt: skip


def application_no(page: str, house) -> str:
    with house.database.read() as session:
        return session.scalar(
            text("SELECT application_no FROM release_application WHERE release_no = :no"),
            {"no": page.rpartition("/")[2]},
        )


def test_who_holds_both_roles_still_cannot_approve_their_own(desks, estate):
    """兼有两岗的人也不能批准自己录入的申请，页面事先说明。"""
    page = apply_for(desks.both, estate)

    shown = desks.both.get(page).text
    assert "您不能批准这件申请" in shown
    assert f"{page}/approve" not in shown
    answer = desks.both.post(f"{page}/approve")
    assert answer.status_code == 409
    assert "须由另一人员决定" in answer.text


def test_a_stale_second_factor_is_asked_for_again(desks, house, estate):
    """批准须有新近的动态口令：过时即要求重输，输对才办。"""
    page = apply_for(desks.release1, estate)
    with house.connect("superuser") as connection:
        connection.execute("UPDATE officer_session SET verified_at = now() - interval '11 minutes'")

    assert 'name="totp"' in desks.reviewer1.get(page).text
    assert desks.reviewer1.post(f"{page}/approve").status_code == 403
    with house.database.read() as session:
        assert session.scalar(text("SELECT status FROM supervised_account")) == "active"
    code = desks.reviewer1.who.code()
    assert desks.reviewer1.post(f"{page}/approve", {"totp": code}).status_code == 303


def test_a_clause_is_met_by_a_paper_that_two_have_seen(desks, house):
    """协议条款的材料：录入、另一人确认，清单随即变为满足。"""
    clauses = [
        {"kind": "document", "value": None, "clause": CLAUSE},
        {"kind": "handover_ratio", "value": "0.90", "clause": "第十条：交付九成"},
    ]
    estate = build(house, officers(house, "cc", "dd"), clauses=clauses)
    estate.register()
    account = f"/releases/accounts/{estate.account_no}"
    for clause, ratio in ((f"document:{CLAUSE}", ""), ("handover_ratio:第十条：交付九成", "0.9")):
        number = new_number("CL")
        filed = {
            "clause": clause, "paper_no": number, "dated_on": TODAY, "ratio": ratio,
            "file_hash": file_hash(number),
        }  # fmt: skip
        assert desks.release1.post(f"{account}/papers", filed).status_code == 303
    shown = desks.reviewer1.get(account).text
    actions = re.findall(r'action="(/releases/accounts/\d+/papers/\d+/confirm)"', shown)

    assert len(actions) == 2
    assert desks.release1.post(actions[0]).status_code == 403
    for action in actions:
        assert desks.reviewer1.post(action).status_code == 303
    assert desks.reviewer1.get(account).text.count("尚未满足") == 0

    page = apply_for(desks.release1, estate)
    assert "您录入或确认过该账户的佐证材料" in desks.reviewer1.get(page).text
    assert desks.reviewer1.post(f"{page}/approve").status_code == 409
    assert desks.reviewer2.post(f"{page}/approve").status_code == 303


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"clause": "document:没有这一条"}, "没有这一条须凭材料的约定"), ({"clause": ""}, "请选择一条"),
        ({"clause": "months_after:x"}, "请选择一条"), ({"ratio": "0.9"}, "其他条款不填"),
        ({"ratio": "九成"}, "格式不正确"), ({"dated_on": "2099-01-01"}, "不能晚于今天"),
        ({"file_hash": "1"}, "材料文件"),
    ],
)  # fmt: skip
def test_a_bad_paper_says_what_is_wrong(desks, house, changes, said):
    """材料填写有误，逐项指明，不留记录。"""
    clauses = [{"kind": "document", "value": None, "clause": CLAUSE}]
    estate = build(house, officers(house, "cc", "dd"), clauses=clauses)
    filed = {
        "clause": f"document:{CLAUSE}", "paper_no": "CL1", "dated_on": TODAY, "ratio": "",
        "file_hash": file_hash(1), **changes,
    }  # fmt: skip

    answer = desks.release1.post(f"/releases/accounts/{estate.account_no}/papers", filed)

    assert answer.status_code == 422
    assert said in answer.text


def test_an_application_sent_back_says_why(desks, estate):
    """退回须说明理由；退回后可另行申请。"""
    page = apply_for(desks.release1, estate)

    assert desks.reviewer1.post(f"{page}/reject", {"reason": " "}).status_code == 422
    assert desks.reviewer1.post(f"{page}/reject", {"reason": "申请书未盖章"}).status_code == 303
    assert "申请书未盖章" in desks.release1.get(page).text
    assert apply_for(desks.release1, estate) != page


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"application_no": ""}, "必填"), ({"applied_on": "昨天"}, "日期须为"),
        ({"file_hash": "g" * 64}, "须为 64 位十六进制"),
        ({"applied_on": "2099-01-01"}, "不能晚于今天"),
    ],
)  # fmt: skip
def test_a_bad_application_says_what_is_wrong(desks, estate, changes, said):
    """申请书填写有误，逐项指明。"""
    answer = desks.release1.post(f"/releases/accounts/{estate.account_no}/applications", paper(**changes))

    assert answer.status_code == 422
    assert said in answer.text


def test_pages_do_not_grow_a_query_a_row(desks, house, estate, app):
    """清单和账户页的查询次数不随记录数增长。"""
    few = queries(app, lambda: desks.auditor1.get(f"/releases/accounts/{estate.account_no}"))
    for _ in range(5):
        page = apply_for(desks.release1, estate)
        desks.reviewer1.post(f"{page}/reject", {"reason": "重报"})
    for _ in range(3):
        estate.open_item(chart.UNMATCHED)
    assert queries(app, lambda: desks.auditor1.get(f"/releases/accounts/{estate.account_no}")) == few
    assert queries(app, lambda: desks.auditor1.get("/releases")) <= few


def queries(app, action) -> int:
    seen = []
    engine = app.extensions["database"].engine

    def count(*_args):
        seen.append(1)

    event.listen(engine, "before_cursor_execute", count)
    try:
        assert action().status_code == 200
    finally:
        event.remove(engine, "before_cursor_execute", count)
    return len(seen)


def receiving(**changes):
    number = new_number("SK")
    return {
        "account_no": "6222021410001112223", "bank_name": "农业银行交口支行", "paper_no": number, "dated_on": TODAY,
        "file_hash": file_hash(number), **changes,
    }  # fmt: skip


def test_the_receiving_account_has_a_page_of_its_own(desks, estate):
    """收款账户：登记、另一人确认、停用，页面列出谁在何时凭什么办理；不合规的说明理由，填的内容不丢。"""
    page = f"/releases/accounts/{estate.account_no}/receiving"
    assert "还没有登记收款账户" in desks.auditor1.get(page).text
    wrong = desks.release1.post(page, receiving(dated_on="2099-01-01"))
    assert wrong.status_code == 422 and "证明日期不能晚于今天" in wrong.text and "农业银行交口支行" in wrong.text
    own = desks.release1.post(page, receiving(account_no=estate.account_no))
    assert own.status_code == 409 and "account-is-supervised" in own.text and "农业银行交口支行" in own.text
    assert desks.both.post(page, receiving()).status_code == 303
    assert "/confirm" not in desks.both.get(page).text
    [entry] = re.findall(rf"{page}/([0-9]+)/confirm", desks.reviewer1.get(page).text)
    alone = desks.both.post(f"{page}/{entry}/confirm")
    assert alone.status_code == 409 and "same-officer" in alone.text
    assert desks.reviewer1.post(f"{page}/{int(entry) + 1}/confirm").status_code == 404
    assert desks.reviewer1.post(f"{page}/{entry}/confirm").status_code == 303
    assert desks.release1.post(f"{page}/{entry}/retirement").status_code == 422
    assert desks.release1.post(f"{page}/{entry}/retirement", {"reason": "账户注销"}).status_code == 303
    shown = desks.auditor1.get(page).text
    for words in ("both 同志", "reviewer1 同志", "release1 同志", "账户注销", "已停用", "本局设定"):
        assert words in shown
    assert desks.release1.post(page, receiving()).status_code == 303
    [entry] = re.findall(rf"{page}/([0-9]+)/reject", desks.reviewer2.get(page).text)
    assert desks.reviewer2.post(f"{page}/{entry}/reject", {"reason": "不清晰"}).status_code == 303
    assert "不清晰" in desks.auditor1.get(page).text


def test_a_receiving_account_of_another_developer_is_not_found(desks, house, estate):
    """从别的企业的页面办理本企业的收款账户：查无此件。"""
    page = f"/releases/accounts/{estate.account_no}/receiving"
    desks.release1.post(page, receiving())
    [entry] = re.findall(rf"{page}/([0-9]+)/confirm", desks.reviewer1.get(page).text)
    assert desks.reviewer1.post(f"/releases/accounts/99999999/receiving/{entry}/confirm").status_code == 404
    assert desks.reviewer1.get("/releases/accounts/99999999/receiving").status_code == 404
