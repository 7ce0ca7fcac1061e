"""What this room shows the outside: the officers' pages; its orders are booked here (维修资金使用入口)."""

from flask import Flask

from escrow.fund_orders.handlers import HANDLERS
from escrow.fund_orders.rules import FundOrderKind
from escrow.fund_use import payment_pages
from escrow.fund_use.closing import USES
from escrow.fund_use.pages import pages

__all__ = ["pages", "prepare"]


def prepare(app: Flask) -> None:
    """Payments have pages of their own, and what the bank answers to their orders is booked (付款与记账)."""
    app.register_blueprint(payment_pages.pages)
    HANDLERS[FundOrderKind.USE_ADVANCE] = HANDLERS[FundOrderKind.USE_FINAL] = USES
