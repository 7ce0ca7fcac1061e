"""Orders to the bank for reading: found by number, account, payee or state, from a key on (付款指令查询)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from config.settings import Settings
from escrow.access.sealing import mask_account, mask_name, unseal
from escrow.instructions.rules import InstructionStatus

# A person's name is sealed: its first character narrows, the rest is read (姓名以首字缩小范围).
_LIST = text("""
SELECT i.id, i.instruction_no, i.kind, i.amount, i.payee_name_masked, i.payee_account_masked, i.purpose,
       i.payee_name_sealed, i.payee_account_sealed, i.status, i.issued_at, i.expires_on, a.account_no,
       p.project_no, p.name AS project_name, o.full_name AS issuer
  FROM instruction i JOIN supervised_account a ON a.id = i.account_id
  JOIN project p ON p.id = a.project_id JOIN officer o ON o.id = i.issued_by
 WHERE i.id < :before AND (CAST(:statuses AS text[]) IS NULL OR i.status = ANY (:statuses))
   AND (:find = '' OR :find IN (i.instruction_no, a.account_no, p.project_no, i.payee_name_masked,
                                i.payee_account_masked)
        OR i.payee_name_masked = :name OR i.payee_account_masked = :account
        OR strpos(i.payee_name_masked, :find) > 0)
 ORDER BY i.id DESC LIMIT :limit
""")
_STOPPED = text("""
SELECT a.account_no, p.name AS project_name, s.cause, s.suspended_at, s.reason, s.asked_by,
       o.full_name AS asker
  FROM account_suspension s JOIN supervised_account a ON a.id = s.account_id
  JOIN project p ON p.id = a.project_id LEFT JOIN officer o ON o.id = s.asked_by
 WHERE s.reopened_by IS NULL AND (:find = '' OR a.account_no = :find) ORDER BY s.id DESC LIMIT 50
""")
OPEN = (InstructionStatus.ISSUED, InstructionStatus.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which orders are asked for (查询条件)."""

    find: str = ""
    status: str = ""
    before: int | None = None


def instructions(
    session: Session, wanted: Wanted, told: Settings, *, limit: int
) -> tuple[list[Row[Any]], int | None]:
    """Newest first, and the key of the next page; a person is found by the whole name alone (指令清单)."""
    statuses = {"": None, "open": [one.value for one in OPEN]}.get(wanted.status, [wanted.status])
    asked = {
        "before": wanted.before or 2**31 - 1, "statuses": statuses, "find": wanted.find, "limit": limit + 1,
        "name": mask_name(wanted.find), "account": mask_account(wanted.find),
    }  # fmt: skip
    rows = list(session.execute(_LIST, asked))
    following = rows[limit - 1].id if len(rows) > limit else None
    meant = [row for row in rows[:limit] if _is_meant(wanted.find, row, lambda one: unseal(one, told))]
    return meant, following


def stopped_accounts(session: Session, find: str) -> list[Row[Any]]:
    """The accounts that stopped paying, and why (已暂停的账户)."""
    return list(session.execute(_STOPPED, {"find": find}))


def _is_meant(find: str, row: Row[Any], opened: Callable[[bytes], str]) -> bool:
    if not find or find in (row.instruction_no, row.account_no, row.project_no):
        return True
    shown = (row.payee_name_masked, row.payee_account_masked)
    if find in shown or find in shown[0].rstrip("*"):
        return True
    return find in (opened(row.payee_name_sealed), opened(row.payee_account_sealed))
