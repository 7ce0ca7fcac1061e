"""What this room shows the outside: the banks' doors and the officers' pages."""

from flask import Flask

from escrow.statements.api import api
from escrow.statements.difference_pages import differences_blueprint
from escrow.statements.pages import pages

__all__ = ["api", "pages", "prepare"]


def prepare(app: Flask) -> None:
    """The pages of differences stand beside those of statements (差异页面)."""
    app.register_blueprint(differences_blueprint)
