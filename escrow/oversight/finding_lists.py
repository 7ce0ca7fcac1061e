"""Findings for reading: open ones first, by key, and one with what it is about (风险提示查询)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from escrow.access.models import Officer
from escrow.oversight.finding_models import Finding
from escrow.oversight.finding_terms import FindingKind, FindingStatus

_WITHDRAWALS = text("""
SELECT w.withdrawal_no, o.full_name AS enterer, w.entered_at FROM withdrawal w
  JOIN officer o ON o.id = w.entered_by WHERE w.id = ANY (:ids) ORDER BY w.id
""")
_PAYEES = text("""
SELECT p.name, s.account_no, o.full_name AS enterer, p.entered_at FROM listed_payee p
  JOIN supervised_account s ON s.id = p.account_id JOIN officer o ON o.id = p.entered_by
 WHERE p.id = ANY (:ids) ORDER BY p.id
""")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page ended: among the open ones or the decided, and at which (翻页位置)."""

    is_decided: bool
    finding_id: int


def findings(
    session: Session, *, kind: FindingKind | None = None, after: Place | None = None, limit: int = 50
) -> Sequence[Row[Any]]:
    """Open ones first, newest first among each, from a place on (提示清单).

    Two lists by their own keys, the second only where the first has room: no page sorts the whole table.
    """
    found: list[Row[Any]] = []
    if after is None or not after.is_decided:
        before = after.finding_id if after else None
        found = _page(session, kind, is_decided=False, before=before, limit=limit)
    if len(found) < limit:
        before = after.finding_id if after and after.is_decided else None
        found += _page(session, kind, is_decided=True, before=before, limit=limit - len(found))
    return found


def finding(session: Session, finding_id: int) -> Any:
    """One finding with who decided, None where there is none (提示)."""
    return session.execute(_findings().where(Finding.id == finding_id)).one_or_none()


def withdrawals(session: Session, found: Finding) -> Sequence[Row[Any]]:
    """The applications it is about, and who entered them (所涉用款)."""
    return session.execute(_WITHDRAWALS, {"ids": found.withdrawal_ids}).all()


def payees(session: Session, found: Finding) -> Sequence[Row[Any]]:
    """The payees it is about, and who entered them (所涉收款人)."""
    return session.execute(_PAYEES, {"ids": found.payee_ids}).all()


def _page(
    session: Session, kind: FindingKind | None, *, is_decided: bool, before: int | None, limit: int
) -> list[Row[Any]]:
    is_open = Finding.status == FindingStatus.OPEN
    query = _findings().where(~is_open if is_decided else is_open)
    if kind is not None:
        query = query.where(Finding.kind == kind)
    if before is not None:
        query = query.where(Finding.id < before)
    return list(session.execute(query.order_by(Finding.id.desc()).limit(limit)))


def _findings() -> Any:
    return select(Finding, Officer.full_name.label("decider")).outerjoin(
        Officer, Officer.id == Finding.decided_by
    )
