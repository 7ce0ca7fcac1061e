"""What PostgreSQL itself holds of deliveries, attacked in plain SQL (推送的数据库约束)."""

from itertools import product
from types import SimpleNamespace

import psycopg
import pytest

from escrow.deliveries.rules import STEPS, DeliveryStatus
from escrow.outbox import emit
from tests.listening import admitted, happen, listening

TRY = "INSERT INTO delivery_try (delivery_id, no, outcome, http_status, took_ms) VALUES (%s, %s, %s, %s, 1)"


def scene_of(house, app):
    """A subscriber with two events of one subject under way to it (两件推送在途)."""
    with listening() as listener:
        admitted(house, listener)
        happen(house, "A", "A")
    return SimpleNamespace(house=house)


@pytest.fixture
def pushed(scene):
    return scene.house


def attack(house, *statements, role="app"):
    """The statements in one transaction; the constraint that refused them, None when nothing did."""
    with house.connect(role) as connection:
        try:
            for statement in statements:
                connection.execute(*statement if isinstance(statement, tuple) else (statement,))
            connection.commit()
        except psycopg.Error as refused:
            return refused.diag.constraint_name or refused.sqlstate
    return None


def place(house, status):
    """Bring the first delivery to a status, past every guard."""
    with house.connect("superuser", autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("DELETE FROM delivery_try")
        connection.execute(
            "UPDATE delivery SET status = %s, token = 1, tries = 1, due_at = now() - interval '1 minute',"
            " ended_at = CASE WHEN %s::text IN ('delivered', 'dropped') THEN now() END WHERE id = 1",
            [status, status],
        )


@pytest.mark.parametrize(("before", "after"), list(product(DeliveryStatus, DeliveryStatus)))
def test_only_the_steps_of_the_table_are_taken(struck, before, after):
    """逐条走遍所有状态迁移：表里有的能走，没有的一律拒绝。"""
    place(struck.house, before)
    outcome = ("taken", 200) if after == "delivered" else ("refused", 500)
    ends = "now()" if after in ("delivered", "dropped") else "NULL"
    token = "token + 1" if after == "sending" else "token"
    change = f"UPDATE delivery SET status = '{after}', token = {token}, ended_at = {ends} WHERE id = 1"
    said = attack(struck.house, (TRY, [1, 1, *outcome]), change)
    assert said == (None if (before, after) in STEPS else "delivery_steps")


@pytest.mark.parametrize("role", ["app", "owner"])
@pytest.mark.parametrize("table", ["delivery", "delivery_try", "subscriber", "event_place", "event_routing"])
def test_nothing_is_deleted(stage, role, table):
    """推送、经过、订阅、位次：都删不掉、清不空。"""
    for statement in (f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE"):
        assert attack(stage.house, statement, role=role) is not None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE delivery SET subscriber_id = 2 WHERE id = 1",
        "UPDATE delivery SET event_id = 2 WHERE id = 1",
        "UPDATE delivery SET subject = 'B' WHERE id = 2",
        # The second of its subject before the first.
        "UPDATE delivery SET status = 'sending', token = 1 WHERE id = 2",
        # Without a number of its own, or with the next but one.
        "UPDATE delivery SET status = 'sending' WHERE id = 1",
        "UPDATE delivery SET status = 'sending', token = 2 WHERE id = 1",
        "UPDATE delivery SET token = 7 WHERE id = 1",
        # Without any try.
        "UPDATE delivery SET status = 'delivered', ended_at = now() WHERE id = 1",
    ],
)
def test_what_goes_where_and_in_which_order_stands(stage, statement):
    """改收件方、改事件、插队、跳号、没送就算送达：数据库拒绝。"""
    assert attack(stage.house, statement) == "delivery_steps"


def test_delivered_needs_a_try_that_was_taken(pushed):
    """推送中：没有对方收下的记录，不能记送达；有失败记录才能记未送达；租期未到别处不能再送。"""
    taking = "UPDATE delivery SET status = 'sending', token = 1, due_at = now() + interval '1 h' WHERE id = 1"
    ending = "UPDATE delivery SET status = 'delivered', ended_at = now() WHERE id = 1"
    assert attack(pushed, taking) is None
    assert attack(pushed, ending) == "delivery_steps"
    assert attack(pushed, (TRY, [1, 1, "refused", 500]), ending) == "delivery_steps"
    assert attack(pushed, (TRY, [1, 1, "taken", 500])) == "ck_delivery_try_taken"
    assert attack(pushed, "UPDATE delivery SET status = 'dead' WHERE id = 1") == "delivery_steps"
    again = "UPDATE delivery SET status = 'sending', token = 2 WHERE id = 1"
    assert attack(pushed, again) == "delivery_steps"
    assert attack(pushed, (TRY, [1, 1, "taken", 204]), ending) is None
    assert attack(pushed, "UPDATE delivery_try SET outcome = 'refused'") is not None


def test_an_event_goes_only_to_whom_it_is_meant_for(pushed):
    """手工插入推送：看不见这件事件的、没选这一种的、已停用的订阅，都不行；同一件不推两份。"""
    with listening() as listener:
        other = admitted(pushed, listener, "bank-abc", scopes={"bank"}, bank_code="ABC")
        picky = admitted(pushed, listener, "filing-2", types={"filing.at-risk"})
    insert = "INSERT INTO delivery (subscriber_id, event_id, subject) VALUES (%s, 1, 'A')"
    assert attack(pushed, (insert, [other])) == "delivery_is_meant"
    assert attack(pushed, (insert, [picky])) == "delivery_is_meant"
    assert attack(pushed, (insert, [1])) == "uq_delivery_subscriber_id_event_id"
    ready = "INSERT INTO delivery (subscriber_id, event_id, subject, status) VALUES (1, 1, 'A', 'delivered')"
    assert attack(pushed, ready) is not None
    wrong = "INSERT INTO delivery (subscriber_id, event_id, subject) VALUES (1, 1, 'B')"
    assert attack(pushed, wrong) == "delivery_is_meant"
    assert attack(pushed, "UPDATE subscriber SET retired_at = now(), retired_by = 1 WHERE id = 1") is None
    with pushed.database.begin() as session:
        emit(session, "deposit.confirmed", "C", {}, audience=["filing"])
    late = "INSERT INTO delivery (subscriber_id, event_id, subject) SELECT 1, max(id), 'C' FROM outbox_event"
    assert attack(pushed, late) == "delivery_is_meant"


@pytest.mark.parametrize(
    ("statement", "refused"),
    [
        ("UPDATE subscriber SET url = 'https://elsewhere.example/'", "subscriber_steps"),
        ("UPDATE subscriber SET api_client_id = 2", "subscriber_steps"),
        ("UPDATE subscriber SET types = '{x}'", "subscriber_steps"),
        ("UPDATE subscriber SET algorithm = 'hmac-sm3'", "subscriber_steps"),
        ("UPDATE subscriber SET secret_sealed = 'x'", "subscriber_steps"),
        ("UPDATE subscriber SET key_no = 2", "subscriber_steps"),
        ("UPDATE subscriber SET secret_sealed = 'x', key_no = 3", "subscriber_steps"),
        ("UPDATE subscriber SET retired_at = now()", "ck_subscriber_retired"),
        ("UPDATE event_routing SET routed_before = '0'", "event_routing_forward"),
        ("UPDATE event_routing SET routed_before = '999999999'", "event_routing_forward"),
        ("INSERT INTO event_routing VALUES (false, '0')", "ck_event_routing_one"),
        ("UPDATE event_place SET event_id = 2", "23001"),
    ],
)
def test_subscribers_and_places_stand(stage, statement, refused):
    """订阅的地址、种类、密钥序号，事件的位次，分发的进度：都不能偷偷改。"""
    said = attack(stage.house, statement)
    assert said is not None
    assert refused == said or refused == "23001"


def test_a_retired_subscriber_stays_retired(pushed):
    """停用的订阅不能恢复，也不能换发密钥。"""
    retired = "UPDATE subscriber SET retired_at = now(), retired_by = 1"
    assert attack(pushed, retired) is None
    back = "UPDATE subscriber SET retired_at = NULL, retired_by = NULL"
    assert attack(pushed, back) == "subscriber_steps"
    assert attack(pushed, "UPDATE subscriber SET secret_sealed = 'x', key_no = 2") == "subscriber_steps"


def test_no_event_is_passed_over(pushed):
    """分发进度越过没有位次的事件：数据库拒绝。"""
    with pushed.database.begin() as session:
        emit(session, "deposit.confirmed", "C", {}, audience=["filing"])
    over = "UPDATE event_routing SET routed_before = pg_snapshot_xmin(pg_current_snapshot())"
    for _ in range(200):
        if said := attack(pushed, over):
            break
    assert said == "event_routing_forward"


def test_readers_do_not_see_the_keys(pushed):
    """只读与核验角色看得见订阅，看不见签名密钥。"""
    for role in ("reader", "verifier"):
        assert attack(pushed, "SELECT secret_sealed FROM subscriber", role=role) == "42501"
        assert attack(pushed, "SELECT id, url, key_no FROM subscriber", role=role) is None
