"""The daily list page, and the parts of this room put in their places (未到账清单)."""

from flask import Blueprint, Flask, render_template, request, url_for

from config.clock import bureau_day
from escrow.access.guards import officer
from escrow.doors import database
from escrow.oversight.api import api
from escrow.oversight.documents import describe, documents
from escrow.oversight.finding_pages import findings_blueprint
from escrow.oversight.health import health, measure
from escrow.oversight.lists import unpaid
from escrow.oversight.waiting_pages import waiting_blueprint

__all__ = ["api", "pages", "prepare"]
pages = Blueprint("oversight", __name__)
PAGE = 50


@pages.get("/unpaid")
@officer("read")
def index() -> str:
    """Units drafted or filed whose money is not in, or whose loan is overdue (未到账清单)."""
    said = request.args.get("before", "")
    before = int(said) if said.isascii() and said.isdigit() and len(said) < 10 else None
    today = bureau_day()
    with database().read() as session:
        lines, following = unpaid(session, today, before=before, limit=PAGE)
    return render_template(
        "oversight/unpaid.html", lines=lines, today=today, first=before is None,
        following=url_for("oversight.index", before=following) if following else None,
    )  # fmt: skip


def prepare(app: Flask) -> None:
    """Health, metrics and the description of the doors (装配)."""
    app.register_blueprint(health)
    app.register_blueprint(documents)
    app.register_blueprint(findings_blueprint)
    app.register_blueprint(waiting_blueprint)
    measure(app)
    describe(app)
