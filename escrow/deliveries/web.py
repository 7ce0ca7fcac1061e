"""The room's pages (对外推送的页面)."""

from escrow.deliveries.pages import pages

__all__ = ["pages"]
