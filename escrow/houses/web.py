"""What this room shows the outside: the officers' pages; losses are paid by the fund's orders (分户账事项入口)."""

from flask import Flask

from escrow.fund_orders.handlers import HANDLERS
from escrow.fund_orders.rules import FundOrderKind
from escrow.houses import renewals
from escrow.houses.losses import LOSSES
from escrow.houses.pages import pages

__all__ = ["pages", "prepare"]


def prepare(app: Flask) -> None:
    """Renewals have a blueprint of their own; what a lost house is due is booked here (登记)."""
    app.register_blueprint(renewals.pages)
    HANDLERS[FundOrderKind.LOSS] = LOSSES
