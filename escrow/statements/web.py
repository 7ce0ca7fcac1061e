"""The room's doors and pages (对账单的接口与页面)."""

from escrow.statements.api import api
from escrow.statements.pages import pages

__all__ = ["api", "pages"]
