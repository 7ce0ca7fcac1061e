"""What this room shows the outside: the door for one unit, and the officers' pages (维修资金入口)."""

from flask import Flask

from escrow.maintenance import batch_pages, house_pages
from escrow.maintenance.api import api
from escrow.maintenance.pages import pages

__all__ = ["api", "pages", "prepare"]


def prepare(app: Flask) -> None:
    """The pages of houses and of batches have blueprints of their own (登记页面)."""
    app.register_blueprint(house_pages.pages)
    app.register_blueprint(batch_pages.pages)
