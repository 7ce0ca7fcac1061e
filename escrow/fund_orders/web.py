"""What this room shows the outside: the officers' pages; the banks' doors are those of all orders."""

from flask import Flask

from escrow.fund_orders import ended_pages
from escrow.fund_orders.handlers import HANDLERS
from escrow.fund_orders.outlet import FundOutlet
from escrow.fund_orders.pages import pages
from escrow.fund_orders.returning import RETURNS
from escrow.fund_orders.rules import FundOrderKind
from escrow.instructions.outlets import OUTLETS

__all__ = ["pages", "prepare"]


def prepare(app: Flask) -> None:
    """The fund's orders go out by the banks' doors, and returns are booked here (指令出口与记账)."""
    app.register_blueprint(ended_pages.pages)
    OUTLETS["fund"] = FundOutlet()
    HANDLERS[FundOrderKind.RETURN] = RETURNS
