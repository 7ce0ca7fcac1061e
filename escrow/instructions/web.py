"""What this room shows the outside: the bank's doors and the officers' pages."""

from escrow.instructions.api import api
from escrow.instructions.pages import pages

__all__ = ["api", "pages"]
