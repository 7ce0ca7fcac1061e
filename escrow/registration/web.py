"""What this room shows the outside: the registration authority's doors and the officers' pages."""

from escrow.registration.api import api
from escrow.registration.pages import pages

__all__ = ["api", "pages"]
