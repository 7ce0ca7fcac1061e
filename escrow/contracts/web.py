"""What this room shows the outside: the doors of filing system and banks, and the officers' pages."""

from escrow.contracts.api import api
from escrow.contracts.pages import pages

__all__ = ["api", "pages"]
