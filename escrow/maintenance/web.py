"""The room's doors and pages, as the application takes them (维修资金入口)."""

from escrow.maintenance.pages import pages

__all__ = ["pages"]
