"""What this room shows the outside: the doors of banks and filing system, and the officers' pages."""

from flask import Flask

from escrow.advances import apart_pages, receipt_pages
from escrow.advances.api import api
from escrow.advances.pages import pages

__all__ = ["api", "pages", "prepare"]


def prepare(app: Flask) -> None:
    """The pages of bank lines and of sums apart stand beside those of advances (入账与另列款页面)."""
    app.register_blueprint(receipt_pages.pages)
    app.register_blueprint(apart_pages.pages)
