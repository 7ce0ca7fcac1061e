"""Events are brought to subscribers: signed, in order, at least once, over a real connection (推送)."""

import hashlib
import hmac
import multiprocessing
import threading
import time
from collections import defaultdict
from datetime import datetime, timedelta

import pytest
from structlog.testing import capture_logs

from escrow.deliveries import rules, sending
from escrow.deliveries.actions import drop, retire, send_again
from escrow.deliveries.routing import route
from escrow.deliveries.rules import LONGEST_REST, LONGEST_WAIT, MOST_TRIES, wait_after
from escrow.deliveries.sending import deliver
from escrow.outbox import emit
from tests.desk import bearer
from tests.listening import SECRETS, admitted, happen, listening, routed, standing, wake, work


def bring(house, listener, number):
    """One turn of the subscriber."""
    return deliver(house.database, listener.settings(house.settings), number)


def outcomes(house):
    with house.connect("app") as connection:
        found = connection.execute("SELECT outcome FROM delivery_try ORDER BY delivery_id, no")
        return [row[0] for row in found]


def test_what_is_pushed_is_what_the_pull_door_says(house, app):
    """推送的报文就是查询接口给出的那一条 CloudEvents，一字不差。"""
    with listening() as listener:
        number = admitted(house, listener)
        happen(house, "SK1", "SK2")
        assert bring(house, listener, number) == 2
        token = bearer(house.database, "filing", "filing")
    items = app.test_client().get("/api/v1/events", headers=token).json["items"]
    assert [one.event for one in listener.heard] == items
    assert items[0]["specversion"] == "1.0" and items[0]["time"].endswith("+08:00")
    assert listener.heard[0].headers["Content-Type"].startswith("application/cloudevents+json")
    assert standing(house) == [("SK1", "delivered", 1), ("SK2", "delivered", 1)]


@pytest.mark.parametrize(("algorithm", "digest"), [("hmac-sha256", "sha256"), ("hmac-sm3", "sm3")])
def test_a_subscriber_can_check_who_sent_it(house, algorithm, digest):
    """签名是对“时刻接报文原文”的 HMAC，SHA-256 或国密 SM3；改一个字节就不符。"""
    with listening() as listener:
        number = admitted(house, listener, algorithm=algorithm)
        happen(house, "SK1")
        bring(house, listener, number)
    one = listener.heard[0]
    timestamp, said = one.headers["Escrow-Timestamp"], one.headers["Escrow-Signature"]
    made = hmac.new(SECRETS[number].encode(), timestamp.encode() + one.body, digest).hexdigest()
    assert said == f"{algorithm}={made}"
    assert abs(datetime.fromisoformat(timestamp).timestamp() - time.time()) < 60
    assert one.headers["Escrow-Key"] == "1"
    changed = hmac.new(SECRETS[number].encode(), timestamp.encode() + one.body + b" ", digest).hexdigest()
    assert changed != made


def test_each_is_told_what_it_may_see_and_wants_since_it_subscribed(house):
    """只推送有权看见、选了种类、登记之后发生的；银行只收到本行的。"""
    happen(house, "OLD")
    with listening() as listener, listening() as bank:
        filing = admitted(house, listener, types={"deposit.confirmed"})
        abc = admitted(house, bank, "bank-abc", scopes={"bank"}, bank_code="ABC")
        happen(house, "A", audience=["filing", "bank:ABC"])
        happen(house, "B", audience=["bank:CCB", "platform"])
        happen(house, "C", kind="deposit.reversed", audience=["filing", "bank:ABC"])
        bring(house, listener, filing), bring(house, bank, abc)
    assert [subject for subject, _ in listener.told()] == ["A"]
    assert [subject for subject, _ in bank.told()] == ["A", "C"]


def test_routing_twice_and_at_once_routes_each_event_once(house):
    """分发任务重复、同时运行，每件事件只有一份推送。"""
    with listening() as listener:
        admitted(house, listener)
        for n in range(20):
            with house.database.begin() as session:
                emit(session, "deposit.confirmed", f"S{n}", {}, audience=["filing"])
        threads = [threading.Thread(target=routed, args=(house,)) for _ in range(4)]
        [one.start() for one in threads], [one.join() for one in threads]
        routed(house)
    assert len(standing(house)) == 20


def test_an_event_committed_late_is_not_passed_over(house):
    """编号小的事件后提交，也不会漏掉。"""
    with listening() as listener:
        number = admitted(house, listener)
        first, second = house.connect("app"), house.connect("app")
        # The second writer has the lower transaction number and the higher event number.
        second.execute("SELECT pg_current_xact_id()")
        insert = "INSERT INTO outbox_event (type, subject, data, audience) VALUES (%s, %s, '{}', '{filing}')"
        first.execute(insert, ["deposit.confirmed", "LATE"])
        second.execute(insert, ["deposit.confirmed", "EARLY"])
        second.commit(), second.close()
        with house.database.begin() as session:
            route(session)
        bring(house, listener, number)
        first.commit(), first.close()
        with house.database.begin() as session:
            route(session)
        bring(house, listener, number)
    assert [subject for subject, _ in listener.told()] == ["EARLY", "LATE"]


def test_the_next_of_a_subject_waits_for_the_one_before(house):
    """同一主体前一件没送到，后一件不发；别的主体照发。"""
    with listening(lambda one: 422 if one.event["subject"] == "A" else 204) as listener:
        number = admitted(house, listener)
        happen(house, "A", "A", "B")
        bring(house, listener, number)
        assert [subject for subject, _ in listener.told()] == ["A", "B"]
        listener.answer = lambda _: 204
        wake(house)
        bring(house, listener, number)
    ids = [number for subject, number in listener.told() if subject == "A"]
    assert ids == [ids[0], ids[0], str(int(ids[0]) + 1)]
    assert {status for _, status, _ in standing(house)} == {"delivered"}


def test_two_workers_at_once_keep_the_order_and_send_nothing_twice(house, monkeypatch):
    """四个工人同时推送，时快时慢、时有失败：每个主体先后不乱，成功的不重复。"""
    monkeypatch.setattr(rules, "FIRST_WAIT", timedelta(milliseconds=4))
    rounds = defaultdict(int)

    def answer(one):
        rounds[one.event["id"]] += 1
        time.sleep(0.002 * (int(one.event["id"]) % 4))
        return 400 if int(one.event["id"]) % 5 == 0 and rounds[one.event["id"]] == 1 else 200

    with listening(answer) as listener:
        number = admitted(house, listener)
        happen(house, *[f"S{n % 5}" for n in range(60)])

        def work():
            until = time.monotonic() + 30
            while time.monotonic() < until and any(row[1] != "delivered" for row in standing(house)):
                if not bring(house, listener, number):
                    time.sleep(0.005)

        threads = [threading.Thread(target=work) for _ in range(4)]
        [one.start() for one in threads], [one.join() for one in threads]
    assert {status for _, status, _ in standing(house)} == {"delivered"}
    seen = defaultdict(list)
    for subject, event_id in listener.told():
        seen[subject].append(int(event_id))
    for ids in seen.values():
        assert ids == sorted(ids)
    taken = [int(one) for one in rounds]
    assert all(rounds[str(one)] == (2 if one % 5 == 0 else 1) for one in taken) and len(taken) == 60


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (500, "refused"), (404, "refused"), (301, "redirected"), (307, "redirected"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\n\r\n", "redirected"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "garbled"), (b"HTTP/1.1 20", "garbled"),
        (b"HTTP/1.1 999999 OK\r\n\r\n", "garbled"), (b"X" * 100_000, "garbled"), (b"", "unreachable"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n", "garbled"),
    ],
)  # fmt: skip
def test_whatever_is_no_plain_yes_is_tried_again(house, answer, outcome):
    """拒收、转址（不跟随）、胡乱或半截的答复：都不算送达，留待再试。"""
    with listening(lambda _: answer) as listener:
        number = admitted(house, listener)
        happen(house, "A")
        bring(house, listener, number)
        assert len(listener.heard) == 1
    assert standing(house) == [("A", "waiting", 1)] and outcomes(house) == [outcome]


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\n\r\n", b"HTTP/1.0 200\r\n\r\nok"]
)
def test_a_yes_in_any_form_is_taken(house, answer):
    """先答 100 再答 202，或没有说明文字的 200，都算送达。"""
    with listening(lambda _: answer) as listener:
        number = admitted(house, listener)
        happen(house, "A")
        bring(house, listener, number)
    assert outcomes(house) == ["taken"]


def test_one_that_is_slow_holds_nobody_for_long(house, monkeypatch):
    """对方迟迟不答或一个字节一个字节地答：到时即止，歇一会儿再来，不占着后台。"""
    monkeypatch.setattr(sending, "PATIENCE", timedelta(milliseconds=300))

    def drip(one):
        time.sleep(0.2 if one.event["subject"] == "A" else 2)
        return b"HTTP/1.1 200 OK\r\n\r\n"

    with listening(drip) as listener:
        number = admitted(house, listener)
        happen(house, "A", "B", "C")
        begun = time.monotonic()
        assert bring(house, listener, number) == 2
        assert time.monotonic() - begun < 1.5
        assert bring(house, listener, number) == 0
    assert outcomes(house) == ["taken", "too-slow"]


def test_one_that_goes_away_rests_and_comes_back(house):
    """对方停机：连不上即歇，件件保留；恢复后全部送到。"""
    with listening() as listener:
        number = admitted(house, listener)
        happen(house, "A", "B")
        settings = listener.settings(house.settings)
    assert deliver(house.database, settings, number) == 1
    assert deliver(house.database, settings, number) == 0
    assert outcomes(house) == ["unreachable"]
    with listening() as again:
        with house.connect("superuser", autocommit=True) as connection:
            connection.execute("SET session_replication_role = replica")
            connection.execute("UPDATE subscriber SET url = %s", [again.url])
            connection.execute("UPDATE delivery SET due_at = now()")
            connection.execute("UPDATE subscriber SET rests_until = NULL")
        monkey = again.settings(house.settings)
        reseal(house, number, again.url)
        assert deliver(house.database, monkey, number) == 2
    assert {status for _, status, _ in standing(house)} == {"delivered"}


def reseal(house, number, url):
    """The key under its new address, as the test moved it."""
    from escrow.access.sealing import seal
    from escrow.deliveries.actions import sealing_context

    sealed = seal(SECRETS[number], house.settings, context=sealing_context("filing", url))
    with house.connect("superuser", autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE subscriber SET secret_sealed = %s", [sealed])


def test_an_answer_lost_after_success_means_once_more_under_the_same_number(house):
    """对方收下了、答复却丢了：再送一次，事件编号相同，对方去重即可。"""
    answers = iter([b"", 204])
    with listening(lambda _: next(answers)) as listener:
        number = admitted(house, listener)
        happen(house, "A")
        bring(house, listener, number), wake(house), bring(house, listener, number)
    assert len({event_id for _, event_id in listener.told()}) == 1 and len(listener.heard) == 2
    assert standing(house) == [("A", "delivered", 2)]


def test_a_sender_that_died_is_followed_by_another(house):
    """推送途中进程被杀：租期过后由别处再送；迟到的结果不作数。"""
    with listening() as listener:
        number = admitted(house, listener)
        happen(house, "A")
        settings = listener.settings(house.settings)
        with house.database.begin() as session:
            lost = sending.take(session, settings, number)
        assert bring(house, listener, number) == 0
        wake(house)
        assert bring(house, listener, number) == 1
        with house.database.begin() as session:
            sending.settle(session, lost, sending.Sent(rules.TryOutcome.UNREACHABLE, None, 1))
    assert standing(house) == [("A", "delivered", 2)] and outcomes(house) == ["taken"]


def test_a_worker_killed_between_sending_and_writing_down_sends_once_more(house):
    """对方已收下、进程随即被 kill -9：租期过后再送一次，编号相同，最终记为送达。"""
    with listening(lambda _: time.sleep(0.8) or 204) as listener:
        number = admitted(house, listener)
        happen(house, "A", "A")
        settings = listener.settings(house.settings)
        worker = multiprocessing.get_context("spawn").Process(target=work, args=(settings, number))
        worker.start()
        while not listener.heard:
            time.sleep(0.01)
        worker.kill()
        worker.join()
        assert standing(house) == [("A", "sending", 1), ("A", "waiting", 0)]
        listener.answer = lambda _: 204
        assert bring(house, listener, number) == 0
        wake(house)
        assert bring(house, listener, number) == 2
    assert [event_id for _, event_id in listener.told()] == ["1", "1", "2"]
    assert [row[1] for row in standing(house)] == ["delivered", "delivered"]


def test_after_so_many_tries_an_officer_is_asked(house):
    """连续十二次未成：未送达，留痕；排在其后的等着；再次发送后依次送到。"""
    with listening(lambda _: 410) as listener:
        number = admitted(house, listener)
        happen(house, "A", "A")
        for _ in range(MOST_TRIES):
            wake(house), bring(house, listener, number)
        wake(house)
        assert bring(house, listener, number) == 0
        assert [row[1:] for row in standing(house)] == [("dead", MOST_TRIES), ("waiting", 0)]
        with house.connect("app") as connection:
            (delivery_id, actor), = connection.execute(
                "SELECT (detail ->> 'delivery')::bigint, actor_id FROM audit_event"
                " WHERE action = 'delivery.dead'"
            ).fetchall()
        assert actor == "system"
        listener.answer = lambda _: 200
        with house.database.begin() as session:
            send_again(session, delivery_id)
        assert bring(house, listener, number) == 2
    assert [row[1:] for row in standing(house)] == [("delivered", 1), ("delivered", 1)]


def test_what_is_given_up_lets_the_rest_go_on(house):
    """放弃一件，排在其后的得以继续；停用订阅，未了的全部放弃。"""
    with listening(lambda one: 400 if one.event["id"] == "1" else 500) as listener:
        number = admitted(house, listener)
        happen(house, "A", "A", "B")
        for _ in range(MOST_TRIES):
            wake(house), bring(house, listener, number)
        dead = [row for row in standing(house) if row[1] == "dead"]
        assert dead
        with house.database.begin() as session:
            drop(session, 1, "对方已从别处取得")
        listener.answer = lambda _: 200
        wake(house), bring(house, listener, number)
        assert standing(house)[1][1] == "delivered"
        happen(house, "C")
        with house.database.begin() as session:
            retire(session, number, officer_id=1)
        happen(house, "D")
        assert bring(house, listener, number) == 0
    assert standing(house)[-1][:2] == ("C", "dropped")


def test_an_address_is_judged_again_at_every_try(house, monkeypatch):
    """登记之后域名改指内网，或名单收窄：不送，记“地址不在允许之列”。"""
    with listening() as listener:
        number = admitted(house, listener)
        happen(house, "A")
        deliver(house.database, house.settings, number)
        wake(house)
        nowhere = listener.settings(house.settings)
        monkeypatch.setattr(
            sending.outward.socket, "getaddrinfo", lambda *_, **__: [(2, 1, 6, "", ("10.0.0.1", 1))]
        )
        deliver(house.database, nowhere, number)
    assert outcomes(house) == ["not-allowed", "not-allowed"] and listener.heard == []


def test_nothing_personal_is_logged(house):
    """日志只有编号、结果和用时：没有报文、地址、密钥。"""
    with listening() as listener, capture_logs() as logs:
        number = admitted(house, listener)
        with house.database.begin() as session:
            emit(session, "deposit.confirmed", "A", {"payer_name": "王秀英"}, audience=["filing"])
        routed(house), bring(house, listener, number)
    (line,) = (one for one in logs if one["event"] == "delivery_tried")
    assert line.keys() == {
        "event", "log_level", "delivery", "subscriber", "event_id", "no", "outcome", "status", "ms"
    }  # fmt: skip
    for hidden in ("王秀英", SECRETS[number], "127.0.0.1"):
        assert hidden not in str(logs)


def test_waits_double_up_to_an_hour_with_a_part_left_to_chance():
    """等待逐次加倍，至多一小时，其中一半随机；整个订阅方停歇至多两分钟。"""
    assert [wait_after(n, 1).total_seconds() for n in (1, 2, 3, 10, 11, 50)] == [5, 10, 20, 2560, 3600, 3600]
    assert wait_after(1, 0).total_seconds() == 2.5
    assert wait_after(1000, 1) == LONGEST_WAIT and wait_after(1000, 1, LONGEST_REST) == LONGEST_REST
    total = sum(wait_after(n, 1).total_seconds() for n in range(1, MOST_TRIES))
    assert 3600 < total < 3 * 3600


def test_signatures_match_published_examples():
    """签名算法与公开的例子一致（RFC 4231 例二）。"""
    from escrow.deliveries.rules import Algorithm
    from escrow.deliveries.signing import signature

    said = signature("Jefe", Algorithm.SHA256, "what do ya want ", b"for nothing?")
    assert said == "hmac-sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert signature("k", Algorithm.SM3, "m", b"") == f"hmac-sm3={sm3_by_hand(b'k', b'm')}"


def sm3_by_hand(key, message):
    """HMAC as RFC 2104 writes it."""
    block = key.ljust(64, b"\0")
    inner = hashlib.new("sm3", bytes(one ^ 0x36 for one in block) + message).digest()
    return hashlib.new("sm3", bytes(one ^ 0x5C for one in block) + inner).hexdigest()


def test_the_pull_door_passes_no_late_event_over_either(house, app):
    """查询接口同样：已读到编号大的之后，编号小的才提交，凭上次的 id 接着查仍能查到。"""
    token = bearer(house.database, "filing", "filing")

    def pull(after):
        answer = app.test_client().get(f"/api/v1/events?after={after}", headers=token).json["items"]
        return [(one["id"], one["subject"]) for one in answer]

    insert = "INSERT INTO outbox_event (type, subject, data, audience) VALUES ('x', %s, '{}', '{filing}')"
    with house.connect("app") as first, house.connect("app") as second:
        second.execute("SELECT pg_current_xact_id()")
        first.execute(insert, ["LATE"])
        second.execute(insert, ["EARLY"])
        second.commit()
        # A transaction still under way keeps nobody else's events back.
        (seen, subject), = pull(0)
        assert subject == "EARLY"
        first.commit()
    assert [subject for _, subject in pull(seen)] == ["LATE"]
    everything = pull(0)
    assert pull(everything[0][0]) == everything[1:] and pull(everything[-1][0]) == []
