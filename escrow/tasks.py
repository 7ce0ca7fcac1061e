"""What the house does by itself: tasks that carry ids only, and when they ring (定时任务).

Work is rows in a state; Celery is only the bell. Every task may run twice, and at the same time as itself.
"""

from contextlib import suppress
from typing import Any

from celery import Celery, Task, shared_task
from celery.schedules import crontab
from flask import Flask
from kombu.exceptions import OperationalError

from config.settings import Settings
from escrow.access.tries import forget_old
from escrow.deliveries.routing import due, route
from escrow.deliveries.sending import deliver
from escrow.doors import database, settings
from escrow.errors import EscrowError
from escrow.instructions.results import ask_about, overdue
from escrow.rehearsal.banking import send_statements
from escrow.statements import closing
from escrow.statements.matching import accounts_differing, accounts_waiting, match
from escrow.statements.reading import read, waiting
from ledger.seals import HEAD_FILE, head, keep, seal

# Every task and how often it rings, in seconds; the nightly one by the bureau's clock (节拍表).
BEAT: dict[str, dict[str, Any]] = {
    "seal-books": {"task": "escrow.tasks.seal_books", "schedule": 20.0},
    "ask-about-orders": {"task": "escrow.tasks.ask_about_orders", "schedule": 60.0},
    "read-statements": {"task": "escrow.tasks.read_statements", "schedule": 20.0},
    "match-statements": {"task": "escrow.tasks.match_statements", "schedule": 20.0},
    "close-days": {"task": "escrow.tasks.close_days", "schedule": 600.0},
    "play-demo-banks": {"task": "escrow.tasks.play_demo_banks", "schedule": 600.0},
    "match-differences": {"task": "escrow.tasks.match_differences", "schedule": 1800.0},
    "watch-receipts": {"task": "escrow.oversight.tasks.watch_receipts", "schedule": 60.0},
    "look-for-risks": {
        "task": "escrow.oversight.tasks.look_for_risks", "schedule": crontab(hour="2", minute="30"),
    },
    "bring-events": {"task": "escrow.tasks.bring_events", "schedule": 5.0},
    "forget-tries": {"task": "escrow.tasks.forget_tries", "schedule": 3600.0},
}  # fmt: skip


def create_celery(app: Flask, settings: Settings) -> Any:
    """The Celery application; each task runs inside the Flask application's context (后台任务)."""

    class InHouse(Task[Any, Any]):
        def __call__(self, *args: object, **kwargs: object) -> object:
            with app.app_context():
                return self.run(*args, **kwargs)

    celery = Celery("escrow", broker=settings.broker_url, task_cls=InHouse)
    celery.conf.update(
        task_ignore_result=True,
        task_acks_late=True,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        timezone="Asia/Shanghai",
        beat_schedule=BEAT,
        broker_connection_retry_on_startup=True,
        task_serializer="json",
    )
    celery.set_default()
    return celery


@shared_task
def seal_books() -> None:
    """Seal what was booked since the last seal, and leave the newest block outside the database (封存新凭证)."""
    with database().begin() as session:
        seal(session)
    with database().read() as session:
        keep(settings().data_dir / HEAD_FILE, head(session))


@shared_task
def forget_tries() -> None:
    """Drop the wrong sign-ins nobody has to wait for any more (清理过期的失败登录)."""
    with database().begin() as session:
        forget_old(session)


@shared_task
def ask_about_orders() -> None:
    """Orders the bank has not answered in time become UNKNOWN, each in its own transaction (逾时未答转为不明)."""
    with database().read() as session:
        numbers = overdue(session)
    for number in numbers:
        with database().begin() as session:
            ask_about(session, number)


@shared_task
def read_statements() -> None:
    """Files the banks or an officer left are read, each whole or not at all (读取已留存的对账单)."""
    with database().read() as session:
        files = waiting(session)
    for file_id in files:
        with suppress(EscrowError):  # Refused, and why stands beside the file; or read by somebody else.
            read(database(), settings(), file_id)


@shared_task
def match_statements() -> None:
    """Accounts with statements nobody has worked through, or left half way (勾对新到的对账单)."""
    with database().read() as session:
        accounts = accounts_waiting(session)
    for account_id in accounts:
        match(database(), settings(), account_id)


@shared_task
def match_differences() -> None:
    """Accounts where bank and book differ are matched again: what was late may have come (再次勾对有差异的账户)."""
    with database().read() as session:
        accounts = accounts_differing(session)
    for account_id in accounts:
        match(database(), settings(), account_id)


@shared_task
def bring_events() -> None:
    """New events are routed, and every subscriber with something due has its turn (推送对外事件).

    One message for each, so that one that is slow keeps only its own worker; a lost one is rung again.
    """
    with database().begin() as session:
        route(session)
    with database().read() as session:
        waiting = due(session)
    with suppress(OperationalError):  # The broker is away: the next beat finds the same rows.
        for subscriber_id in waiting:
            bring_to.apply_async((subscriber_id,), expires=30, retry=False)


@shared_task
def bring_to(subscriber_id: int) -> None:
    """What is due to one subscriber, in order (推送给一个订阅方)."""
    deliver(database(), settings(), subscriber_id)


@shared_task
def close_days() -> None:
    """Days that are over, their statements matched, close one after the other (逐日日结)."""
    with database().read() as session:
        found = closing.ready(session)
    for account_id, day in found:
        with suppress(EscrowError):  # Why a day stays open stands on its statement's page.
            closing.close(database(), account_id, day)


@shared_task
def play_demo_banks() -> None:
    """The demo's banks send what they owe; nothing where no demo was loaded (演示银行报送对账单)."""
    send_statements(database(), settings())
