"""What this room shows the outside: the doors of platform and banks, and the officers' pages."""

from escrow.supervision.api import api
from escrow.supervision.pages import pages

__all__ = ["api", "pages"]
