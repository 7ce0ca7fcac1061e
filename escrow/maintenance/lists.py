"""What the pages of the fund show: its accounts with their sums, one statement a page (维修资金清单)."""

from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from ledger.tables import MoneyColumn

_ACCOUNTS = text("""
SELECT f.*, e.full_name AS enterer, d.full_name AS decider,
       v.balance, v.at_bank, v.undistributed, v.liabilities
  FROM fund_account f
  JOIN officer e ON e.id = f.entered_by LEFT JOIN officer d ON d.id = f.decided_by
  LEFT JOIN fund_balance v ON v.fund_account_id = f.id
 WHERE f.id < :before ORDER BY f.id DESC LIMIT :limit
""").columns(**dict.fromkeys(("balance", "at_bank", "undistributed", "liabilities"), MoneyColumn()))


def fund_accounts(session: Session, *, before: int | None, limit: int) -> list[Row[Any]]:
    """Every fund account, newest first, with what stands on it (专户清单)."""
    return list(session.execute(_ACCOUNTS, {"before": before or 2**31 - 1, "limit": limit}))
