"""A bank reverses a receipt of an account that its project has left (原账户入账的冲正). Called under the locks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from escrow import chart
from escrow.deposits.facts import Place, open_day, sums
from escrow.deposits.rules import taken_from
from escrow.supervision.books import account_of
from escrow.supervision.funds import position
from escrow.supervision.levels import out_of
from escrow.supervision.models import SupervisedAccount
from escrow.supervision.suspensions import suspend
from ledger.accounts import lock_accounts
from ledger.journal import Entry, post
from ledger.money import ZERO, Yuan
from ledger.movements import Transfer

if TYPE_CHECKING:
    from escrow.deposits.reversals import Reversal


def unbook_left(
    session: Session, asked: Reversal, found: Row[Any], parts: list[Row[Any]], account: Place,
    living: SupervisedAccount,
) -> tuple[Entry, Yuan]:  # fmt: skip
    """A receipt of an account the project has left: what it was for is in the living one's books (P4, P21).

    What the old account still has is taken there, and is no longer on its way. Otherwise the money went over
    with the rest: the living account owes it to the bank (2102), no more than it has of it.
    """
    onward = account_of(session, account.book_id, chart.ONWARD)
    reference = f"reversal:{asked.receipt_no}:{asked.bank_serial}"
    if lock_accounts(session, [onward])[onward.id] < asked.amount:
        owed = (chart.RETURN_TO_PAYER, chart.reversal_key(found.id))
        entry, uncovered = _out_of_living(session, asked, found, parts, living, owed)
        if uncovered > ZERO:
            said = f"原账户 {account.account_no} 的入账 {asked.receipt_no} 被银行冲正"
            suspend(session, living, f"{said}，现账户已无款 {uncovered} 元可退")
        return entry, ZERO
    _, uncovered = _out_of_living(session, asked, found, parts, living, (chart.TRANSFER_IN_TRANSIT, ""))
    bank = account_of(session, account.book_id, chart.DEPOSITS_AT_BANK)
    entry = post(
        session, chart.LATE_AT_OLD, [Transfer(onward, bank, asked.amount)], reference=reference,
        effective_on=open_day(session, account.book_id, asked.value_date), memo=asked.reason, group=reference,
    )  # fmt: skip
    return entry, uncovered


def _out_of_living(
    session: Session, asked: Reversal, found: Row[Any], parts: list[Row[Any]], living: SupervisedAccount,
    to: tuple[str, str],
) -> tuple[Entry, Yuan]:  # fmt: skip
    """Out of the living account's books, general first, then key; and what they no longer have of it (冲回)."""
    contracts, book_id = sums(parts, "contract_id"), living.book_id
    taken, uncovered = _of_living(session, found, contracts, sums(parts, "building_id"), book_id)
    if to[0] == chart.TRANSFER_IN_TRANSIT:
        taken.append((chart.BANK_ERROR_RECEIVABLE, chart.receivable_key(found.id), uncovered))
    target = account_of(session, book_id, to[0], key=to[1])
    transfers = [
        Transfer(account_of(session, book_id, code, key=key), target, amount)
        for code, key, amount in taken
        if amount > ZERO
    ]
    contra = account_of(session, book_id, chart.MEMO_CONTRA)
    for one, amount in contracts.items():
        paid_in = account_of(session, book_id, chart.PAID_IN_BY_CONTRACT, key=chart.contract_key(one))
        transfers.append(Transfer(paid_in, contra, amount))
    reference = f"reversal:{asked.receipt_no}:{asked.bank_serial}"
    entry = post(
        session, chart.LATE_REVERSED, transfers, reference=f"{reference}:onward", memo=asked.reason,
        effective_on=open_day(session, book_id, asked.value_date), group=reference,
    )  # fmt: skip
    return entry, uncovered


def _of_living(
    session: Session, found: Row[Any], contracts: dict[int, Yuan], buildings: dict[int, Yuan], book_id: int
) -> tuple[list[tuple[str, str, Yuan]], Yuan]:
    """What the living account's books still have of a receipt, by heading and key, and what they have not."""
    unmatched = account_of(session, book_id, chart.UNMATCHED)
    rest = Yuan.from_fen(found.amount) - sum(contracts.values(), ZERO)
    there = lock_accounts(session, [unmatched])[unmatched.id]
    waiting = taken_from(ZERO, rest, building=ZERO, unmatched=there)
    taken, uncovered = [(chart.UNMATCHED, "", waiting.unmatched)], waiting.uncovered
    for building_id, amount in buildings.items():
        funds, key = position(session, book_id, building_id, locked=True), chart.building_key(building_id)
        given = taken_from(amount, ZERO, building=funds.held, unmatched=ZERO)
        split = out_of(funds, given.building)
        taken += [(chart.GENERAL_FUNDS, key, split.general), (chart.KEY_FUNDS, key, split.key_funds)]
        uncovered += given.uncovered
    return taken, uncovered
