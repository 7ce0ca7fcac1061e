"""The night shift: what the house does by itself, and when it rings (夜班：全部定时任务与节拍).

Work is rows in a state; Celery is only the bell. Every task finds its rows by itself or carries one id, may
run twice and at the same time as itself, and leaves what it did on the page 夜班. A lost message is rung again
by the next beat, at most a minute later.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from celery import Celery, Task, shared_task
from celery.schedules import crontab
from celery.signals import worker_init, worker_process_init
from flask import Flask

from config.database import Database
from config.settings import Settings
from escrow.access.tries import forget_old
from escrow.deliveries.routing import due, route
from escrow.deliveries.sending import deliver
from escrow.doors import database, only_a_bell, settings
from escrow.errors import Busy
from escrow.fund_income import sharing
from escrow.fund_opening import loading
from escrow.instructions.outlets import OUTLETS
from escrow.instructions.results import ask_about, overdue
from escrow.night import actions as night
from escrow.night.rules import DEADLINES, AlarmKind
from escrow.night.shift import each, noted
from escrow.opening import carrying as openings
from escrow.oversight.findings import look
from escrow.oversight.watching import watch
from escrow.rehearsal.banking import send_statements
from escrow.statements import closing
from escrow.statements.matching import match
from escrow.statements.reading import read, waiting
from escrow.statements.waiting import accounts_differing, accounts_waiting
from escrow.supervision.guarantees import expired, lapse
from ledger.seals import HEAD_FILE, follow, seal


@dataclass(frozen=True, slots=True)
class Ring:
    """One task in the beat table: what an officer reads it as, and how often it rings (节拍)."""

    label: str
    task: str
    every: timedelta
    nightly: crontab | None = None

    @property
    def entry(self) -> dict[str, Any]:
        """As Celery's beat reads it; a bell nobody heard before the next one rings is silent."""
        heard_within = min(self.every, timedelta(minutes=10))
        return {
            "task": f"escrow.tasks.{self.task}", "schedule": self.nightly or self.every.total_seconds(),
            "options": {"expires": heard_within.total_seconds()},
        }  # fmt: skip


def _every(label: str, task: str, seconds: int) -> Ring:
    return Ring(label, task, timedelta(seconds=seconds))


# Every task and how often it rings; the nightly one by the bureau's clock (节拍表).
SHIFT = {
    "bring-events": _every("推送对外事件", "bring_events", 5),
    "read-statements": _every("读取对账单", "read_statements", 5),
    "book-openings": _every("批准了的期初导入入账", "book_openings", 5),
    "match-statements": _every("勾对新到的对账单", "match_statements", 5),
    "seal-books": _every("封存新凭证", "seal_books", 10),
    "ask-about-orders": _every("逾时未答的指令转为不明", "ask_about_orders", 15),
    "watch-receipts": _every("查看新入账的付款人", "watch_receipts", 30),
    "lapse-guarantees": _every("到期保函失效、恢复额度", "lapse_guarantees", 300),
    "watch-statements": _every("查对账单未到", "watch_statements", 300),
    "watch-deadlines": _every("查审核、措施与日历的期限", "watch_deadlines", 300),
    "watch-ages": _every("查待认领、差异与推送的积压", "watch_ages", 300),
    "close-days": _every("逐日日结，根签名送出", "close_days", 60),
    "play-demo-banks": _every("演示银行报送对账单", "play_demo_banks", 600),
    "load-openings": _every("核对与导入维修资金期初", "load_openings", 5),
    "share-income": _every("测算与分配维修资金收益", "share_income", 20),
    "match-differences": _every("再次勾对有差异的账户", "match_differences", 60),
    "purge": _every("清理过期会话、令牌与旧记录", "purge", 3600),
    "look-for-risks": Ring("每夜查找风险", "look_for_risks", timedelta(days=1), crontab(hour="2", minute="30")),
}
BEAT = {name: ring.entry for name, ring in SHIFT.items()}


def create_celery(app: Flask, settings: Settings) -> Any:
    """The Celery application; a task runs in the Flask application's context, its run is noted (后台任务)."""

    class InHouse(Task[Any, Any]):
        def __call__(self, *args: object, **kwargs: object) -> object:
            with app.app_context():
                carried = ",".join(map(str, args))
                return noted(database(), self.name, carried, partial(self.run, *args, **kwargs))

    celery = Celery("escrow", broker=settings.broker_url, task_cls=InHouse)
    celery.conf.update(
        task_ignore_result=True,
        task_acks_late=True,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        timezone="Asia/Shanghai",
        beat_schedule=BEAT,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,  # A worker ends with its hundredth try otherwise.
        # The thread that ends a task restores it on the loop's own connection, and may wait there for ever.
        worker_enable_prefetch_count_reduction=False,
        task_serializer="json",
    )
    celery.set_default()

    def as_worker(**_: object) -> None:
        app.extensions["database"] = Database(settings, jobs=True)

    for begins in (worker_init, worker_process_init):
        begins.connect(as_worker, weak=False)
    return celery


# --- money: books, orders, statements, days ---


@shared_task
def seal_books() -> int:
    """Seal what was booked since the last seal, and leave the newest block outside the database (封存新凭证)."""
    with database().begin() as session:
        blocks = seal(session)
    with database().read() as session:
        follow(session, settings().data_dir / HEAD_FILE)
    return blocks


@shared_task
def ask_about_orders() -> int:
    """Orders the bank has not answered in time become UNKNOWN, each in its own transaction (逾时未答转为不明)."""
    sources = [(overdue, ask_about), *((one.overdue, one.ask_about) for one in OUTLETS.values())]
    with database().read() as session:
        found = [(ask, number) for late, ask in sources for number in late(session)]
    return each(found, lambda one: database().transact(lambda session: one[0](session, one[1])))


@shared_task
def lapse_guarantees() -> int:
    """Guarantees past their last day stand for nothing, and the quota is whole again (保函到期失效)."""
    with database().read() as session:
        found = expired(session)
    return each(found, lambda one: database().transact(lambda session: lapse(session, *one)))


@shared_task
def read_statements() -> int:
    """Files that were left are read, whole or not at all; why not stands beside the file (读取已留存的对账单)."""
    with database().read() as session:
        files = waiting(session)
    return each(files, lambda file_id: read(database(), settings(), file_id))


@shared_task
def book_openings() -> int:
    """Openings another officer has approved are booked, each whole or not at all (期初导入后台入账)."""
    with database().read() as session:
        found = openings.waiting(session)
    return each(found, lambda opening_no: openings.carry_out(database(), settings(), opening_no))


@shared_task
def match_statements() -> int:
    """Accounts with statements nobody has worked through; those that were stopped are told of (勾对、停付报警)."""
    with database().read() as session:
        accounts = accounts_waiting(session)
    try:
        return each(accounts, lambda account_id: match(database(), settings(), account_id))
    finally:
        _alarm((AlarmKind.ACCOUNT_STOPPED,))


@shared_task
def match_differences() -> int:
    """Accounts where bank and book differ are matched again: what was late may have come (再次勾对有差异的账户)."""
    with database().read() as session:
        accounts = accounts_differing(session)
    return each(accounts, lambda account_id: match(database(), settings(), account_id))


@shared_task
def share_income() -> int:
    """Sharings of the fund's income that are proposed or approved go on where they stood (测算与分配收益)."""
    with database().read() as session:
        found = sharing.waiting(session)
    return each(found, partial(sharing.carry_out, database()))


@shared_task
def load_openings() -> int:
    """Houses of running communities are read and, once approved, booked, each file whole or not (期初导入)."""
    with database().read() as session:
        found = loading.waiting(session)
    return each(found, partial(loading.carry_out, database(), settings()))


@shared_task
def close_days() -> int:
    """Days that are over, their statements matched, close one after the other (逐日日结).

    Why a day stays open stands on its statement's page.
    """
    with database().read() as session:
        found = closing.ready(session)
    return each(found, lambda day: closing.close(database(), *day))


@shared_task
def play_demo_banks() -> int:
    """The demo's banks send what they owe; nothing where no demo was loaded, or another is at it (演示银行)."""
    with suppress(Busy):
        return send_statements(database(), settings())
    return 0


# --- outbox ---


@shared_task
def bring_events() -> int:
    """New events are routed, and every subscriber with something due has its turn (推送对外事件).

    One message for each, so that one that is slow keeps only its own worker; a lost one is rung again. With
    the broker away the next beat finds the same rows.
    """
    with database().begin() as session:
        route(session)
    with database().read() as session:
        found = due(session)
    with only_a_bell():
        for subscriber_id in found:
            bring_to.apply_async((subscriber_id,), expires=30, retry=False)
        return len(found)
    return 0


@shared_task
def bring_to(subscriber_id: int) -> int:
    """What is due to one subscriber, in order (推送给一个订阅方)."""
    return deliver(database(), settings(), subscriber_id)


# --- watching: who pays, what is due, what is old ---


@shared_task
def watch_receipts() -> int:
    """Who paid the newest receipts, and what that means for their contracts (查看新入账)."""
    seen = watch(database(), settings())
    if seen:
        look(database(), settings(), fresh=seen)
    return len(seen)


@shared_task
def look_for_risks() -> int:
    """Every night, the whole county: also what no receipt of the day has touched (每夜查找风险)."""
    watch(database(), settings(), everything=True)
    return look(database(), settings())


@shared_task
def watch_statements() -> int:
    """Accounts whose bank has not told of the last working day (对账单未到)."""
    return _alarm((AlarmKind.STATEMENT_STALE,))


@shared_task
def watch_deadlines() -> int:
    """Reviews, unanswered orders, court holds, guarantees, the calendar: what is late or ends soon (期限)."""
    return _alarm(DEADLINES)


@shared_task
def watch_ages() -> int:
    """Unmatched money, differences and undelivered events that have been lying too long (积压)."""
    return _alarm((AlarmKind.RECEIPT_LATE, AlarmKind.DIFFERENCE_LATE, AlarmKind.DELIVERY_DEAD))


def _alarm(kinds: Iterable[AlarmKind]) -> int:
    return database().transact(lambda session: night.look(session, kinds, settings().region))


# --- purge ---


@shared_task
def purge() -> int:
    """What is long over and no booked fact: sessions, tokens, tries, answers to checks, runs (清理)."""
    return database().transact(forget_old) + sum(night.purge(database(), table) for table in night.PURGED)
