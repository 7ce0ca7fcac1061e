"""The watch over receipts, by the beat table of `escrow.tasks` (风险提示的定时任务)."""

from celery import shared_task

from escrow.doors import database, settings
from escrow.oversight.findings import look
from escrow.oversight.watching import watch


@shared_task
def watch_receipts() -> None:
    """Who paid the newest receipts, and what that means for their contracts (查看新入账)."""
    if seen := watch(database(), settings()):
        look(database(), settings(), fresh=seen)


@shared_task
def look_for_risks() -> None:
    """Every night, the whole county: also what no receipt of the day has touched (每夜查找风险)."""
    watch(database(), settings(), everything=True)
    look(database(), settings())
