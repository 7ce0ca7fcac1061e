"""The demo's banks send their statements, day by day, as the book tells it (演示银行的对账单)."""

from datetime import date, timedelta
from io import BytesIO

from sqlalchemy import text

from config.clock import bureau_day
from config.database import Database
from config.settings import Settings
from escrow.rehearsal.hiring import BANKS
from escrow.statements.files import Sender, arriving, keep
from escrow.statements.flat import COLUMNS, HEAD
from escrow.statements.matching import match
from escrow.statements.reading import read
from escrow.statements.rules import FileStatus
from escrow.workdays.actions import calendar
from escrow.workdays.rules import Calendar
from ledger.money import yuan_of

CREDENTIALS = "demo-credentials.json"
# Accounts of the demo's banks and the end of the last day they told of.
_ACCOUNTS = text("""
SELECT a.id, a.account_no, a.bank_code, a.opened_at, s.business_date AS told, s.closing
  FROM supervised_account a
  LEFT JOIN LATERAL (SELECT business_date, closing FROM live_statement l WHERE l.account_id = a.id
                      ORDER BY business_date DESC LIMIT 1) s ON true
 WHERE a.bank_code = ANY (CAST(:banks AS text[])) AND a.status <> 'closed' ORDER BY a.id
""")
_LINES = """
SELECT coalesce(m.bank_serial, 'D' || m.entry_id) AS serial, m.direction, m.amount,
       least(m.value_date, m.effective_on) AS value_date
  FROM {movements} m WHERE m.effective_on <= :day ORDER BY m.entry_id
"""
# What was told late is on the next statement.
_FIRST = text(_LINES.format(movements="bank_movements(:account, :since)"))
_LATER = text(_LINES.format(movements="free_movements(:account)"))
_BEFORE = text("SELECT ledger_at_bank(:account, :day)")


def send_statements(database: Database, settings: Settings) -> int:
    """Every statement the demo's banks owe up to yesterday; how many. None where no demo was loaded (补报)."""
    if not (settings.data_dir / CREDENTIALS).exists():
        return 0
    with database.read() as session:
        accounts = session.execute(_ACCOUNTS, {"banks": list(BANKS)}).all()
        known = calendar(session)
    sent = 0
    for one in accounts:
        since = one.told + timedelta(days=1) if one.told else bureau_day(one.opened_at)
        opening = one.closing
        for day in _days_owed(known, since):
            opening = _send(database, settings, one, (since, day), opening)
            since, sent = day + timedelta(days=1), sent + 1
    return sent


def _days_owed(known: Calendar, since: date) -> list[date]:
    """The working days from a day up to yesterday (应报的工作日)."""
    days = (bureau_day() - since).days
    return [day for day in (since + timedelta(days=n) for n in range(days)) if known.is_working_day(day)]


def _send(
    database: Database, settings: Settings, one: object, span: tuple[date, date], opening: int | None
) -> int:
    since, day = span
    account_id: int = one.id  # type: ignore[attr-defined]
    told = {"account": account_id, "day": day}
    with database.read() as session:
        if opening is None:
            before = session.scalar(_BEFORE, {"account": account_id, "day": since - timedelta(days=1)})
            opening, lines = int(before or 0), session.execute(_FIRST, {**told, "since": since}).all()
        else:
            lines = session.execute(_LATER, told).all()
    moved = (line.amount if line.direction == "credit" else -line.amount for line in lines)
    closing: int = opening + sum(moved)
    rows = [
        f"{line.serial},{line.direction},{yuan_of(line.amount)},{line.value_date},{day}T17:00:00+08:00,,,"
        for line in lines
    ]
    account_no: str = one.account_no  # type: ignore[attr-defined]
    head = f"{account_no},{day},{yuan_of(opening)},{yuan_of(closing)}"
    body = "\n".join([",".join(HEAD), head, "", ",".join(COLUMNS), *rows, ""]).encode()
    sender = Sender(bank_code=one.bank_code)  # type: ignore[attr-defined]
    with arriving(BytesIO(body)) as arrived, database.begin() as session:
        kept = keep(session, arrived, sender, settings)
    if kept.status is not FileStatus.ACCEPTED:
        read(database, settings, kept.id)
        match(database, settings, account_id)
    return closing
