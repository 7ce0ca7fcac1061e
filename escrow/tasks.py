"""What the house does by itself: tasks that carry ids only, and when they ring (定时与后台任务)."""

from typing import Any

from celery import Celery, shared_task
from flask import Flask

from config.settings import Settings
from ledger.seals import seal

# Every task and how often it rings, in seconds (节拍表).
BEAT = {
    "seal-books": {"task": "escrow.tasks.seal_books", "schedule": 30.0},
}


def create_celery(settings: Settings) -> Celery:
    """The Celery application; the work itself is rows in a state, Celery is only the bell."""
    celery = Celery("escrow", broker=settings.broker_url)
    celery.conf.update(
        task_ignore_result=True, task_acks_late=True, worker_prefetch_multiplier=1, timezone="Asia/Shanghai",
        beat_schedule=BEAT, broker_connection_retry_on_startup=True, task_serializer="json",
    )  # fmt: skip
    celery.set_default()
    return celery
