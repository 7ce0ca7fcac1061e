"""What this room shows the outside: the platform's doors and the officers' pages."""

from escrow.projects.api import api
from escrow.projects.pages import pages

__all__ = ["api", "pages"]
