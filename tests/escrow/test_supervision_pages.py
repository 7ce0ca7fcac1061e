"""Accepting a supervision agreement at the desk: two people, exactly what they saw (监管协议受理页面)."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.builders import County, digest_on


@pytest.fixture
def county(house, app):
    return County(house, app)


def audit_rows(house, action):
    with house.connect() as connection:
        rows = connection.execute(
            "SELECT actor_id, subject FROM audit_event WHERE action = %s ORDER BY id", (action,)
        ).fetchall()
    return rows


def test_two_different_officers_put_an_agreement_in_force(county, house):
    """第一人受理后仍未生效，第二名不同人员受理后生效，账套开立，每步留痕一条。"""
    made = county.project(status="proposed")
    one, two = county.seat("aa"), county.seat("bb", "reviewer")
    assert made.project_no in one.get("/supervision").text
    assert county.accept(made, one).status_code == 303
    assert county.get("platform", f"/projects/{made.project_no}").json["status"] == "proposed"
    assert "待第二人受理" in two.get("/supervision").text
    assert county.accept(made, two).status_code == 303
    assert county.get("platform", f"/projects/{made.project_no}").json["status"] == "active"
    assert audit_rows(house, "supervision.accepted") == [("aa", made.project_no)]
    assert audit_rows(house, "supervision.effective") == [("bb", made.project_no)]
    with house.connect() as connection:
        codes = connection.execute("SELECT code FROM ledger.account ORDER BY code").fetchall()
    assert [code for (code,) in codes] == ["1101", "2101", "2111", "8199", "8201"]


def test_one_officer_is_not_two(county):
    """同一人不能受理两次：页面上没有表单，硬提交答 409 并附依据。"""
    made = county.project(status="proposed")
    seat = county.seat("aa")
    page = seat.get(f"/supervision/{made.project_no}").text
    assert county.accept(made, seat).status_code == 303
    assert "acceptance" not in seat.get(f"/supervision/{made.project_no}").text
    again = seat.post(f"/supervision/{made.project_no}/acceptance", {"digest": digest_on(page)})
    assert again.status_code == 409
    assert "须由另一人员再次受理" in again.text and "依据" in again.text


def test_what_changed_meanwhile_is_not_accepted(county):
    """打开页面之后平台改了协议：提交答 409，须重新核对；先前的受理随旧版作废。"""
    made = county.project(status="proposed")
    one, two = county.seat("aa"), county.seat("bb")
    county.accept(made, one)
    seen = digest_on(two.get(f"/supervision/{made.project_no}").text)
    made.agreement["clauses"]["review_days"] = 9
    county.put("platform", f"/projects/{made.project_no}/supervision", made.agreement)
    stale = two.post(f"/supervision/{made.project_no}/acceptance", {"digest": seen})
    assert stale.status_code == 409 and "已变更" in stale.text
    assert "待第二人受理" not in two.get("/supervision").text
    assert county.accept(made, two).status_code == 303
    assert county.get("platform", f"/projects/{made.project_no}").json["status"] == "proposed"
    assert county.accept(made, one).status_code == 303
    assert county.get("platform", f"/projects/{made.project_no}").json["status"] == "active"


def test_changed_terms_need_two_officers_again(county):
    """生效后的条款变更须再由两人受理，账户与账套不变。"""
    made = county.project()
    made.agreement["clauses"]["release"] = [{"kind": "months_after", "value": 6, "clause": "第九条"}]
    county.put("platform", f"/projects/{made.project_no}/supervision", made.agreement)
    one, two = county.seat("accepts-one"), county.seat("accepts-two")
    county.accept(made, one)
    page = two.get(f"/supervision/{made.project_no}").text
    assert "无附加条款" in page and "首次登记后月数（6）：第九条" in page
    county.accept(made, two)
    page = two.get(f"/supervision/{made.project_no}").text
    assert "第 2 版" in page and "无附加条款" not in page
    assert county.get("bank-ICBC", f"/accounts/{made.account_no}").json["status"] == "active"


def test_officers_racing_to_accept_leave_one_state(county):
    """四人同时受理同一版本：恰好两人成功，其余 409。"""
    made = county.project(status="proposed")
    seats = [county.seat(name) for name in ("aa", "bb", "cc", "dd")]
    seen = digest_on(seats[0].get(f"/supervision/{made.project_no}").text)
    for seat in seats:
        seat.get("/account")

    def send(seat):
        return seat.post(f"/supervision/{made.project_no}/acceptance", {"digest": seen}).status_code

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(send, seats)) == [303, 303, 409, 409]
    assert county.get("platform", f"/projects/{made.project_no}").json["status"] == "active"


def test_acceptance_needs_the_role_a_fresh_code_and_an_honest_form(county, house):
    """无岗位 403；双因素过时须再验证；没有 CSRF 或摘要不合规，一律不受理。"""
    made = county.project(status="proposed")
    path = f"/supervision/{made.project_no}/acceptance"
    cashier, clerk = county.seat("qian", "cashier"), county.seat("aa")
    assert "acceptance" not in cashier.get(f"/supervision/{made.project_no}").text
    assert cashier.post(path, {"digest": "0" * 64}).status_code == 403
    assert clerk.client.post(path, data={"digest": "0" * 64}).status_code == 403
    assert clerk.post(path, {"digest": "nonsense"}).status_code == 422
    assert clerk.post("/supervision/XM0/acceptance", {"digest": "0" * 64}).status_code == 404
    seen = digest_on(clerk.get(f"/supervision/{made.project_no}").text)
    with house.connect("superuser") as connection:
        connection.execute("UPDATE officer_session SET verified_at = now() - interval '11 minutes'")
    assert 'name="totp"' in clerk.get(f"/supervision/{made.project_no}").text
    assert clerk.post(path, {"digest": seen}).status_code == 403
    assert clerk.post(path, {"digest": seen, "totp": clerk.who.code()}).status_code == 303


def test_the_list_is_empty_when_nothing_waits(county):
    """没有待受理的协议时，清单为空。"""
    county.project()
    assert "没有待受理的监管协议" in county.seat("accepts-one").get("/supervision").text
