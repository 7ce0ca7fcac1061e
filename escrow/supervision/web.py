"""What this room shows the outside: the doors of platform and banks, and the officers' pages."""

from escrow.supervision.api import api

__all__ = ["api"]
