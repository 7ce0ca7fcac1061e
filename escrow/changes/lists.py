"""Changes of account for reading, with who handled them, in one query each (账户变更查询)."""

from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session, aliased

from escrow.access.models import Officer
from escrow.instructions.models import Instruction
from escrow.projects.models import Project
from escrow.supervision.change_models import AccountChange
from escrow.supervision.models import SupervisedAccount

_ENTERER, _DECIDER = aliased(Officer), aliased(Officer)


def changes(
    session: Session, *, project_id: int | None = None, before: int | None = None, limit: int = 50
) -> list[Row[Any]]:
    """Newest first, from a key backwards (变更清单)."""
    query = _changes().order_by(AccountChange.id.desc()).limit(limit)
    if project_id is not None:
        query = query.where(SupervisedAccount.project_id == project_id)
    if before is not None:
        query = query.where(AccountChange.id < before)
    return list(session.execute(query))


def change(session: Session, change_no: str) -> Any:
    """One change, None when there is no such number (变更)."""
    return session.execute(_changes().where(AccountChange.change_no == change_no)).one_or_none()


def _changes() -> Any:
    return (
        select(
            AccountChange, SupervisedAccount.account_no.label("old_account_no"),
            SupervisedAccount.account_name.label("old_account_name"),
            SupervisedAccount.bank_code.label("old_bank_code"), Project.project_no,
            Project.name.label("project_name"), Instruction.instruction_no,
            Instruction.status.label("order_status"),
            _ENTERER.full_name.label("enterer"), _DECIDER.full_name.label("decider"),
        )
        .join(SupervisedAccount, SupervisedAccount.id == AccountChange.account_id)
        .join(Project, Project.id == SupervisedAccount.project_id)
        .join(_ENTERER, _ENTERER.id == AccountChange.entered_by)
        .outerjoin(_DECIDER, _DECIDER.id == AccountChange.decided_by)
        .outerjoin(Instruction, Instruction.id == AccountChange.instruction_id)
    )  # fmt: skip
