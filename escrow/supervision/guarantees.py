"""A bank's guarantee takes the place of a part of a building's cash (保函置换). Lock, look, judge, write."""

from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from config.clock import bureau_day
from config.regulations import Law
from escrow import chart
from escrow.access import audit
from escrow.errors import Invalid, NotFound, Refusal, Refused
from escrow.projects.models import Building
from escrow.supervision.court_holds import account_locked
from escrow.supervision.funds import change_level, position
from escrow.supervision.measure_models import Guarantee
from escrow.supervision.measures import (
    OrderStatus,
    decision_refusals,
    ending_refusals,
    guarantee_refusals,
    shrunk,
)
from escrow.supervision.models import SupervisedAccount
from escrow.supervision.papers import used_papers, wait_turn
from ledger.money import ZERO, Yuan

LAW_KEY = "guarantee_two_officers"


@dataclass(frozen=True, slots=True)
class Offered:
    """A guarantee as the developer hands it in (保函)."""

    account_no: str
    building_no: str
    guarantee_no: str
    issuer: str
    amount: Yuan
    valid_until: date
    file_hash: str


def enter(session: Session, offered: Offered, *, officer_id: int) -> int:
    """One officer enters a guarantee; it stands for nothing yet (录入). Raises NotFound, Invalid, Refused."""
    account, law = account_locked(session, offered.account_no)
    building_id = _building(session, account, offered.building_no)
    wait_turn(session, f"guarantee:{offered.guarantee_no}")
    known = select(Guarantee.id).where(
        Guarantee.guarantee_no == offered.guarantee_no, Guarantee.status != OrderStatus.REJECTED
    )
    if session.scalar(known) is not None:
        raise Invalid({"guarantee_no": "这个保函编号已录入。"})
    used = used_papers(session, [offered.file_hash], law)
    found = position(session, account.book_id, building_id)
    if reasons := [
        *guarantee_refusals(found, offered.amount, offered.valid_until, bureau_day(), law), *used,
    ]:  # fmt: skip
        raise Refused(reasons)
    guarantee = Guarantee(
        guarantee_no=offered.guarantee_no, account_id=account.id, building_id=building_id,
        issuer=offered.issuer, amount=offered.amount, valid_until=offered.valid_until,
        file_hash=offered.file_hash, status=OrderStatus.ENTERED, entered_by=officer_id, left_amount=ZERO,
    )  # fmt: skip
    session.add(guarantee)
    session.flush()
    audit.record(
        session, "guarantee.entered", offered.guarantee_no, account_no=offered.account_no,
        building_no=offered.building_no, amount=str(offered.amount), file_hash=offered.file_hash,
    )  # fmt: skip
    return guarantee.id


def decide(
    session: Session, account_no: str, guarantee_id: int, *, officer_id: int, reason: str | None = None
) -> None:  # fmt: skip
    """Another officer puts it in force, and the level falls by it; or with a reason sends it back (P19)."""
    guarantee, account, law = _held(session, account_no, guarantee_id)
    reasons = decision_refusals(guarantee.status, guarantee.entered_by, officer_id, law, key=LAW_KEY)
    before = position(session, account.book_id, guarantee.building_id, locked=True)
    if reason is None:
        today = bureau_day()
        reasons += guarantee_refusals(before, guarantee.amount, guarantee.valid_until, today, law)
    if reasons:
        raise Refused(reasons)
    guarantee.decided_by, guarantee.decided_at = officer_id, func.clock_timestamp()
    if reason is not None:
        guarantee.status, guarantee.reason = OrderStatus.REJECTED, reason
    else:
        guarantee.status, guarantee.left_amount = OrderStatus.IN_FORCE, guarantee.amount
        after = replace(before, guarantee=before.guarantee + guarantee.amount)
        change_level(
            session, account.book_id, guarantee.building_id, before, after, movement=chart.SET_GUARANTEE,
            reference=f"guarantee:{guarantee.id}", on=bureau_day(), memo=guarantee.guarantee_no,
        )  # fmt: skip
    session.flush()
    audit.record(session, f"guarantee.{guarantee.status}", guarantee.guarantee_no, reason=reason)


def ask_end(
    session: Session, account_no: str, guarantee_id: int, to: str, reason: str, *, officer_id: int
) -> None:  # fmt: skip
    """One officer enters that it is given back (退还) or has lapsed (失效)."""
    guarantee, _, law = _held(session, account_no, guarantee_id)
    if to not in (OrderStatus.ENDED, OrderStatus.LAPSED):
        raise Invalid({"to": "须为退还或失效。"})
    if reasons := _ending(guarantee, officer_id, law, asks=True):
        raise Refused(reasons)
    guarantee.ending_by, guarantee.ending_to = officer_id, OrderStatus(to)
    guarantee.ending_reason = reason
    session.flush()
    audit.record(session, "guarantee.end-entered", guarantee.guarantee_no, to=to, reason=reason)


def end(
    session: Session, account_no: str, guarantee_id: int, *, officer_id: int, reason: str | None = None
) -> OrderStatus | None:
    """Another officer confirms its end, and the quota is whole again; or with a reason sends that back.

    What it came to; None where it goes on (保函终止，恢复额度；或退回).
    """
    guarantee, account, law = _held(session, account_no, guarantee_id)
    if reasons := _ending(guarantee, officer_id, law, asks=False):
        raise Refused(reasons)
    if reason is not None:
        guarantee.ending_by = guarantee.ending_to = guarantee.ending_reason = None
        session.flush()
        audit.record(session, "guarantee.end-rejected", guarantee.guarantee_no, reason=reason)
        return None
    guarantee.ended_by = officer_id
    _restore(session, guarantee, account, OrderStatus(guarantee.ending_to or ""))
    audit.record(session, f"guarantee.{guarantee.status}", guarantee.guarantee_no)
    return guarantee.status


def number_of(session: Session, guarantee_id: int) -> str | None:
    """By which number its trail is kept (保函编号)."""
    return session.scalar(select(Guarantee.guarantee_no).where(Guarantee.id == guarantee_id))


def expired(session: Session) -> list[tuple[str, int]]:
    """Guarantees past their last day that still stand for cash, by account (到期未了的保函)."""
    query = (
        select(SupervisedAccount.account_no, Guarantee.id)
        .join(SupervisedAccount, SupervisedAccount.id == Guarantee.account_id)
        .where(Guarantee.status == OrderStatus.IN_FORCE, Guarantee.valid_until < bureau_day())
    )
    return [(row.account_no, row.id) for row in session.execute(query.order_by(Guarantee.id))]


def lapse(session: Session, account_no: str, guarantee_id: int) -> bool:
    """Past its last day it stands for nothing, and the quota is whole again; nobody has to ask (到期失效)."""
    guarantee, account, _ = _held(session, account_no, guarantee_id)
    if guarantee.status != OrderStatus.IN_FORCE or guarantee.valid_until >= bureau_day():
        return False
    _restore(session, guarantee, account, OrderStatus.LAPSED)
    audit.record(session, "guarantee.lapsed", guarantee.guarantee_no, why="到期")
    return True


def shrink(
    session: Session, account: SupervisedAccount, building_id: int, law: Law, *, cause: str,
    why: str = "重点拨付",
) -> Yuan:  # fmt: skip
    """After a key payment, or a lower quota, they fall to their share, oldest first; by how much (保函递减)."""
    before = position(session, account.book_id, building_id, locked=True)
    amount = left = shrunk(before, law)
    query = select(Guarantee).where(
        Guarantee.account_id == account.id, Guarantee.building_id == building_id,
        Guarantee.status == OrderStatus.IN_FORCE,
    )  # fmt: skip
    for guarantee in session.scalars(query.order_by(Guarantee.id).with_for_update()):
        taken = min(left, guarantee.left_amount)
        guarantee.left_amount, left = guarantee.left_amount - taken, left - taken
        if taken > ZERO:
            said = f"随{why} {cause} 递减 {taken} 元，尚有效 {guarantee.left_amount} 元"
            audit.record(session, "guarantee.shrunk", guarantee.guarantee_no, reason=said)
    if amount > ZERO:
        after = replace(before, guarantee=before.guarantee - amount)
        change_level(
            session, account.book_id, building_id, before, after, movement=chart.SET_GUARANTEE,
            reference=f"guarantee-shrink:{cause}", on=bureau_day(), memo=f"随{why}递减",
        )  # fmt: skip
        session.flush()
    return amount


def payments_stopped(session: Session, building_id: int, book_id: int) -> str | None:
    """The building's lapsed guarantee whose money has not come back, whatever its account was (失效保函未补足)."""
    query = select(Guarantee.guarantee_no).where(
        Guarantee.building_id == building_id, Guarantee.status == OrderStatus.LAPSED
    )
    lapsed = session.scalar(query.order_by(Guarantee.id.desc()).limit(1))
    return lapsed if lapsed and position(session, book_id, building_id).shortfall > ZERO else None


def _restore(session: Session, guarantee: Guarantee, account: SupervisedAccount, to: OrderStatus) -> None:
    """The level without it: what it stood for is asked for in cash again (恢复额度)."""
    before = position(session, account.book_id, guarantee.building_id, locked=True)
    after = replace(before, guarantee=before.guarantee - guarantee.left_amount)
    change_level(
        session, account.book_id, guarantee.building_id, before, after, movement=chart.SET_GUARANTEE,
        reference=f"guarantee-end:{guarantee.id}", on=bureau_day(), memo=guarantee.guarantee_no,
    )  # fmt: skip
    guarantee.status, guarantee.left_amount = to, ZERO
    guarantee.ended_at = func.clock_timestamp()
    session.flush()


def _ending(guarantee: Guarantee, officer_id: int, law: Law, *, asks: bool) -> list[Refusal]:
    return ending_refusals(
        guarantee.status, guarantee.ending_by, officer_id, law, key=LAW_KEY, asks=asks
    )


def _building(session: Session, account: SupervisedAccount, building_no: str) -> int:
    query = select(Building.id).where(
        Building.project_id == account.project_id, Building.building_no == building_no
    )
    found = session.scalar(query.where(Building.removed_at.is_(None)))
    if found is None:
        raise Invalid({"building_no": "项目中没有这一幢。"})
    return found


def _held(
    session: Session, account_no: str, guarantee_id: int
) -> tuple[Guarantee, SupervisedAccount, Law]:
    account, law = account_locked(session, account_no)
    ours = select(Guarantee).where(Guarantee.id == guarantee_id, Guarantee.account_id == account.id)
    locked = ours.with_for_update().execution_options(populate_existing=True)
    guarantee = session.scalars(locked).one_or_none()
    if guarantee is None:
        raise NotFound("这个账户没有这份保函")
    return guarantee, account, law
