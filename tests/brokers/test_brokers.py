"""消息队列：内置的、Redis、RabbitMQ 上，真的工作进程办完每一项任务；消息全丢，一分钟之内补上。"""

import os
import signal
import stat
import subprocess
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from celery import Celery

from config.serve import BEAT_WORDS, WORKER_WORDS
from escrow.tasks import SHIFT
from tests.conftest import House
from tests.dusk import TODAY, stored
from tests.estate import build, officers
from tests.listening import Listener, happen
from tests.nursery import Nursery
from tests.stating import Day, Told

CELERY = ["celery", "-A", "wsgi:celery"]
SWEPT_WITHIN = 60


def environment(house: House, broker: Any, listener: Listener, folder: Path) -> dict[str, str]:
    """What worker and beat are told, as `make run` would tell them."""
    told, key = house.settings, folder / "signing.pem"
    key.write_bytes(told.signing_key_pem)
    key.chmod(stat.S_IRUSR)
    secrets = {"ESCROW_SECRET_KEY": told.secret_key, "ESCROW_INDEX_KEY": told.index_key}
    return {
        **os.environ, "ESCROW_DATA": str(folder), "ESCROW_SIGNING_KEY": str(key),
        "ESCROW_APP_URL": told.database_url, "ESCROW_OWNER_URL": told.owner_url,
        "ESCROW_READER_URL": told.reader_url, "ESCROW_VERIFIER_URL": told.verifier_url,
        "ESCROW_PARTY_KEYS": "test:" + b64encode(told.party_keys["test"]).decode(),
        **{name: b64encode(secret).decode() for name, secret in secrets.items()},
        "ESCROW_SUBSCRIBER_URLS": listener.url, "ESCROW_SUBSCRIBER_NETWORKS": "127.0.0.0/8",
        "CELERY_BROKER_URL": broker.url,
    }  # fmt: skip


@contextmanager
def running(nest: Nursery, words: Sequence[str], told: dict[str, str], folder: Path) -> Iterator[None]:
    """A process of ours for the time of a test."""
    with (folder / f"{words[0]}.log").open("ab") as log:
        process = nest.start([*CELERY, *words], told, log)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


def send(told: dict[str, str], *tasks: str) -> None:
    """Ring from outside, as anybody with the broker's address could."""
    with Celery("outside", broker=told["CELERY_BROKER_URL"], set_as_current=False) as outside:
        for task in tasks:
            outside.send_task(f"escrow.tasks.{task}")


def asked(house: House, query: str) -> list[Any]:
    with house.connect("app") as connection:
        return connection.execute(query).fetchall()


def until(what: str, ready: Callable[[], Any], patience: float) -> float:
    """How many seconds it took."""
    begun = time.monotonic()
    while not ready():
        assert time.monotonic() - begun < patience, f"{patience} 秒内没有等到：{what}"
        time.sleep(0.1)
    return time.monotonic() - begun


@contextmanager
def hands_full(house: House) -> Iterator[None]:
    """Both hands of the worker hold a task that cannot go on (手上都有活)."""
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'task_bell'::regclass"
    with psycopg.connect(house.url("superuser")) as held:
        held.execute("LOCK task_bell IN EXCLUSIVE MODE")
        until("两只手都有活", lambda: held.execute(waiting).fetchone() == (2,), 60)
        yield


def done(house: House) -> set[str]:
    """Tasks whose last run ended well."""
    rows = asked(house, "SELECT task FROM task_bell WHERE outcome = 'done' AND ended_at >= rung_at")
    return {task for (task,) in rows}


@pytest.fixture
def told(house: House, broker: Any, listener: Listener, tmp_path: Path) -> dict[str, str]:
    """The environment of worker and beat."""
    return environment(house, broker, listener, tmp_path)


def test_every_task_is_done_by_a_real_worker(
    nest: Nursery, told: dict[str, str], house: House, broker: Any, listener: Listener, tmp_path: Path
) -> None:
    """每一项任务的消息经消息队列送到真的工作进程，各自办完，没有一项出错；推送真的到了对方。"""
    with running(nest, WORKER_WORDS, told, tmp_path):
        send(told, *(ring.task for ring in SHIFT.values()))
        wanted = {f"escrow.tasks.{ring.task}" for ring in SHIFT.values()} | {"escrow.tasks.bring_to"}
        until("每项任务办完", lambda: done(house) >= wanted, 90)
        until("事件送到", lambda: len(listener.heard) >= 2, 30)
    assert asked(house, "SELECT task, said FROM task_run WHERE outcome = 'failed'") == []
    assert asked(house, "SELECT DISTINCT status FROM instruction") == [("unknown",)]
    assert asked(house, "SELECT DISTINCT status FROM guarantee") == [("lapsed",)]
    assert asked(house, "SELECT count(*) FROM statement_file WHERE status = 'stored'") == [(0,)]
    assert [subject for subject, _ in listener.told()][:2] == ["SK1", "SK2"]


def test_what_a_lost_message_forgot_is_swept_within_a_minute(
    nest: Nursery, told: dict[str, str], house: House, broker: Any, listener: Listener, tmp_path: Path
) -> None:
    """手上有活时消息队列断电、积压全丢：恢复后一分钟之内，对账单读完勾对、事件送到、凭证封存、逾时指令转不明。"""
    send(told, *["read_statements"] * 20)
    beat = [*BEAT_WORDS, str(tmp_path / "beat")]
    with running(nest, beat, told, tmp_path), running(nest, WORKER_WORDS, told, tmp_path):
        until("定时器响过", lambda: len(done(house)) >= 2, 60)
        with hands_full(house):
            broker.lose()
        estate = build(house, officers(house, "late-a", "late-b"))
        stored(house, Day(estate.account_no, (Told("L1", 900),), day=TODAY), reading=False)
        happen(house, "SK9")
        time.sleep(2)
        broker.start()
        swept = (
            "SELECT EXISTS (SELECT FROM receipt r WHERE r.bank_serial = 'L1') AND NOT EXISTS ("
            "SELECT FROM ledger.journal_entry e WHERE (e.xid, e.id) > ("
            "SELECT s.through_xid, s.through_id FROM ledger.seal s ORDER BY s.no DESC LIMIT 1))"
            " AND NOT EXISTS (SELECT FROM instruction WHERE status = 'issued')"
            " AND NOT EXISTS (SELECT FROM delivery WHERE status <> 'delivered')"
        )
        took = until("全部补上", lambda: asked(house, swept) == [(True,)], SWEPT_WITHIN)
    assert took <= SWEPT_WITHIN
    assert "SK9" in [subject for subject, _ in listener.told()]
