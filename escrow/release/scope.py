"""Which buildings a release is of, and what of the book is theirs (解除范围)."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from escrow import chart
from escrow.errors import Invalid
from escrow.projects.models import Building
from escrow.release.models import ReleaseApplication, ReleaseBuilding, ReleasedBuilding
from escrow.supervision.models import SupervisedAccount
from ledger.accounts import Account


@dataclass(frozen=True, slots=True)
class Scope:
    """The chosen buildings; none chosen: the whole account (解除范围)."""

    building_ids: frozenset[int] = frozenset()

    @property
    def is_partial(self) -> bool:
        """Whether other buildings stay (是否逐幢)."""
        return bool(self.building_ids)

    def has(self, building_id: int | None) -> bool:
        """Whether something of this building, or of no building, is the release's concern (是否相关)."""
        return not self.is_partial or building_id is None or building_id in self.building_ids


WHOLE = Scope()


def scope_of(session: Session, application: ReleaseApplication | None) -> Scope:
    """What an application asks to release (申请范围)."""
    if application is None or application.is_whole:
        return WHOLE
    query = select(ReleaseBuilding.building_id).where(ReleaseBuilding.release_id == application.id)
    return Scope(frozenset(session.scalars(query)))


def chosen(session: Session, project_id: int, building_nos: tuple[str, ...]) -> Scope:
    """The buildings named on the paper; all that still stand are the whole account. Raises Invalid."""
    living = {row.building_no: row for row in buildings_of(session, project_id)}
    unknown = [number for number in building_nos if number not in living]
    gone = [number for number in building_nos if number in living and living[number].release_no]
    if unknown:
        raise Invalid({"buildings": f"账户名下没有 {'、'.join(unknown)} 幢。"})
    if gone:
        raise Invalid({"buildings": f"{'、'.join(gone)} 幢已解除监管。"})
    left = {number for number, row in living.items() if not row.release_no}
    if not building_nos or set(building_nos) == left:
        return WHOLE
    return Scope(frozenset(living[number].id for number in building_nos))


def named_buildings(session: Session, application: ReleaseApplication) -> list[str]:
    """The numbers of the buildings an application names; empty: the whole account (申请楼幢)."""
    query = (
        select(Building.building_no)
        .join(ReleaseBuilding, ReleaseBuilding.building_id == Building.id)
        .where(ReleaseBuilding.release_id == application.id)
    )
    return list(session.scalars(query.order_by(Building.id)))


def buildings_of(session: Session, project_id: int) -> list[Row[Any]]:
    """Every building of the project, and the release that ended its supervision (各幢与其解除)."""
    query = (
        select(
            Building.id, Building.building_no, ReleaseApplication.release_no, ReleasedBuilding.released_at
        )
        .outerjoin(ReleasedBuilding, ReleasedBuilding.building_id == Building.id)
        .outerjoin(ReleaseApplication, ReleaseApplication.id == ReleasedBuilding.release_id)
        .where(Building.project_id == project_id, Building.removed_at.is_(None))
        .order_by(Building.id)
    )
    return list(session.execute(query))


_ORDERS = text("""
SELECT i.id, coalesce(i.building_id,
                      nullif(substring(i.source_key FROM '^building:([0-9]+)'), '')::integer) AS building_id
  FROM instruction i JOIN supervised_account a ON a.id = i.account_id
 WHERE a.book_id = :book_id AND i.status IN ('issued', 'unknown')
""")


def of_orders(session: Session, book_id: int) -> dict[str, int | None]:
    """The building each open order of the book is of, by its key in the ledger (在途指令所属楼幢)."""
    rows = session.execute(_ORDERS, {"book_id": book_id})
    return {chart.instruction_key(row.id): row.building_id for row in rows}


def building_of(account: Account, orders: dict[str, int | None]) -> int | None:
    """The building an account of the book is of; None: of the whole account (科目所属楼幢)."""
    if account.key.startswith("building:"):
        return int(account.key.split(":")[1])
    return orders.get(account.key)


def released_keys(session: Session, application: ReleaseApplication) -> list[str] | None:
    """The ledger keys of the buildings an approved application released; None: whatever is left (各幢)."""
    if application.is_whole:
        return None
    query = select(ReleasedBuilding.building_id).where(ReleasedBuilding.release_id == application.id)
    return [chart.building_key(building_id) for building_id in session.scalars(query)]


def mark_released(session: Session, application: ReleaseApplication, account: SupervisedAccount) -> None:
    """Each building of an approved application is released now, once and for good (记为已解除)."""
    scope = scope_of(session, application)
    rows = [row for row in buildings_of(session, account.project_id) if not row.release_no]
    session.add_all(
        ReleasedBuilding(building_id=row.id, release_id=application.id)
        for row in rows
        if scope.has(row.id)
    )
    session.flush()
