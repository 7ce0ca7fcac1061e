"""What this room shows the outside: the doors of filing system and banks, and the officers' pages."""

from escrow.contracts.api import api

__all__ = ["api"]
