"""What is due, paid and left of one unit, built or not, in one statement (一户应缴、已缴与余额)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from config.clock import bureau_day
from config.regulations import law_on
from escrow.errors import Refusal
from escrow.projects.rules import FirstDeposit, Home, Structure, UnitUse, first_deposit
from ledger.money import Yuan

LAW = "maintenance_fund"

# A unit of the register without an account yet, and an old house that is in no register, are both found.
_UNITS = text("""
SELECT h.id AS house_id, coalesce(h.unit_code, u.unit_code) AS unit_code, h.status AS house_status, h.nature,
       h.first_due, h.first_due_on, h.first_due_standard, h.first_due_citation, h.built_at, h.batch_id,
       coalesce(h.area, u.area) AS area, coalesce(g.structure, ub.structure) AS structure,
       coalesce(h.use, u.use) AS use, coalesce(h.room_no, u.room_no) AS room_no,
       coalesce(g.building_no, ub.building_no) AS building_no, g.id AS community_building_id,
       c.id AS community_id, c.name AS community_name, coalesce(c.region, p.region) AS region,
       p.project_no, p.name AS project_name, u.removed_at IS NOT NULL AS removed,
       u.area AS register_area, k.price, k.contract_no, k.status AS contract_status,
       f.id AS fund_id, f.account_no AS fund_account_no, f.bank_code,
       b.balance, b.held, b.owed, w.paid, w.repaid
  FROM unnest(cast(:codes AS text[])) AS asked (code)
  LEFT JOIN house h ON h.unit_code = asked.code
  LEFT JOIN unit u ON u.unit_code = asked.code
  LEFT JOIN building ub ON ub.id = u.building_id
  LEFT JOIN project p ON p.id = ub.project_id
  LEFT JOIN contract k ON k.unit_id = u.id AND k.status <> 'cancelled'
  LEFT JOIN community_building g ON g.id = h.community_building_id
  LEFT JOIN community c ON c.id = g.community_id
  LEFT JOIN fund_account f ON f.id = c.fund_account_id
  LEFT JOIN house_balance b ON b.house_id = h.id
  LEFT JOIN LATERAL house_first_paid(h.id) w ON h.id IS NOT NULL
 WHERE coalesce(h.id, u.id) IS NOT NULL
""")


@dataclass(frozen=True, slots=True)
class UnitSeen:
    """One unit with its first deposit as it is due, paid and left (一户维修资金现状)."""

    row: Row[Any]
    due: FirstDeposit
    on: date

    @property
    def is_built(self) -> bool:
        """Whether its account is built (是否已建账)."""
        return self.row.house_id is not None

    @property
    def paid(self) -> Yuan:
        """What was paid as first deposit, whoever paid (首期已缴)."""
        return Yuan.from_fen(self.row.paid or 0)

    @property
    def repaid(self) -> Yuan:
        """What the buyer has repaid the developer (已归还建设单位)."""
        return Yuan.from_fen(self.row.repaid or 0)

    @property
    def balance(self) -> Yuan:
        """What stands on the house (余额)."""
        return Yuan.from_fen(self.row.balance or 0)

    @property
    def held(self) -> Yuan:
        """What of it is held for a use (占用)."""
        return Yuan.from_fen(self.row.held or 0)

    @property
    def owed(self) -> Yuan:
        """What the buyer still owes the developer (待归还)."""
        return Yuan.from_fen(self.row.owed or 0)

    @property
    def outstanding(self) -> Yuan | None:
        """What of the first deposit is still to be paid; None where it cannot be said (首期尚欠)."""
        return None if self.due.amount is None else max(self.due.amount - self.paid, Yuan(0))


def units_seen(session: Session, unit_codes: Iterable[str], *, on: date | None = None) -> dict[str, UnitSeen]:
    """Units by their codes, each with what is due by the law of a day, by default today's (按日计应缴).

    A unit whose first deposit was paid in full keeps the standard of that day (不溯及既往).
    """
    day = on or bureau_day()
    rows = session.execute(_UNITS, {"codes": list(unit_codes)})
    return {row.unit_code: UnitSeen(row, _due(row, day), row.first_due_on or day) for row in rows}


def unit_seen(session: Session, unit_code: str) -> UnitSeen | None:
    """One unit by its code (查一户)."""
    return units_seen(session, [unit_code]).get(unit_code)


_HOLDERS = text("""
SELECT o.from_day AS since, o.kind, o.certificate_no, o.names,
       (SELECT string_agg(y.name_masked, '、' ORDER BY y.position)
          FROM contract c JOIN party y ON (y.contract_id, y.version) = (c.id, c.version)
         WHERE c.unit_id = h.unit_id AND c.status <> 'cancelled') AS buyers
  FROM house h LEFT JOIN LATERAL (
       SELECT w.from_day, w.kind, w.certificate_no, array_agg(w.name_masked ORDER BY w.place) AS names
         FROM house_owners(h.id) w GROUP BY w.from_day, w.kind, w.certificate_no) o ON true
 WHERE h.id = :house_id
""")


def holders(session: Session, house_id: int) -> Row[Any]:
    """Who owns a house now and since when, and who bought it of the developer, masked (现业主与原买受人).

    What the developer paid ahead is owed by whoever bought it of him: a later owner owes him nothing.
    """
    return session.execute(_HOLDERS, {"house_id": house_id}).one()


_LINES = text("""
SELECT l.*, v.id AS reversed_by FROM house_lines(:house_id) l
  LEFT JOIN ledger.journal_entry v ON v.reverses_id = l.entry_id
 WHERE l.entry_id < :before ORDER BY l.entry_id DESC LIMIT :limit
""")


def house_lines(session: Session, house_id: int, *, before: int | None, limit: int) -> list[Row[Any]]:
    """What moved the house's balance, newest first, with the balance after each line (分户账明细)."""
    asked = {"house_id": house_id, "before": before or 2**63 - 1, "limit": limit}
    return list(session.execute(_LINES, asked))


def _due(row: Row[Any], day: date) -> FirstDeposit:
    if row.first_due is not None:
        return FirstDeposit(Yuan.from_fen(row.first_due), row.first_due_standard, row.first_due_citation)
    price = None if row.price is None else Yuan.from_fen(row.price)
    home = Home(row.area, Structure(row.structure), UnitUse(row.use), price)
    return first_deposit(home, law_on(day, LAW, row.region))


_LINE = text("""
SELECT booked_as FROM fund_bank_line WHERE fund_account_id = :fund_id AND bank_serial = :serial
""")
_BOOKED_AS = {"deposit": "银行报送的交存", "renewal": "续交", "income": "收益与存款变动"}


def line_refusals(session: Session, fund_id: int, serial: str, citation: str) -> list[Refusal]:
    """Why a line of the bank is not booked again, whichever room booked it (流水不得重复入账)."""
    booked = session.scalar(_LINE, {"fund_id": fund_id, "serial": serial})
    if booked is None:
        return []
    return [Refusal("serial-used", f"银行流水 {serial} 已作{_BOOKED_AS[booked]}入账，不得重复入账", citation)]
