"""What this room shows the outside: the door for one unit, and the officers' pages (维修资金入口)."""

from escrow.maintenance.api import api
from escrow.maintenance.pages import pages

__all__ = ["api", "pages"]
