"""Officers see what did not arrive, send it again and say who may subscribe (对外推送页面)."""

import re

import pytest
from kombu.exceptions import OperationalError

from escrow.deliveries.rules import MOST_TRIES
from escrow.deliveries.sending import deliver
from escrow.tasks import BEAT, bring_events, bring_to
from tests.conftest import applied
from tests.desk import hire, sit_down
from tests.listening import admitted, happen, listening, standing, wake


@pytest.fixture
def listener():
    """A subscriber that refuses everything, until told otherwise."""
    with listening(lambda _: 400) as started:
        yield started


@pytest.fixture
def house_settings(listener, house):
    """What this bureau allows."""
    return listener.settings(house.settings)


@pytest.fixture
def desk(built, house, house_settings):
    """The application, with addresses allowed."""
    house.settings = house_settings
    with applied(built, house) as made:
        yield made


def give_out(house, settings, number):
    for _ in range(MOST_TRIES):
        wake(house), deliver(house.database, settings, number)


def audited(house):
    with house.connect("app") as connection:
        return connection.execute(
            "SELECT action, subject, actor_id FROM audit_event"
            " WHERE action ~ '^(delivery|subscriber)' ORDER BY id"
        ).fetchall()


def test_what_did_not_arrive_is_sent_again_in_two_clicks(desk, house, house_settings, listener):
    """打开页面、点“再次发送”：两下；留下谁做的。"""
    number = admitted(house, listener)
    happen(house, "SK1")
    give_out(house, house_settings, number)
    seat = sit_down(desk, hire(house.database, house.settings, "yuan", "cashier", full_name="袁建国"))
    page = seat.get("/deliveries").text
    assert "SK1" in page and "未送达" in page and "对方拒收（400）" in page
    action = re.search(r'action="(/deliveries/\d+/again)"', page)[1]
    assert seat.post(action).status_code == 303
    assert standing(house) == [("SK1", "waiting", 0)]
    assert audited(house)[-1] == ("delivery.again", "SK1", "yuan")
    listener.answer = lambda _: 204
    deliver(house.database, house_settings, number)
    assert "没有这样的推送" in seat.get("/deliveries").text
    shown = seat.get("/deliveries/1").text
    for said in ("已送达", "对方已收下", "再次推送对外事件", "袁建国", "对外事件未送达", "specversion"):
        assert said in shown, said
    assert seat.post(action).status_code == 409
    assert seat.post("/deliveries/999/again").status_code == 404


def test_everything_of_one_subscriber_at_once(desk, house, house_settings, listener):
    """一个订阅方的全部再次发送，一下即可；没有可发的也如实说。"""
    number = admitted(house, listener)
    happen(house, "SK1", "SK2", "SK3")
    give_out(house, house_settings, number)
    seat = sit_down(desk, hire(house.database, house.settings, "yuan", "cashier"))
    assert "全部再次发送" in seat.get("/deliveries").text
    answer = seat.post(f"/subscribers/{number}/again", follow_redirects=True)
    assert "已排队再次发送 3 件" in answer.text and "全部再次发送" not in answer.text
    assert seat.post("/subscribers/77/again").status_code == 404


def test_giving_up_needs_a_reason(desk, house, house_settings, listener):
    """放弃推送须写理由，并留痕。"""
    number = admitted(house, listener)
    happen(house, "SK1")
    give_out(house, house_settings, number)
    seat = sit_down(desk, hire(house.database, house.settings, "yuan", "cashier"))
    assert seat.post("/deliveries/1/drop", {"reason": " "}).status_code == 422
    assert seat.post("/deliveries/1/drop", {"reason": "对方系统已停用"}).status_code == 303
    page = seat.get("/deliveries/1").text
    assert "已放弃" in page and "对方系统已停用" in page
    assert audited(house)[-1] == ("delivery.dropped", "SK1", "yuan")


def test_only_those_who_may_send_again(desk, house, house_settings, listener):
    """各岗位都看得见；再次发送只有资金经办与安全管理员，登记订阅只有安全管理员。"""
    number = admitted(house, listener)
    happen(house, "SK1")
    give_out(house, house_settings, number)
    auditor = sit_down(desk, hire(house.database, house.settings, "shen", "auditor"))
    page = auditor.get("/deliveries").text
    assert "SK1" in page and "再次发送</button>" not in page and "/subscribers" not in page
    assert auditor.post("/deliveries/1/again").status_code == 403
    assert auditor.get("/subscribers").status_code == 403


def test_a_subscription_from_its_form_to_its_end(desk, house, listener):
    """登记、取得密钥（只显示一次）、换发、停用，步步留痕，密钥不进留痕。"""
    admitted(house, listener, "other", url=listener.url + "/other")
    an = sit_down(desk, hire(house.database, house.settings, "an", "admin"))
    form = {"client_id": "other", "url": listener.url, "types": ["deposit.confirmed", "deposit.reversed"],
            "algorithm": "hmac-sm3"}  # fmt: skip
    page = an.post("/subscribers", form).text
    secret = re.search(r'id="secret">([^<]{40,})<', page)[1]
    shown = an.get("/subscribers").text
    assert secret not in shown and "入账确认、入账冲正" in shown and "HMAC-SM3" in shown
    assert "已经订阅到这个地址" in an.post("/subscribers", form).text
    newer = re.search(r'id="secret">([^<]{40,})<', an.post("/subscribers/2/redraw").text)[1]
    assert newer != secret and "密钥 2" in an.get("/subscribers").text
    assert an.post("/subscribers/2/retire").status_code == 303
    assert an.post("/subscribers/2/retire").status_code == 404
    assert an.post("/subscribers/2/redraw").status_code == 404
    assert [row[0] for row in audited(house)][1:] == [
        "subscriber.added", "subscriber.redrawn", "subscriber.retired"
    ]  # fmt: skip
    with house.connect("app") as connection:
        trail = str(connection.execute("SELECT detail FROM audit_event").fetchall())
    assert secret not in trail and newer not in trail


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"url": "https://elsewhere.example/"}, "允许名单"),
        ({"url": "http://2130706433/events"}, "写法规范"),
        ({"url": "http://169.254.169.254/latest/meta-data"}, "允许名单"),
        ({"client_id": "nobody"}, "没有这个在用的接口客户端"),
        ({"algorithm": "none"}, "签名算法须为"),
        ({"types": "<script>"}, "没有这种事件"),
    ],
)
def test_what_cannot_be_registered_says_why(desk, house, listener, changed, said):
    """名单外的地址、怪写法的地址、不存在的客户端、不认识的算法与事件：不予登记，说明原因，填过的还在。"""
    admitted(house, listener, "other", url=listener.url + "/other")
    an = sit_down(desk, hire(house.database, house.settings, "an", "admin"))
    form = {"client_id": "other", "url": listener.url, "algorithm": "hmac-sha256", **changed}
    answer = an.post("/subscribers", form)
    assert answer.status_code == 422 and said in answer.text
    assert "<script>" not in answer.text


def test_an_address_in_a_network_not_configured_is_not_registered(house, listener):
    """名单里有、网段未配置（本机）：不予登记。"""
    from dataclasses import replace

    from escrow.application import create_app

    made = create_app(replace(listener.settings(house.settings), subscriber_networks=()))
    admitted(house, listener, "other", url=listener.url + "/other")
    an = sit_down(made, hire(house.database, house.settings, "an", "admin"))
    form = {"client_id": "other", "url": listener.url, "algorithm": "hmac-sha256"}
    answer = an.post("/subscribers", form)
    made.extensions["database"].dispose()
    assert answer.status_code == 422 and "未经配置不得送往" in answer.text


def test_without_a_list_nothing_can_be_registered(app, house):
    """没有配置允许名单：页面直说，不能登记。"""
    an = sit_down(app, hire(house.database, house.settings, "an", "admin"))
    assert "ESCROW_SUBSCRIBER_URLS" in an.get("/subscribers").text
    form = {"client_id": "x", "url": "https://a.example/", "algorithm": "hmac-sha256"}
    assert an.post("/subscribers", form).status_code == 422


def test_lists_go_on_by_key(desk, house, listener):
    """清单按序号翻页，一件不漏；怪参数不出错。"""
    admitted(house, listener)
    happen(house, *[f"SK{n:03d}" for n in range(120)])
    seat = sit_down(desk, hire(house.database, house.settings, "shen", "auditor"))
    seen, path = [], "/deliveries"
    while path:
        page = seat.get(path).text
        seen += re.findall(r"SK\d{3}", page)
        following = re.search(r'rel="next" href="([^"]+)"', page)
        path = following[1].replace("&amp;", "&") if following else None
    assert seen == [f"SK{n:03d}" for n in reversed(range(120))]
    for odd in ("before=x", "before=99999999999999999999", "status=x", "status=%27", "status=delivered",
                "status=all&before=5", "status=dropped"):  # fmt: skip
        assert seat.get(f"/deliveries?{odd}").status_code == 200
    assert seat.get(f"/deliveries/{2**64}").status_code == 404


def test_the_tasks_bring_what_happened(desk, house, listener, monkeypatch):
    """定时任务五秒一次：分发新事件，逐个订阅方推送；只带编号；重复运行没有害处。"""
    assert BEAT["bring-events"]["schedule"] <= 60
    rung = []
    monkeypatch.setattr(bring_to, "apply_async", lambda args, **_: rung.append(args))
    listener.answer = lambda _: 204
    number = admitted(house, listener)
    happen(house, "SK1", "SK2")
    with desk.app_context():
        bring_events(), bring_events()
        assert rung == [(number,), (number,)]
        for args in rung:
            bring_to(*args)
        bring_events()
    assert len(rung) == 2
    assert {row[1] for row in standing(house)} == {"delivered"} and len(listener.heard) == 2


def test_a_broker_that_is_away_loses_nothing(desk, house, listener, monkeypatch):
    """消息队列断开：任务不报错，什么也不丢；恢复后下一拍照常推送。"""
    def away(*_, **__):
        raise OperationalError

    rung = []
    monkeypatch.setattr(bring_to, "apply_async", away)
    admitted(house, listener)
    happen(house, "SK1")
    with desk.app_context():
        bring_events()
        monkeypatch.setattr(bring_to, "apply_async", lambda args, **_: rung.append(args))
        bring_events()
    assert len(rung) == 1 and standing(house) == [("SK1", "waiting", 0)]


def test_an_address_the_settings_no_longer_cover_is_shown_and_not_sent_to(app, house, listener):
    """登记过的地址，运行参数的名单里没有了：页面写明不再推送，推送也确实不去。"""
    number = admitted(house, listener)
    happen(house, "SK1")
    an = sit_down(app, hire(house.database, house.settings, "an", "admin"))
    assert "不在允许名单，不推送" in an.get("/subscribers").text
    deliver(house.database, house.settings, number)
    with house.connect("app") as connection:
        assert connection.execute("SELECT outcome FROM delivery_try").fetchall() == [("not-allowed",)]
