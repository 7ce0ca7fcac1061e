"""Journal entries go in here and nowhere else; one round trip however many (记账)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import accumulate

from config.statement import array
from ledger.errors import MovementNotAllowed, UnknownEntry
from ledger.movements import Movement, Transfer
from ledger.wire import Transaction, ask


@dataclass(frozen=True, slots=True)
class Draft:
    """One entry to be posted: a permitted movement, its transfers, and where it comes from (待记凭证)."""

    movement: Movement
    transfers: Sequence[Transfer]
    reference: str
    effective_on: date
    group: str | None = None
    memo: str = ""
    settles: int | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A posted entry: its value date and PostgreSQL's booking time (已记凭证)."""

    id: int
    booked_at: datetime
    effective_on: date

    @property
    def entry_no(self) -> str:
        """The number a person reads (凭证号)."""
        return entry_no(self.id)


def entry_no(entry_id: int) -> str:
    """How an entry's id is printed (凭证号)."""
    return f"{entry_id:010d}"


_POST = (
    "SELECT entry_id, at FROM ledger.post_entries("
    "%s::bigint[], %s::text[], %s::text[], %s::text[], %s::date[], %s::text[], %s::bigint[], %s::bigint[],"
    " %s::integer[], %s::integer[], %s::bigint[], %s::bigint[], %s::bigint[])"
)
_REVERSE = "SELECT entry_id, at FROM ledger.reverse_entry(%s, %s, %s, %s, %s)"


def post(
    session: Transaction,
    movement: Movement,
    transfers: Sequence[Transfer],
    *,
    reference: str,
    effective_on: date,
    group: str | None = None,
    memo: str = "",
    settles: int | None = None,
) -> Entry:
    """Post one entry (记一张凭证). The reference is used once in its book; retries are answered by the caller.

    `settles` names the entry of the hold that this one resolves, which can happen once.
    """
    return post_many(session, [Draft(movement, transfers, reference, effective_on, group, memo, settles)])[0]


def post_many(session: Transaction, drafts: Sequence[Draft]) -> list[Entry]:
    """Post many entries in one round trip, in their order, all or nothing (批量记账)."""
    if not drafts:
        return []
    posted = ask(session, _POST, _columns(drafts))
    return [
        Entry(entry_id, at, draft.effective_on) for (entry_id, at), draft in zip(posted, drafts, strict=True)
    ]


def reverse(
    session: Transaction,
    entry_id: int,
    *,
    reference: str,
    effective_on: date,
    memo: str,
    group: str | None = None,
) -> Entry:
    """Post the exact mirror of an entry, once; a reversal itself is not reversed but booked anew (冲正)."""
    posted = ask(session, _REVERSE, (entry_id, reference, effective_on, memo, group))
    if not posted:
        raise UnknownEntry
    [(reversal_id, at)] = posted
    return Entry(reversal_id, at, effective_on)


def close_day(session: Transaction, book_id: int, day: date) -> None:
    """Close a day of a book and every day before it: postings effective then are refused from now on (日结)."""
    ask(session, "SELECT ledger.close_day(%s, %s)", (book_id, day))


def _columns(drafts: Sequence[Draft]) -> tuple[str, ...]:
    """The drafts as the columns ledger.post_entries takes; each transfer's route is checked on the way."""
    debits: list[object] = []
    credits: list[object] = []
    amounts: list[object] = []
    books: list[object] = []
    for draft in drafts:
        routes = draft.movement.routes
        for transfer in draft.transfers:
            if (transfer.debit.code, transfer.credit.code) not in routes:
                raise MovementNotAllowed(
                    f"{draft.movement.label}：不得借 {transfer.debit.code} 贷 {transfer.credit.code}"
                )
            debits.append(transfer.debit.id)
            credits.append(transfer.credit.id)
            amounts.append(transfer.amount.fen)
        books.append(draft.transfers[0].debit.book_id if draft.transfers else 0)
    lasts = list(accumulate(len(draft.transfers) for draft in drafts))
    columns = (
        books,
        [draft.movement.code for draft in drafts],
        [draft.reference for draft in drafts],
        [draft.group for draft in drafts],
        [draft.effective_on for draft in drafts],
        [draft.memo for draft in drafts],
        [None] * len(drafts),
        [draft.settles for draft in drafts],
        [last - len(draft.transfers) + 1 for last, draft in zip(lasts, drafts, strict=True)],
        lasts,
        debits,
        credits,
        amounts,
    )
    return tuple(array(column) for column in columns)
