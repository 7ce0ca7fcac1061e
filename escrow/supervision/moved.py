"""A project whose account was changed: the one that lives, and what still happens on the old (现账户与原账户)."""

from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from config.regulations import Law
from escrow import chart
from escrow.errors import Refused
from escrow.supervision.books import account_of
from escrow.supervision.changing import moving_refusals
from escrow.supervision.models import SupervisedAccount
from escrow.supervision.rules import AccountStatus
from ledger.journal import Entry, post
from ledger.money import Yuan
from ledger.movements import Transfer


def living_of(session: Session, project_id: int, law: Law) -> SupervisedAccount | None:
    """The account that is the project's now, under its lock; None where supervision has ended (现监管账户).

    For a caller who holds one of the project's closed accounts. Raises Refused while this one is itself
    moving: nothing is added to books whose balance is on its way, and the bank tells it again.
    """
    query = select(SupervisedAccount).where(
        SupervisedAccount.project_id == project_id, SupervisedAccount.status != AccountStatus.CLOSED
    )
    found = session.scalars(query.with_for_update().execution_options(populate_existing=True)).one_or_none()
    if found is not None:
        reasons = moving_refusals(session, found.id, found.account_no, found.status, law)
        if reasons:
            raise Refused(reasons)
    return found


def left_for(
    session: Session, account_id: int, account_no: str, project_id: int, status: AccountStatus, law: Law
) -> SupervisedAccount | None:
    """The account for which this one was left, under its lock; None where it is the project's own (现监管账户).

    Raises Refused while the balance is on its way, and where supervision has ended on both.
    """
    moving = moving_refusals(session, account_id, account_no, status, law)
    if not moving:
        return None
    living = living_of(session, project_id, law) if status is AccountStatus.CLOSED else None
    if living is None:
        raise Refused(moving)
    return living


def took_in(
    session: Session, old_book: int, living: SupervisedAccount, amount: Yuan,
    *, reference: str, on: tuple[date, date],
) -> Entry:  # fmt: skip
    """Money reached the old account: owed onward there, nobody's yet in the new books (原账户进款).

    The entry in the old set of books.
    `on`: the day in the old set of books, and in the new.
    """
    bank = account_of(session, old_book, chart.DEPOSITS_AT_BANK)
    onward = account_of(session, old_book, chart.ONWARD)
    entry = post(
        session, chart.LATE_AT_OLD, [Transfer(bank, onward, amount)], reference=reference,
        effective_on=on[0], group=reference,
    )  # fmt: skip
    between = account_of(session, living.book_id, chart.TRANSFER_IN_TRANSIT)
    unmatched = account_of(session, living.book_id, chart.UNMATCHED)
    post(
        session, chart.LATE_FOR_LIVING, [Transfer(between, unmatched, amount)],
        reference=f"{reference}:onward", effective_on=on[1], group=reference,
    )  # fmt: skip
    return entry
