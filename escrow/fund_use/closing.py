"""What the bank's answer books and moves of a use, and what closes it (银行答复的记账与了结)."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from config.clock import bureau_day
from escrow.access import audit
from escrow.fund_orders.handlers import Handler, Posting
from escrow.fund_orders.models import FundOrder
from escrow.fund_use.facts import place_of
from escrow.fund_use.models import FundUse, UseShare
from escrow.fund_use.payment_models import UsePayment, UsePaymentPart
from escrow.fund_use.payment_rules import PaymentKind, PaymentStatus
from escrow.fund_use.rules import UseStatus
from escrow.instructions.rules import InstructionStatus
from escrow.maintenance import chart
from escrow.maintenance.books import accounts_of
from ledger.accounts import Account
from ledger.journal import post
from ledger.money import ZERO, Yuan
from ledger.movements import Transfer


def paid(session: Session, order: FundOrder, bank: Account) -> Posting:
    """Each house spends its part, and its hold goes with it (维修支出)."""
    spent, freed = _lines(session, order, bank)
    return Posting(chart.PAY_USE, [
        *(Transfer(works, bank, part) for works, part in spent),
        *(Transfer(hold, contra, part) for hold, contra, part in freed),
    ])  # fmt: skip


def returned(session: Session, order: FundOrder, bank: Account) -> Posting:
    """It came back: to each house its part, held again (退汇)."""
    spent, freed = _lines(session, order, bank)
    return Posting(chart.PAY_USE_BACK, [
        *(Transfer(bank, works, part) for works, part in spent),
        *(Transfer(contra, hold, part) for hold, contra, part in freed),
    ])  # fmt: skip


def follow(session: Session, order: FundOrder) -> None:
    """The payment is done when the money has left, and due again when it came back (随指令结果)."""
    moved = {
        InstructionStatus.PAID: PaymentStatus.PAID, InstructionStatus.RETURNED: PaymentStatus.DUE,
    }.get(order.status)  # fmt: skip
    if moved is None:
        return
    one, use = _of(session, order)
    one.status = moved
    session.flush()
    if one.kind is not PaymentKind.FINAL:
        return
    if moved is PaymentStatus.PAID:
        close(session, use, one.total)
    elif use.status is UseStatus.SETTLED:
        use.status, use.final = UseStatus.ACCEPTED, None
        session.flush()


def close(session: Session, use: FundUse, total: Yuan) -> None:
    """Settled: whatever was held and not used is free (结算了结)."""
    if use.free_entry_id is None:
        use.free_entry_id = free(session, use)
    use.status, use.final = UseStatus.SETTLED, total
    session.flush()
    audit.record(session, "use.settled", use.use_no, final=total, free_entry=use.free_entry_id)


def free(session: Session, use: FundUse) -> int | None:
    """What is still held for it on each house is held no more (解除占用); None where nothing was left."""
    used = (
        select(UsePaymentPart.house_id, UsePaymentPart.amount)
        .join(UsePayment, UsePayment.id == UsePaymentPart.payment_id)
        .where(UsePayment.use_id == use.id, UsePayment.status == PaymentStatus.PAID)
    )
    left: dict[int, Yuan] = {
        row.house_id: row.from_fund
        for row in session.execute(
            select(UseShare.house_id, UseShare.from_fund).where(UseShare.use_id == use.id)
            .order_by(UseShare.house_id)
        )
    }  # fmt: skip
    for row in session.execute(used):
        left[row.house_id] -= row.amount
    rest = {house_id: amount for house_id, amount in left.items() if amount > ZERO}
    if not rest:
        return None
    place = place_of(session, use.community_id, use.community_building_id)
    contra = (chart.USE_CONTRA, chart.use_key(use.id))
    keys = {house_id: (chart.USE_HOLD, chart.house_key(house_id)) for house_id in rest}
    held = accounts_of(session, place.row.book_id, [contra, *keys.values()])
    return post(
        session, chart.FREE_USE,
        [Transfer(held[keys[house_id]], held[contra], amount) for house_id, amount in rest.items()],
        reference=f"fund-use:{use.id}:free", effective_on=bureau_day(), memo=f"{use.title}（{use.use_no}）",
    ).id  # fmt: skip


USES = Handler(paid, returned, follow)


def _of(session: Session, order: FundOrder) -> tuple[UsePayment, FundUse]:
    one = session.get_one(UsePayment, int(order.source.rpartition(":")[2]), with_for_update=True)
    return one, session.get_one(FundUse, one.use_id, with_for_update=True)


def _lines(
    session: Session, order: FundOrder, bank: Account
) -> tuple[list[tuple[Account, Yuan]], list[tuple[Account, Account, Yuan]]]:
    """What each house spends, and which hold goes with it (逐户支出与占用)."""
    one, use = _of(session, order)
    query = select(UsePaymentPart.house_id, UsePaymentPart.amount).where(UsePaymentPart.payment_id == one.id)
    parts = {row.house_id: row.amount for row in session.execute(query.order_by(UsePaymentPart.house_id))}
    contra = (chart.USE_CONTRA, chart.use_key(use.id))
    works = {at: (use.works, chart.house_key(at)) for at in parts}
    holds = {at: (chart.USE_HOLD, chart.house_key(at)) for at in parts}
    held = accounts_of(session, bank.book_id, [contra, *works.values(), *holds.values()])
    return (
        [(held[works[at]], part) for at, part in parts.items()],
        [(held[holds[at]], held[contra], part) for at, part in parts.items()],
    )
