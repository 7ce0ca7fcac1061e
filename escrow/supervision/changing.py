"""Whether an account is moving or has moved to another (账户变更中与已变更)."""

from sqlalchemy import text
from sqlalchemy.orm import Session

from config.regulations import Law
from escrow.errors import Refusal
from escrow.supervision.change_rules import ChangeStatus, moving_refusal
from escrow.supervision.rules import AccountStatus

_MOVING = text("""
SELECT c.status, CASE WHEN c.new_account_id = :id THEN o.account_no ELSE c.account_no END AS other
  FROM account_change c JOIN supervised_account o ON o.id = c.account_id
 WHERE c.account_id = :id AND c.status IN ('ordered', 'done')
    OR c.new_account_id = :id AND c.status = 'returned'
 ORDER BY c.id DESC LIMIT 1
""")


def moving_refusals(
    session: Session, account_id: int, account_no: str, status: AccountStatus, law: Law
) -> list[Refusal]:
    """Why this account neither takes nor pays money while it moves, or since it moved (划转在途、已变更)."""
    if status not in (AccountStatus.SUSPENDED, AccountStatus.CLOSED):
        return []
    row = session.execute(_MOVING, {"id": account_id}).one_or_none()
    if row is None or (status is AccountStatus.SUSPENDED) != (row.status == ChangeStatus.ORDERED):
        return []
    return [moving_refusal(account_no, ChangeStatus(row.status), row.other, law)]
