"""What this room shows the outside: the doors of platform and banks, and the officers' pages."""

from flask import Flask

from escrow.supervision.api import api
from escrow.supervision.building_pages import building_pages
from escrow.supervision.measure_pages import measures
from escrow.supervision.node_pages import node_pages
from escrow.supervision.pages import pages

__all__ = ["api", "pages", "prepare"]


def prepare(app: Flask) -> None:
    """The pages of holds, guarantees, takeovers, of nodes and buildings stand beside those of agreements."""
    for room in (measures, node_pages, building_pages):
        app.register_blueprint(room)
