"""Projects as an officer's pages show them: a fixed number of statements, never one per row (项目页面所读)."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from escrow import chart
from ledger.accounts import Account, Page, balances, statement
from ledger.money import ZERO, Yuan

_LIST = text("""
SELECT p.id, p.project_no, p.name, p.region, d.name AS developer_name,
       s.status, s.account_no, s.account_status, held.fen AS balance, counted.units, counted.sold
  FROM (SELECT * FROM project
         WHERE id < :before AND (:said = '' OR project_no = :said OR name LIKE :within)
         ORDER BY id DESC) p
  JOIN developer d ON d.id = p.developer_pk
  JOIN project_standing s ON s.project_id = p.id
  LEFT JOIN LATERAL (
       SELECT b.balance AS fen FROM supervised_account a
         JOIN ledger.account l ON l.book_id = a.book_id AND l.code = :bank_money AND l.key = ''
         JOIN ledger.balance b ON b.account_id = l.id
        WHERE a.project_id = p.id ORDER BY a.status = 'closed', a.id DESC LIMIT 1) held ON true
  CROSS JOIN LATERAL (
       SELECT count(*) AS units, count(c.id) AS sold FROM unit u
         JOIN building g ON g.id = u.building_id
         LEFT JOIN contract c ON c.unit_id = u.id AND c.status <> 'cancelled'
        WHERE g.project_id = p.id AND u.removed_at IS NULL) counted
 WHERE :status = '' OR s.status = :status
 ORDER BY p.id DESC LIMIT :limit
""")

_PROJECT = text("""
SELECT p.id, p.project_no, p.name, p.region, p.permit_no, p.permit_issued_on, p.registered_at,
       d.name AS developer_name, d.developer_id, s.status, a.status AS account_status,
       a.id AS account_id, a.account_no, a.account_name, a.bank_code, a.book_id, a.opened_at,
       g.agreement_no, g.version AS agreement_version, g.effective_at,
       EXISTS (SELECT FROM agreement w WHERE w.project_id = p.id AND w.status = 'proposed') AS waiting
  FROM project p
  JOIN developer d ON d.id = p.developer_pk
  JOIN project_standing s ON s.project_id = p.id
  LEFT JOIN LATERAL (SELECT * FROM supervised_account x
                      WHERE x.project_id = p.id AND x.account_no = coalesce(:account_no, x.account_no)
                      ORDER BY x.status = 'closed', x.id DESC LIMIT 1) a ON true
  LEFT JOIN agreement g ON g.id = a.agreement_id
 WHERE p.project_no = :project_no
""")

_BUILDINGS = text("""
SELECT b.id, b.building_no, b.structure, b.floors, count(u.id) AS units,
       count(u.id) FILTER (WHERE s.status = 'available') AS available,
       count(u.id) FILTER (WHERE s.status = 'drafted') AS drafted,
       count(u.id) FILTER (WHERE s.status = 'filed') AS filed,
       count(u.id) FILTER (WHERE s.status = 'registered') AS registered
  FROM building b
  LEFT JOIN unit u ON u.building_id = b.id AND u.removed_at IS NULL
  LEFT JOIN unit_standing s ON s.unit_id = u.id
 WHERE b.project_id = :project_id AND b.removed_at IS NULL
 GROUP BY b.id ORDER BY b.id
""")

_RECEIPTS = text("""
SELECT r.id, r.receipt_no, r.bank_serial, r.amount, r.value_date, r.booked_at, r.channel, r.payer_name_masked,
       r.notice_no, s.matched, s.contract_nos, coalesce(w.remainder, 0) AS remainder,
       v.id IS NOT NULL AS reversed
  FROM receipt r
  LEFT JOIN LATERAL (
       SELECT sum(a.amount)::bigint AS matched, array_agg(DISTINCT c.contract_no) AS contract_nos
         FROM receipt_allocation a JOIN contract c ON c.id = a.contract_id
        WHERE a.receipt_id = r.id) s ON true
  LEFT JOIN receipt_reversal v ON v.receipt_id = r.id
  LEFT JOIN unmatched_receipt w ON w.receipt_id = r.id
 WHERE r.account_id = :account_id AND r.id < :before
 ORDER BY r.id DESC LIMIT :limit
""")

# What stands over an account, in words and figures that need no other page (账户上的措施).
_OVER = text("""
SELECT (SELECT string_agg(h.hold_no, '、' ORDER BY h.id) FROM court_hold h
         WHERE h.account_id = :account_id AND h.status = 'in-force') AS holds,
       (SELECT string_agg(g.guarantee_no, '、' ORDER BY g.id) FROM guarantee g
         WHERE g.account_id = :account_id AND g.status = 'in-force') AS guarantees,
       (SELECT t.order_no FROM takeover t
         WHERE t.account_id = :account_id AND t.status = 'in-force') AS takeover
""")
_ACCOUNTS = text("""
SELECT a.account_no, a.status, a.opened_at, c.change_no FROM supervised_account a
  LEFT JOIN account_change c ON c.account_id = a.id AND c.status = 'done'
 WHERE a.project_id = :project_id ORDER BY a.id
""")

NEWEST = 2**63 - 1
PAGE = 20


@dataclass(frozen=True, slots=True)
class Asked:
    """Which projects to list (项目查询)."""

    said: str = ""
    status: str = ""
    before: int | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Place:
    """Where on the page the reader has got to (翻页位置): older receipts, an account's older lines.

    `of`: the number of a supervised account the project used before.
    """

    receipts_before: int | None = None
    account_id: int | None = None
    lines_before: int | None = None
    of: str | None = None


@dataclass(frozen=True, slots=True)
class ProjectSeen:
    """One project with its account, its receipts and its book (项目及其账户)."""

    row: Row[Any]
    buildings: list[Row[Any]]
    holdings: list[tuple[Account, Yuan]]
    shown: Account | None
    lines: Page | None
    receipts: list[Row[Any]]
    older_receipts: int | None
    accounts: list[Row[Any]]
    over: Row[Any] | None

    def held(self, code: str, key: str = "") -> Yuan:
        """What stands on one account of the book (科目余额)."""
        return sum((held for one, held in self.holdings if (one.code, one.key) == (code, key)), ZERO)

    def total(self, code: str) -> Yuan:
        """What stands under a heading, whatever it is kept for (科目合计)."""
        return sum((held for one, held in self.holdings if one.code == code), ZERO)

    @property
    def contracts_paid_in(self) -> int:
        """How many contracts money was ever paid in under (有缴存的合同数)."""
        return sum(one.code == chart.PAID_IN_BY_CONTRACT for one, _ in self.holdings)

    def on_building(self, building_id: int) -> Yuan:
        """Supervised money that stands on a building (楼幢监管资金)."""
        key = chart.building_key(building_id)
        return self.held(chart.KEY_FUNDS, key) + self.held(chart.GENERAL_FUNDS, key)


def projects(session: Session, asked: Asked) -> list[Row[Any]]:
    """Projects, newest first, each with its money and how many homes are sold: one statement (项目清单)."""
    escaped = asked.said.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return list(
        session.execute(
            _LIST,
            {
                "said": asked.said, "within": f"%{escaped}%", "status": asked.status, "limit": asked.limit,
                "before": asked.before or 2**31 - 1, "bank_money": chart.DEPOSITS_AT_BANK,
            },
        )
    )  # fmt: skip


def project_seen(session: Session, project_no: str, place: Place) -> ProjectSeen | None:
    """One project with all that its page shows (查项目)."""
    wanted = {"project_no": project_no, "account_no": place.of}
    row = session.execute(_PROJECT, wanted).one_or_none()
    if row is None:
        return None
    holdings = balances(session, row.book_id) if row.book_id else []
    shown = _shown(holdings, place.account_id)
    receipts: list[Row[Any]] = []
    if row.account_id:
        asked = {"account_id": row.account_id, "before": place.receipts_before or NEWEST, "limit": PAGE + 1}
        receipts = list(session.execute(_RECEIPTS, asked))
    return ProjectSeen(
        row=row,
        buildings=list(session.execute(_BUILDINGS, {"project_id": row.id})),
        holdings=holdings,
        shown=shown,
        lines=statement(session, shown, before=place.lines_before, limit=PAGE) if shown else None,
        receipts=receipts[:PAGE],
        older_receipts=receipts[PAGE - 1].id if len(receipts) > PAGE else None,
        accounts=list(session.execute(_ACCOUNTS, {"project_id": row.id})),
        over=session.execute(_OVER, {"account_id": row.account_id}).one() if row.account_id else None,
    )


def _shown(holdings: list[tuple[Account, Yuan]], account_id: int | None) -> Account | None:
    """The account whose lines are shown: the one asked for, or the bank deposit itself."""
    for one, _ in holdings:
        if one.id == account_id if account_id else one.code == chart.DEPOSITS_AT_BANK:
            return one
    return None
