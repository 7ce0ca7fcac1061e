"""What this room shows the outside: the doors of platform and banks, and the officers' pages."""

from flask import Flask

from escrow.supervision.api import api
from escrow.supervision.measure_pages import measures
from escrow.supervision.pages import pages

__all__ = ["api", "pages", "prepare"]


def prepare(app: Flask) -> None:
    """The pages of court holds, guarantees and takeovers stand beside those of agreements."""
    app.register_blueprint(measures)
