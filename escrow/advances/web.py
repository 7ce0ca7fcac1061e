"""What this room shows the outside: the doors of banks and filing system, and the officers' pages."""

from escrow.advances.api import api

__all__ = ["api"]
