"""An application is entered by one officer (用款录入). Lock, look, judge, write."""

import secrets
from dataclasses import dataclass
from datetime import date

from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from config.clock import bureau_day
from config.regulations import Law
from escrow.access import audit
from escrow.errors import Invalid, Refusal, Refused
from escrow.projects.models import Building
from escrow.supervision.papers import used_number, used_papers
from escrow.withdrawals.facts import Asked, AskedLine, Place, facts_of, judged_lines, of_project, place_of
from escrow.withdrawals.models import ListedPayee, Withdrawal, WithdrawalLine
from escrow.withdrawals.rules import Channel, WithdrawalStatus, refusals
from escrow.workdays.actions import calendar
from ledger.money import ZERO

_WAIT = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 1))")
_ELSEWHERE = text("""
SELECT file_hash FROM filed_paper WHERE file_hash = ANY (:hashes) AND used_for <> 'withdrawal_line'
""")


@dataclass(frozen=True, slots=True)
class Application:
    """What the developer hands in (用款申请)."""

    account_no: str
    building_no: str
    channel: Channel
    application_no: str
    applied_on: date
    file_hash: str
    lines: tuple[AskedLine, ...]
    court_order_no: str | None = None
    court_order_hash: str | None = None


def enter(session: Session, asked: Application, *, officer_id: int) -> str:
    """One officer writes the application down; its number (录入用款). No money moves yet.

    Raises NotFound, Invalid or Refused with every reason.
    """
    place = place_of(session, asked.account_no, locked=True)
    building_id = _building(session, place, asked.building_no)
    if faults := _faults(session, asked, place, building_id):
        raise Invalid(faults)
    for name in sorted({said for line in asked.lines for said in (line.invoice_no, line.invoice_hash)}):
        session.execute(_WAIT, {"name": name})
    lines = judged_lines(session, asked.lines)
    facts = facts_of(
        session, place, Asked(building_id or 0, asked.channel, asked.court_order_no, lines)
    )  # fmt: skip
    used = used_number(session, "withdrawal", place.account.id, asked.application_no, place.law)
    used += used_papers(session, filter(None, (asked.file_hash, asked.court_order_hash)), place.law)
    if reasons := [*refusals(facts, place.law), *_reused(session, asked, place.law), *used]:
        raise Refused(reasons)
    withdrawal = _write(session, asked, place, building_id or 0, officer_id)
    audit.record(
        session, "withdrawal.entered", withdrawal.withdrawal_no, account_no=asked.account_no,
        building_no=asked.building_no, channel=asked.channel.value, amount=withdrawal.amount,
        application_no=asked.application_no, file_hash=asked.file_hash,
    )  # fmt: skip
    return withdrawal.withdrawal_no


def _building(session: Session, place: Place, building_no: str) -> int | None:
    query = select(Building.id).where(
        Building.project_id == place.account.project_id, Building.building_no == building_no
    )
    return session.scalar(query.where(Building.removed_at.is_(None)))


def _faults(
    session: Session, asked: Application, place: Place, building_id: int | None
) -> dict[str, str]:  # fmt: skip
    found = {}
    if building_id is None:
        found["building_no"] = "项目中没有这一幢。"
    if asked.applied_on > bureau_day():
        found["applied_on"] = "申请日期不能晚于今天。"
    if not asked.lines or any(line.amount <= ZERO for line in asked.lines):
        found["lines"] = "至少填一笔付款，金额须大于零。"
    query = select(ListedPayee.id).where(
        ListedPayee.account_id.in_(of_project(place.account.id)),
        ListedPayee.id.in_([one.payee_id for one in asked.lines]),
    )
    if {one.payee_id for one in asked.lines} != set(session.scalars(query)):
        found["lines"] = "收款人须在本项目的白名单内。"
    if (asked.court_order_no is None) != (asked.court_order_hash is None):
        found["court_order_no"] = "准予支付的决定，文号与文件 SHA-256 须一并填写。"
    hashes = [line.invoice_hash for line in asked.lines]
    if len({asked.file_hash, asked.court_order_hash, *hashes}) != len(hashes) + 2:
        found["lines"] = "申请、决定与各张发票须是各不相同的文件。"
    return found


def _reused(session: Session, asked: Application, law: Law) -> list[Refusal]:
    hashes = [line.invoice_hash for line in asked.lines]
    message = "发票文件（SHA-256 相同）已在别的事项中使用过，不得重复使用"
    return [
        Refusal("file-reused", message, law["paper_used_once"].citation)
        for _ in session.scalars(_ELSEWHERE, {"hashes": hashes})
    ]


def _write(
    session: Session, asked: Application, place: Place, building_id: int, officer_id: int
) -> Withdrawal:
    withdrawal = Withdrawal(
        withdrawal_no=f"YK{bureau_day():%Y%m%d}{secrets.token_hex(4).upper()}",
        account_id=place.account.id, building_id=building_id, channel=asked.channel,
        application_no=asked.application_no, applied_on=asked.applied_on, file_hash=asked.file_hash,
        court_order_no=asked.court_order_no, court_order_hash=asked.court_order_hash,
        amount=sum((line.amount for line in asked.lines), ZERO),
        review_by=calendar(session).working_days_after(bureau_day(), place.review_days),
        status=WithdrawalStatus.ENTERED, entered_by=officer_id,
    )  # fmt: skip
    session.add(withdrawal)
    session.flush()
    for line in asked.lines:
        session.execute(
            insert(WithdrawalLine).values(
                withdrawal_id=withdrawal.id, account_id=place.account.id, payee_id=line.payee_id,
                purpose=line.purpose, amount=line.amount, progress=line.progress,
                invoice_no=line.invoice_no, invoice_hash=line.invoice_hash,
            )
        )  # fmt: skip
    return withdrawal
