"""What the pages of openings show: the list, one file with its progress, what each house got (期初导入清单)."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from escrow.maintenance.chart import Nature
from escrow.projects.rules import Structure
from ledger.money import ZERO, Yuan
from ledger.tables import MoneyColumn

_AMOUNTS = ("bank_commodity", "bank_public", "undistributed_commodity", "undistributed_public")
_OPENINGS = text("""
SELECT o.id, o.opening_no, o.fund_account_id, o.as_of, o.bank_commodity, o.bank_public,
       o.undistributed_commodity, o.undistributed_public, o.certificate_no, o.file_hash, o.sheet_name,
       o.sheet_hash, o.status, o.houses, o.summary, o.entered_by, o.entered_at, o.decided_at, o.reason,
       o.law, o.booked_at, jsonb_array_length(o.faults) AS fault_count, p.total, p.done,
       f.account_no, f.account_name, f.region, e.full_name AS enterer, d.full_name AS decider
  FROM fund_opening o JOIN fund_account f ON f.id = o.fund_account_id
  JOIN officer e ON e.id = o.entered_by LEFT JOIN officer d ON d.id = o.decided_by
  JOIN fund_opening_progress p ON p.opening_id = o.id
 WHERE o.id < :before AND (cast(:opening_no AS text) IS NULL OR o.opening_no = :opening_no)
 ORDER BY o.id DESC LIMIT :limit
""").columns(**dict.fromkeys(_AMOUNTS, MoneyColumn()))
_FAULTS = text("""
SELECT at, one ->> 0 AS row, one ->> 1 AS "column", one ->> 2 AS message
  FROM fund_opening o CROSS JOIN jsonb_array_elements(o.faults) WITH ORDINALITY AS found (one, at)
 WHERE o.opening_no = :opening_no AND at > :after ORDER BY at LIMIT :limit
""")
_HOUSES = text("""
SELECT p.row, h.unit_code, h.room_no, h.area, h.nature, g.building_no, c.name AS community, p.first_paid,
       p.balance, (SELECT string_agg(w.name_masked, '、' ORDER BY w.position) FROM owner_change k
                     JOIN house_owner w ON w.change_id = k.id
                    WHERE k.house_id = h.id AND k.opening_id = o.id) AS owners
  FROM fund_opening o JOIN house_opening p ON p.opening_id = o.id JOIN house h ON h.id = p.house_id
  JOIN community_building g ON g.id = h.community_building_id JOIN community c ON c.id = g.community_id
 WHERE o.opening_no = :opening_no ORDER BY p.row
""").columns(first_paid=MoneyColumn(), balance=MoneyColumn())
_FUNDS = text("""
SELECT id, account_no, account_name, region FROM fund_account WHERE status = 'active' ORDER BY id LIMIT 200
""")


def openings(session: Session, *, before: int | None = None, limit: int = 50) -> list[Row[Any]]:
    """Every file, newest first (期初导入清单)."""
    asked = {"before": before or 2**31 - 1, "limit": limit, "opening_no": None}
    return list(session.execute(_OPENINGS, asked))


def opening(session: Session, opening_no: str) -> Row[Any] | None:
    """One file: what was stated, who did what, how far it has come (一件期初导入)."""
    asked = {"before": 2**31 - 1, "limit": 1, "opening_no": opening_no}
    return session.execute(_OPENINGS, asked).one_or_none()


def faults_of(session: Session, opening_no: str, *, after: int, limit: int) -> list[Row[Any]]:
    """What was wrong with it, by row and column (错误清单)."""
    asked = {"opening_no": opening_no, "after": after, "limit": limit}
    return list(session.execute(_FAULTS, asked))


def houses_of(session: Session, opening_no: str) -> list[Row[Any]]:
    """What it brought, house by house (逐户期初)."""
    return list(session.execute(_HOUSES, {"opening_no": opening_no}))


def funds(session: Session) -> list[Row[Any]]:
    """The fund accounts that may be opened (可导入的专户)."""
    return list(session.execute(_FUNDS))


@dataclass(frozen=True, slots=True)
class Sums:
    """A building, or a community as the sum of its buildings (楼幢或小区合计)."""

    community: str
    building_no: str
    structure: Structure | None
    nature: Nature | None
    houses: int
    area: Decimal
    first_paid: Yuan
    balance: Yuan


def by_building(summary: Sequence[dict[str, Any]] | None) -> list[Sums]:
    """The sums as they were kept with the file (逐幢合计)."""
    return [
        Sums(
            one["community"], one["building_no"], Structure(one["structure"]), Nature(one["nature"]),
            one["houses"], Decimal(one["area"]), Yuan(one["first_paid"]), Yuan(one["balance"]),
        )
        for one in summary or []
    ]  # fmt: skip


def by_community(buildings: Sequence[Sums]) -> list[Sums]:
    """The same by community, and the whole (逐小区合计)."""
    names = dict.fromkeys(one.community for one in buildings)
    return [_sum(name, [one for one in buildings if one.community == name]) for name in names]


def whole(buildings: Sequence[Sums]) -> Sums:
    """The file's own sum (全文件合计)."""
    return _sum("合计", buildings)


def _sum(name: str, here: Sequence[Sums]) -> Sums:
    return Sums(
        name, f"{len({(one.community, one.building_no) for one in here})} 幢", None, None,
        sum(one.houses for one in here), sum((one.area for one in here), Decimal(0)),
        sum((one.first_paid for one in here), ZERO), sum((one.balance for one in here), ZERO),
    )  # fmt: skip
