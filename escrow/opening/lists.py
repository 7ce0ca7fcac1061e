"""Openings for reading, with who handled them, in one query each (期初导入查询)."""

from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session, aliased, defer

from escrow.access.models import Officer
from escrow.opening.models import AccountOpening, OpeningProgress
from escrow.projects.models import Project
from escrow.supervision.models import SupervisedAccount

_ENTERER, _DECIDER = aliased(Officer), aliased(Officer)


def openings(
    session: Session, *, account_id: int | None = None, before: int | None = None, limit: int = 50
) -> list[Row[Any]]:
    """Newest first, from a key backwards (导入清单)."""
    query = _openings().order_by(AccountOpening.id.desc()).limit(limit)
    query = query.options(defer(AccountOpening.sheet_sealed))
    if account_id is not None:
        query = query.where(AccountOpening.account_id == account_id)
    if before is not None:
        query = query.where(AccountOpening.id < before)
    return list(session.execute(query))


def opening(session: Session, opening_no: str) -> Any:
    """One opening, None when there is no such number (导入)."""
    query = _openings().where(AccountOpening.opening_no == opening_no)
    return session.execute(query.options(defer(AccountOpening.sheet_sealed))).one_or_none()


def _openings() -> Any:
    return (
        select(
            AccountOpening, SupervisedAccount.account_no, SupervisedAccount.account_name,
            Project.project_no, Project.name.label("project_name"),
            OpeningProgress.done, OpeningProgress.total, OpeningProgress.turns,
            _ENTERER.full_name.label("enterer"), _DECIDER.full_name.label("decider"),
        )
        .join(SupervisedAccount, SupervisedAccount.id == AccountOpening.account_id)
        .join(Project, Project.id == SupervisedAccount.project_id)
        .join(_ENTERER, _ENTERER.id == AccountOpening.entered_by)
        .outerjoin(OpeningProgress, OpeningProgress.opening_id == AccountOpening.id)
        .outerjoin(_DECIDER, _DECIDER.id == AccountOpening.decided_by)
    )  # fmt: skip
