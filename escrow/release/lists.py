"""Applications and filed papers for reading, with who handled them, in one query each (解除监管查询)."""

from typing import Any

from sqlalchemy import Row, or_, select
from sqlalchemy.orm import Session, aliased

from escrow.access.models import Officer
from escrow.projects.models import Developer, Project
from escrow.release.models import ReleaseApplication, ReleaseEvidence
from escrow.supervision.models import SupervisedAccount

_ENTERER, _DECIDER = aliased(Officer), aliased(Officer)


def applications(
    session: Session, *, account_id: int | None = None, before: int | None = None, limit: int = 50
) -> list[Row[Any]]:
    """Newest first, from a key backwards (申请清单)."""
    query = _applications().order_by(ReleaseApplication.id.desc()).limit(limit)
    if account_id is not None:
        query = query.where(ReleaseApplication.account_id == account_id)
    if before is not None:
        query = query.where(ReleaseApplication.id < before)
    return list(session.execute(query))


def application(session: Session, release_no: str) -> Row[Any] | None:
    """One application (申请)."""
    return session.execute(_applications().where(ReleaseApplication.release_no == release_no)).one_or_none()


def papers(session: Session, account_id: int) -> list[Row[Any]]:
    """Every paper filed for an account, newest first (佐证材料)."""
    query = (
        select(ReleaseEvidence, _ENTERER.full_name.label("enterer"), _DECIDER.full_name.label("decider"))
        .join(_ENTERER, _ENTERER.id == ReleaseEvidence.entered_by)
        .outerjoin(_DECIDER, _DECIDER.id == ReleaseEvidence.decided_by)
        .where(ReleaseEvidence.account_id == account_id)
        .order_by(ReleaseEvidence.id.desc())
    )
    return list(session.execute(query))


def account_shown(session: Session, account_no: str) -> Any:
    """An account with its project and developer (账户、项目与企业)."""
    query = (
        select(
            SupervisedAccount.account_no, SupervisedAccount.account_name, Project.project_no,
            Project.name.label("project_name"), Project.region, Developer.name.label("developer_name"),
            Developer.developer_id,
        )
        .join(Project, Project.id == SupervisedAccount.project_id)
        .join(Developer, Developer.id == Project.developer_pk)
    )  # fmt: skip
    return session.execute(query.where(SupervisedAccount.account_no == account_no)).one_or_none()


def accounts_like(session: Session, number: str) -> list[str]:
    """Account numbers found by account or project number (按账号或项目编号查找)."""
    query = (
        select(SupervisedAccount.account_no)
        .join(Project, Project.id == SupervisedAccount.project_id)
        .where(or_(SupervisedAccount.account_no == number, Project.project_no == number))
        .order_by(SupervisedAccount.id.desc())
    )
    return list(session.scalars(query))


def _applications() -> Any:
    return (
        select(
            ReleaseApplication, SupervisedAccount.account_no, Project.project_no,
            Project.name.label("project_name"), _ENTERER.full_name.label("enterer"),
            _DECIDER.full_name.label("decider"), SupervisedAccount.status.label("account_status"),
        )
        .join(SupervisedAccount, SupervisedAccount.id == ReleaseApplication.account_id)
        .join(Project, Project.id == SupervisedAccount.project_id)
        .join(_ENTERER, _ENTERER.id == ReleaseApplication.entered_by)
        .outerjoin(_DECIDER, _DECIDER.id == ReleaseApplication.decided_by)
    )  # fmt: skip
