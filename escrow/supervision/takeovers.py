"""The bureau takes over a project's payments: each needs two approvals (接管). Lock, look, judge, write."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from config.regulations import Law
from escrow.access import audit
from escrow.errors import Invalid, NotFound, Refusal, Refused
from escrow.supervision.court_holds import account_locked
from escrow.supervision.measure_models import Takeover
from escrow.supervision.measures import OrderStatus, decision_refusals, ending_refusals
from escrow.supervision.papers import refuse_used_paper

LAW_KEY = "takeover_two_officers"
LIVE = (OrderStatus.ENTERED, OrderStatus.IN_FORCE)


@dataclass(frozen=True, slots=True)
class Order:
    """The bureau's order (接管决定)."""

    account_no: str
    order_no: str
    grounds: str
    file_hash: str


def enter(session: Session, order: Order, *, officer_id: int) -> int:
    """One officer enters the order (录入接管). Raises NotFound or Refused."""
    account, law = account_locked(session, order.account_no)
    refuse_used_paper(session, order.file_hash, law)
    live = session.scalar(
        select(Takeover.order_no).where(Takeover.account_id == account.id, Takeover.status.in_(LIVE))
    )
    if live:
        message = f"该账户已有接管决定 {live}，不能重复录入"
        raise Refused([Refusal("takeover-live", message, law[LAW_KEY].citation)])
    takeover = Takeover(
        account_id=account.id, order_no=order.order_no, grounds=order.grounds, file_hash=order.file_hash,
        status=OrderStatus.ENTERED, entered_by=officer_id,
    )  # fmt: skip
    session.add(takeover)
    session.flush()
    audit.record(session, "takeover.entered", order.order_no, account_no=order.account_no)
    return takeover.id


def decide(
    session: Session, account_no: str, takeover_id: int, *, officer_id: int, reason: str | None = None
) -> None:  # fmt: skip
    """Another officer puts it in force, or with a reason sends it back (接管生效或退回)."""
    takeover, law = _held(session, account_no, takeover_id)
    if reasons := decision_refusals(takeover.status, takeover.entered_by, officer_id, law, key=LAW_KEY):
        raise Refused(reasons)
    takeover.status = OrderStatus.REJECTED if reason else OrderStatus.IN_FORCE
    takeover.decided_by, takeover.decided_at, takeover.reason = officer_id, func.clock_timestamp(), reason
    session.flush()
    audit.record(session, f"takeover.{takeover.status}", takeover.order_no, reason=reason)


def ask_end(
    session: Session, account_no: str, takeover_id: int, to: str, reason: str, *, officer_id: int
) -> None:  # fmt: skip
    """One officer enters that it may end (录入终止接管)."""
    takeover, law = _held(session, account_no, takeover_id)
    if to != OrderStatus.ENDED:
        raise Invalid({"to": "接管只能终止。"})
    if reasons := _ending(takeover, officer_id, law, asks=True):
        raise Refused(reasons)
    takeover.ending_by, takeover.ending_reason = officer_id, reason
    session.flush()
    audit.record(session, "takeover.end-entered", takeover.order_no, reason=reason)


def end(
    session: Session, account_no: str, takeover_id: int, *, officer_id: int, reason: str | None = None
) -> OrderStatus | None:
    """Another officer confirms its end, or with a reason sends that back; None where it goes on (终止接管)."""
    takeover, law = _held(session, account_no, takeover_id)
    if reasons := _ending(takeover, officer_id, law, asks=False):
        raise Refused(reasons)
    if reason is not None:
        takeover.ending_by = takeover.ending_reason = None
        session.flush()
        audit.record(session, "takeover.end-rejected", takeover.order_no, reason=reason)
        return None
    takeover.status, takeover.ended_by = OrderStatus.ENDED, officer_id
    takeover.ended_at = func.clock_timestamp()
    session.flush()
    audit.record(session, "takeover.ended", takeover.order_no)
    return OrderStatus.ENDED


def number_of(session: Session, takeover_id: int) -> str | None:
    """By which number its trail is kept (接管决定文号)."""
    return session.scalar(select(Takeover.order_no).where(Takeover.id == takeover_id))


def taken_over(session: Session, account_id: int) -> str | None:
    """The order under which this account's payments stand, if any (现行接管决定)."""
    return session.scalar(
        select(Takeover.order_no).where(
            Takeover.account_id == account_id, Takeover.status == OrderStatus.IN_FORCE
        )
    )


def _ending(takeover: Takeover, officer_id: int, law: Law, *, asks: bool) -> list[Refusal]:
    return ending_refusals(takeover.status, takeover.ending_by, officer_id, law, key=LAW_KEY, asks=asks)


def _held(session: Session, account_no: str, takeover_id: int) -> tuple[Takeover, Law]:
    account, law = account_locked(session, account_no)
    ours = select(Takeover).where(Takeover.id == takeover_id, Takeover.account_id == account.id)
    locked = ours.with_for_update().execution_options(populate_existing=True)
    takeover = session.scalars(locked).one_or_none()
    if takeover is None:
        raise NotFound("这个账户没有这件接管决定")
    return takeover, law
