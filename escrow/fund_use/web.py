"""What this room shows the outside: the officers' pages (维修资金使用入口)."""

from escrow.fund_use.pages import pages

__all__ = ["pages"]
