"""The officers' pages of findings: the queue, one with what it rests on, the decision (风险提示页面)."""

import html
import re
from types import SimpleNamespace

import pytest

from tests.desk import staffed
from tests.finding import Market, Payer, paid_out, watched
from tests.withdrawing import BUILDER, BUILDER_ACCOUNT, funded, people_of, site_of


def scene_of(house, app):
    """A round trip over a withdrawal that the officer with both roles entered; the address of its page."""
    roles = {"reviewer1": ["reviewer"], "both": ["cashier", "reviewer"], "auditor1": ["auditor"],
             "cashier1": ["cashier"]}  # fmt: skip
    desks, site = staffed(house, app, roles), funded(site_of(house, people_of(house)))
    with house.connect("app") as connection:
        both = connection.execute("SELECT id FROM officer WHERE username = 'both'").fetchone()[0]
    paid_out(site, "100000.00", days_ago=3, who=both)
    Market(site.estate).bought(0, Payer(BUILDER, BUILDER_ACCOUNT))
    assert watched(house) == 2
    return SimpleNamespace(desks=desks, found=address_of(house, "round-trip"))


@pytest.fixture
def found(scene):
    return scene.found


def address_of(house, kind):
    with house.connect("app") as connection:
        query = "SELECT id FROM finding WHERE kind = %s ORDER BY id LIMIT 1"
        return f"/findings/{connection.execute(query, [kind]).fetchone()[0]}"


def trail(house):
    with house.connect("app") as connection:
        query = "SELECT action, result, actor_id FROM audit_event WHERE action LIKE 'finding.%' ORDER BY id"
        return connection.execute(query).fetchall()


def test_a_finding_shows_the_way_of_the_money_and_is_decided_with_a_reason(house, desks, found):
    """清单与一条提示写明资金走向、经手人与依据；复核人员写理由排除后，谁在何时为何决定留在页上与审计里。"""
    assert "拨付资金回流" in desks.reviewer1.get("/findings").text
    page = desks.reviewer1.get(found).text
    for said in ("资金走向", "拨付", "缴存", "both 同志", "本局设定（待补依据）", "finding_round_trip_days",
                 "/withdrawals/", "/instructions/"):  # fmt: skip
        assert said in page, said

    answer = desks.reviewer1.post(f"{found}/clear", {"reason": "施工单位购房抵款，已核对合同"})

    assert answer.status_code == 303
    page = desks.reviewer1.get(found).text
    assert "已排除" in page and "施工单位购房抵款，已核对合同" in page and "reviewer1 同志" in page
    assert "核查决定" not in page
    assert trail(house)[-1] == ("finding.cleared", "done", "reviewer1")
    assert "风险提示排除" in desks.auditor1.get("/audit").text


def test_who_entered_the_payment_cannot_decide(house, desks, found):
    """所涉用款的录入人看不到决定表单，直接提交也被拒并留痕；提示仍待核查。"""
    assert "您不能决定这条提示" in desks.both.get(found).text

    answer = desks.both.post(f"{found}/confirm", {"reason": "x"})

    assert answer.status_code == 409 and "须由另一人员决定" in answer.text
    assert trail(house)[-1] == ("finding.confirmed", "refused", "both")
    assert "待核查" in desks.both.get(found).text


def test_a_finding_is_decided_once_and_never_without_a_reason(house, desks, found):
    """不写理由不能决定；确认之后不能再改；没有的提示答没有。"""
    assert desks.reviewer1.post(f"{found}/confirm", {"reason": " "}).status_code == 422
    assert desks.reviewer1.post(f"{found}/confirm", {"reason": "资金确已回流"}).status_code == 303
    again = desks.reviewer1.post(f"{found}/clear", {"reason": "反悔"})
    assert again.status_code == 409 and "不能再次决定" in again.text
    for missing in ("/findings/999", f"/findings/{2**40}"):
        assert desks.reviewer1.get(missing).status_code == 404
        assert desks.reviewer1.post(f"{missing}/clear", {"reason": "x"}).status_code == 404


def test_only_reviewers_decide_and_everybody_reads(desks, found):
    """只有复核岗可以决定；其他岗位可看，看不到表单，提交被拒。"""
    for desk in (desks.cashier1, desks.auditor1):
        assert "核查决定" not in desk.get(found).text
        assert desk.post(f"{found}/clear", {"reason": "x"}).status_code == 403


def test_the_queue_is_paged_by_key_open_ones_first(house, desks, found):
    """待核查的排在前面，逐页翻完不漏不重；可按种类查看；怪参数不出错。"""
    with house.connect("app") as connection:
        connection.execute(
            "INSERT INTO finding (kind, key, subject, said, detail, withdrawal_ids, payee_ids, receipt_ids,"
            " law, status) SELECT 'one-id', 'k' || n, '证件' || n, 'x', '{}', '{}', '{}', '{}',"
            " '{\"region\": \"141130\", \"day\": \"2026-11-21\", \"provisions\": {}}', 'open'"
            " FROM generate_series(1, 120) n"
        )
        connection.execute(
            "UPDATE finding SET status = 'cleared', decided_by = 1, decided_at = now(), reason = 'x'"
            " WHERE id % 3 = 0"
        )
        rows = connection.execute("SELECT id FROM finding ORDER BY status <> 'open', id DESC").fetchall()
    seen, path = [], "/findings"
    while path:
        page = desks.reviewer1.get(path).text
        seen += re.findall(r'href="/findings/(\d+)"', page)
        following = re.search(r'rel="next" href="([^"]+)"', page)
        path = html.unescape(following[1]) if following else None

    assert seen == [str(one) for (one,) in rows]
    only = desks.reviewer1.get("/findings?kind=round-trip").text
    assert re.findall(r'href="/findings/(\d+)"', only) == [found.rpartition("/")[2]]
    for odd in ("kind=x", "kind=%00", "after=x", "after=o-1", "after=d99999999999999", "after=o１"):
        assert desks.reviewer1.get(f"/findings?{odd}").status_code == 200
