"""A file of houses is kept, and decided on by another officer (期初文件的上传与决定). Lock, look, judge, write."""

import secrets
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from config.clock import bureau_day
from config.regulations import Law, law_on
from config.settings import Settings
from escrow.access import audit
from escrow.access.sealing import seal_bytes, unseal_bytes
from escrow.errors import Invalid, NotFound, Refusal, Refused
from escrow.fund_opening.models import FundOpening, FundOpeningProgress
from escrow.fund_opening.rules import (
    FundOpeningStatus,
    HouseRow,
    OpeningFacts,
    Stated,
    decider_refusals,
    opening_refusals,
)
from escrow.maintenance.chart import Nature
from escrow.maintenance.models import FundAccount
from escrow.maintenance.rules import FundStatus
from escrow.projects.rules import Structure

LAW = "maintenance_fund"
LAW_KEYS = ("fund_opening", "fund_two_officers", "fund_period_close")


@dataclass(frozen=True, slots=True)
class Handed:
    """What one officer hands in (期初导入材料)."""

    fund_id: int
    stated: Stated
    certificate_no: str
    file_hash: str
    sheet_name: str
    content: bytes


def keep(session: Session, asked: Handed, told: Settings, *, officer_id: int) -> tuple[int, str]:
    """One officer hands a file in; it is kept, and read afterwards; its id and number (上传).

    Raises NotFound, Invalid or Refused.
    """
    stated = asked.stated
    if stated.as_of > bureau_day():
        raise Invalid({"as_of": "余额日期不能晚于今天。"})
    for nature, name in ((Nature.COMMODITY, "commodity"), (Nature.PUBLIC, "public")):
        if stated.undistributed[nature] > stated.bank[nature]:
            raise Invalid({f"undistributed_{name}": "待分配累计收益不能多于银行余额。"})
    fund, law = fund_locked(session, asked.fund_id)
    digest = sha256(asked.content).hexdigest()
    facts = gather(session, fund, [], digest)
    reasons = [*opening_refusals(facts, stated.as_of, law), *_used(session, asked.file_hash, law)]
    if reasons:
        raise Refused(reasons)
    number = f"WQ{bureau_day():%Y%m%d}{secrets.token_hex(4).upper()}"
    row = FundOpening(
        opening_no=number, fund_account_id=fund.id, as_of=stated.as_of,
        bank_commodity=stated.bank[Nature.COMMODITY], bank_public=stated.bank[Nature.PUBLIC],
        undistributed_commodity=stated.undistributed[Nature.COMMODITY],
        undistributed_public=stated.undistributed[Nature.PUBLIC], certificate_no=asked.certificate_no,
        file_hash=asked.file_hash, sheet_name=asked.sheet_name, sheet_hash=digest,
        sheet_sealed=seal_bytes(asked.content, told, context=f"fund_opening:{number}"),
        status=FundOpeningStatus.STORED, entered_by=officer_id,
    )  # fmt: skip
    session.add(row)
    session.flush()
    session.add(FundOpeningProgress(opening_id=row.id))
    audit.record(
        session, "fund-opening.stored", number, account_no=fund.account_no, sheet=digest,
        size=len(asked.content), file_hash=asked.file_hash,
    )  # fmt: skip
    return row.id, number


def approve(session: Session, opening_no: str, *, officer_id: int) -> int:
    """Another officer lets it be booked; its id (批准入账). Raises NotFound or Refused."""
    row, fund, law = held(session, opening_no)
    reasons = [
        *decider_refusals(row.status, row.entered_by, officer_id, law),
        *opening_refusals(gather(session, fund, [], None), row.as_of, law),
        *_used(session, row.file_hash, law),
    ]
    if reasons:
        raise Refused(reasons)
    row.status = FundOpeningStatus.APPROVED
    row.decided_by, row.decided_at = officer_id, func.clock_timestamp()
    session.execute(_AGAIN, {"id": row.id})
    audit.record(session, "fund-opening.approved", opening_no, account_no=fund.account_no)
    return row.id


def reject(session: Session, opening_no: str, reason: str, *, officer_id: int) -> None:
    """Another officer sends it back, saying why (退回). Raises NotFound or Refused."""
    row, _, law = held(session, opening_no)
    if reasons := decider_refusals(row.status, row.entered_by, officer_id, law):
        raise Refused(reasons)
    row.status, row.reason = FundOpeningStatus.REJECTED, reason
    row.decided_by, row.decided_at = officer_id, func.clock_timestamp()
    session.flush()
    audit.record(session, "fund-opening.rejected", opening_no, reason=reason)


def sheet_of(row: FundOpening, told: Settings) -> bytes:
    """The file as it was uploaded (原文件)."""
    return unseal_bytes(row.sheet_sealed, told, context=f"fund_opening:{row.opening_no}")


def stated_of(row: FundOpening) -> Stated:
    """What the bank's certificate says (银行余额证明)."""
    return Stated(
        row.as_of, {Nature.COMMODITY: row.bank_commodity, Nature.PUBLIC: row.bank_public},
        {Nature.COMMODITY: row.undistributed_commodity, Nature.PUBLIC: row.undistributed_public},
    )  # fmt: skip


# --- looking ---

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('fund_opening', 0))")
_AGAIN = text("""
UPDATE fund_opening_progress SET done = 0, turns = 0, touched_at = NULL WHERE opening_id = :id
""")
_USED = text("SELECT 1 FROM filed_paper WHERE file_hash = :file_hash")
_TAKEN = text("""
SELECT (SELECT max(k.day) FROM ledger.day_close k WHERE k.book_id = :book_id) AS closed_until,
       (SELECT opening_no FROM fund_opening WHERE sheet_hash = :sheet_hash
           AND status IN ('stored', 'entered', 'approved', 'booked')) AS same_sheet,
       ARRAY(SELECT unit_code FROM house WHERE unit_code = ANY (:codes)) AS built,
       ARRAY(SELECT name FROM community WHERE fund_account_id = :fund_id AND project_id IS NOT NULL)
           AS of_projects
""")
_REGISTERED = text("""
SELECT u.unit_code, p.project_no FROM unit u JOIN building b ON b.id = u.building_id
  JOIN project p ON p.id = b.project_id WHERE u.unit_code = ANY (:codes) AND u.removed_at IS NULL
""")
_STANDING = text("""
SELECT c.name, g.building_no, g.structure, ARRAY(SELECT h.room_no FROM house h
                                                  WHERE h.community_building_id = g.id) AS rooms
  FROM community c JOIN community_building g ON g.community_id = c.id
 WHERE c.fund_account_id = :fund_id AND c.name = ANY (:names)
""")


def gather(
    session: Session, fund: FundAccount, rows: list[HouseRow], sheet_hash: str | None
) -> OpeningFacts:
    """What is known of the fund and of what the file names (期初事实)."""
    asked: dict[str, Any] = {
        "fund_id": fund.id, "book_id": fund.book_id, "sheet_hash": sheet_hash,
        "codes": [one.unit_code for one in rows], "names": sorted({one.community for one in rows}),
    }  # fmt: skip
    taken = session.execute(_TAKEN, asked).one()
    standing = session.execute(_STANDING, asked).all()
    return OpeningFacts(
        region=fund.region, fund_active=fund.status is FundStatus.ACTIVE, closed_until=taken.closed_until,
        same_sheet=taken.same_sheet, built=frozenset(taken.built), of_projects=frozenset(taken.of_projects),
        registered={row.unit_code: row.project_no for row in session.execute(_REGISTERED, asked)},
        structures={(row.name, row.building_no): Structure(row.structure) for row in standing},
        rooms=frozenset((row.name, row.building_no, room) for row in standing for room in row.rooms),
    )  # fmt: skip


def fund_locked(session: Session, fund_id: int) -> tuple[FundAccount, Law]:
    """The fund account, while no other opening is kept, approved or booked. Raises NotFound."""
    session.execute(_LOCK)
    fund = session.get(FundAccount, fund_id)
    if fund is None or fund.book_id is None:
        raise NotFound("没有这个使用中的维修资金专户")
    return fund, law_on(bureau_day(), LAW, fund.region)


def held(session: Session, opening_no: str) -> tuple[FundOpening, FundAccount, Law]:
    """The opening under its lock, its fund before it. Raises NotFound."""
    query = select(FundOpening.fund_account_id).where(FundOpening.opening_no == opening_no)
    fund_id = session.scalar(query)
    if fund_id is None:
        raise NotFound("没有这件期初导入")
    fund, law = fund_locked(session, fund_id)
    locked = select(FundOpening).where(FundOpening.opening_no == opening_no).with_for_update()
    return session.scalars(locked.execution_options(populate_existing=True)).one(), fund, law


def _used(session: Session, file_hash: str, law: Law) -> list[Refusal]:
    """The bank's certificate proves one opening once (余额证明不得重复使用)."""
    if session.scalar(_USED, {"file_hash": file_hash}) is None:
        return []
    message = f"文件 {file_hash[:12]}…（SHA-256 相同）已在别的事项中使用过，不得重复使用"
    return [Refusal("file-reused", message, law["fund_opening"].citation)]
