"""What this room shows the outside: the platform's doors and the officers' pages."""

from escrow.projects.api import api

__all__ = ["api"]
