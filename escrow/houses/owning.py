"""A house changes hands by what two officers saw of the register; its balance stays with it (业主变更).

What the register itself tells needs nobody here: it is read where it stands (`house_ownership`).
"""

from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import func, insert, select, text
from sqlalchemy.orm import Session

from config.clock import bureau_day
from config.regulations import Law, law_on
from config.settings import Settings
from escrow.access import audit
from escrow.errors import NotFound, Refusal, Refused
from escrow.houses.owner_models import HouseOwner, OwnerChange
from escrow.houses.owner_rules import OwnerFacts, OwnerKind, OwnerStatus, decider_refusals, owner_refusals
from escrow.houses.owners import Owner, sealed_owners

LAW, LAW_KEYS = "maintenance_fund", ("owner_by_registration", "fund_two_officers")


@dataclass(frozen=True, slots=True)
class Transfer:
    """What an officer reads off the register's paper (转移登记)."""

    unit_code: str
    kind: OwnerKind
    from_day: date
    certificate_no: str
    file_hash: str
    owners: tuple[Owner, ...]


_HOUSE = text("""
SELECT h.id, h.status, c.region,
       (SELECT max(s.from_day) FROM house_ownership s WHERE s.house_id = h.id) AS latest,
       EXISTS (SELECT FROM owner_change k WHERE k.house_id = h.id AND k.status = 'entered') AS waiting
  FROM house h JOIN community_building g ON g.id = h.community_building_id
  JOIN community c ON c.id = g.community_id
 WHERE h.unit_code = :unit_code FOR NO KEY UPDATE OF h
""")
# The register's door holds the unit: whoever decides here waits for it, or it for them.
_UNIT = text("SELECT id FROM unit WHERE unit_code = :unit_code FOR UPDATE")
_TOLD = text("""
SELECT (SELECT u.unit_code FROM transfer_registration t JOIN unit u ON u.id = t.unit_id
         WHERE t.certificate_no = :certificate_no) AS told_of,
       (SELECT s.certificate_no FROM house_ownership s
         WHERE s.house_id = :house_id AND s.known_at > :entered_at
         ORDER BY s.known_at DESC LIMIT 1) AS told_since
""")
_PAPER = text("SELECT 1 FROM filed_paper WHERE file_hash = :file_hash")


def enter_owner(session: Session, asked: Transfer, told: Settings, *, officer_id: int) -> int:
    """One officer enters who owns the house now (录入业主变更). Raises NotFound or Refused."""
    house_id, facts, law = _looked(session, asked.unit_code)
    facts = _told(session, house_id, facts, asked.certificate_no)
    reasons = owner_refusals(asked.kind, asked.from_day, facts, law)
    if session.scalar(_PAPER, {"file_hash": asked.file_hash}):
        said = f"文件 {asked.file_hash[:12]}…（SHA-256 相同）已在别的事项中使用过，不得重复使用"
        reasons.append(Refusal("file-reused", said, law["owner_by_registration"].citation))
    if reasons:
        raise Refused(reasons)
    row = OwnerChange(
        house_id=house_id, kind=asked.kind, from_day=asked.from_day, certificate_no=asked.certificate_no,
        file_hash=asked.file_hash, status=OwnerStatus.ENTERED, entered_by=officer_id,
    )  # fmt: skip
    session.add(row)
    session.flush()
    place = (asked.unit_code, f"change {row.id}")
    session.execute(insert(HouseOwner), sealed_owners(row.id, place, asked.owners, told))
    audit.record(
        session, "house-owner.entered", asked.unit_code, change=row.id, kind=asked.kind.value,
        certificate_no=asked.certificate_no,
    )  # fmt: skip
    return row.id


def confirm_owner(session: Session, unit_code: str, change_id: int, *, officer_id: int) -> None:
    """Another officer confirms it (确认业主变更). No money moves. Raises NotFound or Refused."""
    row, facts, law = _held(session, unit_code, change_id)
    reasons = [
        *decider_refusals(row.status, row.entered_by, officer_id, law),
        *owner_refusals(row.kind, row.from_day, facts, law),
    ]
    if reasons:
        raise Refused(reasons)
    row.status, row.law = OwnerStatus.CONFIRMED, law.stored(LAW_KEYS)
    row.decided_by, row.decided_at = officer_id, func.clock_timestamp()
    session.flush()
    audit.record(session, "house-owner.confirmed", unit_code, change=row.id)


def reject_owner(session: Session, unit_code: str, change_id: int, reason: str, *, officer_id: int) -> None:
    """Another officer sends it back (退回业主变更). Raises NotFound or Refused."""
    row, _, law = _held(session, unit_code, change_id)
    if reasons := decider_refusals(row.status, row.entered_by, officer_id, law):
        raise Refused(reasons)
    row.status, row.reason = OwnerStatus.REJECTED, reason
    row.decided_by, row.decided_at = officer_id, func.clock_timestamp()
    session.flush()
    audit.record(session, "house-owner.rejected", unit_code, change=row.id, reason=reason)


def _looked(session: Session, unit_code: str) -> tuple[int, OwnerFacts, Law]:
    row = session.execute(_HOUSE, {"unit_code": unit_code}).one_or_none()
    if row is None:
        raise NotFound("没有这套房屋的分户账")
    facts = OwnerFacts(unit_code, row.status == "built", row.latest, row.waiting, bureau_day())
    return row.id, facts, law_on(bureau_day(), LAW, row.region)


def _held(session: Session, unit_code: str, change_id: int) -> tuple[OwnerChange, OwnerFacts, Law]:
    """The house, its unit, then the change, each under its lock; what waits is this one itself."""
    _looked(session, unit_code)
    session.execute(_UNIT, {"unit_code": unit_code})
    house_id, facts, law = _looked(session, unit_code)
    query = select(OwnerChange).where(OwnerChange.id == change_id, OwnerChange.house_id == house_id)
    found = session.scalars(query.with_for_update().execution_options(populate_existing=True)).one_or_none()
    if found is None:
        raise NotFound("本户没有这件业主变更")
    facts = _told(session, house_id, facts, found.certificate_no, found.entered_at)
    return found, replace(facts, is_waiting=False), law


def _told(
    session: Session, house_id: int, facts: OwnerFacts, certificate_no: str | None,
    entered_at: datetime | None = None,
) -> OwnerFacts:  # fmt: skip
    """And what the register told of the house and of the certificate (登记机构所报)."""
    asked = {"house_id": house_id, "certificate_no": certificate_no, "entered_at": entered_at}
    row = session.execute(_TOLD, asked).one()
    return replace(facts, told_since=row.told_since, told_of=row.told_of)
