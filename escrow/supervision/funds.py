"""A building's money and level, read from the ledger, and the one way a level changes (楼幢资金与额度)."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

from escrow import chart
from escrow.supervision.books import account_of, opened_account
from escrow.supervision.levels import Position, resplit
from escrow.supervision.limits import LIMIT_CODES, AccountFunds, Limits
from escrow.supervision.rules import QuotaMode
from ledger.accounts import Account, balances, lock_accounts
from ledger.journal import Entry, post
from ledger.money import ZERO, Yuan
from ledger.movements import Movement, Transfer
from ledger.wire import ask

_MODE = text("""
SELECT g.clauses ->> 'quota_mode' FROM supervised_account s JOIN agreement g ON g.id = s.agreement_id
 WHERE s.book_id = :book_id
""")
_BALANCES = """
SELECT a.id, a.code, a.key, b.balance FROM ledger.account a JOIN ledger.balance b ON b.account_id = a.id
 WHERE a.book_id = %s AND a.key = ANY (%s) AND a.code = ANY (%s)
"""
LEVELS = {
    chart.QUOTA: "quota",
    chart.GUARANTEE: "guarantee",
    chart.NODE_RELEASED: "released",
    chart.KEY_PAID: "key_paid",
}
_FIELDS = {chart.KEY_FUNDS: "key_funds", chart.GENERAL_FUNDS: "general", **LEVELS}


def mode_of(session: Session, book_id: int) -> QuotaMode:
    """How the account's agreement counts the quota (额度方式)."""
    return QuotaMode(session.execute(_MODE, {"book_id": book_id}).scalar_one())


def position(
    session: Session, book_id: int, building_id: int, *, mode: QuotaMode | None = None, locked: bool = False
) -> Position:
    """What a building holds and must keep (楼幢资金状况); `locked` when the caller is about to post.

    The caller holds the supervised account, so no level changes meanwhile.
    """
    keys, codes = [chart.building_key(building_id)], list(_FIELDS)
    if locked:
        # What the bank holds is every book's first account: who waits for it may hold nothing behind it, or a
        # deposit and a reversal that meet wait for each other.
        keys.append("")
        codes.append(chart.DEPOSITS_AT_BANK)
    rows = ask(session, _BALANCES, (book_id, keys, codes))
    found = {code: Yuan.from_fen(fen) for _, code, _, fen in rows}
    if locked:
        held = lock_accounts(session, [opened_account(id_, book_id, code, key) for id_, code, key, _ in rows])
        found = {code: held[id_] for id_, code, _, _ in rows}
    return Position(
        mode=mode or mode_of(session, book_id),
        key_funds=found.get(chart.KEY_FUNDS, ZERO),
        general=found.get(chart.GENERAL_FUNDS, ZERO),
        quota=found.get(chart.QUOTA),
        guarantee=found.get(chart.GUARANTEE, ZERO),
        released=found.get(chart.NODE_RELEASED, ZERO),
        key_paid=found.get(chart.KEY_PAID, ZERO),
    )


def limits_of(
    session: Session, book_id: int, building_id: int,
    *, mode: QuotaMode | None = None, but: int = 0, locked: bool = False,
) -> Limits:  # fmt: skip
    """What the building and the account may pay now; `but`: a withdrawal whose hold is not counted."""
    found = position(session, book_id, building_id, mode=mode, locked=locked)
    return limits_from(balances(session, book_id, LIMIT_CODES), found, building_id, but=but)


def limits_from(
    holdings: Iterable[tuple[Account, Yuan]], found: Position, building_id: int, *, but: int = 0
) -> Limits:
    """The limits of one building out of what its account's book holds (由账簿算出限额)."""
    own = chart.withdrawal_key(building_id, but)
    by_code: dict[str, Yuan] = {}
    here = {chart.WITHDRAWAL_HOLD: ZERO, chart.REFUND_HOLD: ZERO}
    prefix = f"{chart.building_key(building_id)}:"
    for account, amount in holdings:
        if account.code == chart.WITHDRAWAL_HOLD and account.key == own:
            continue
        by_code[account.code] = by_code.get(account.code, ZERO) + amount
        if account.code in here and account.key.startswith(prefix):
            here[account.code] += amount
    return Limits(found, here[chart.WITHDRAWAL_HOLD], here[chart.REFUND_HOLD], AccountFunds(by_code))


def resplit_transfers(session: Session, book_id: int, building_id: int, after: Position) -> list[Transfer]:
    """The transfer that brings key funds to the level, none where they are there already (重分类)."""
    moved, key = resplit(after), chart.building_key(building_id)
    if moved == ZERO:
        return []
    locked = account_of(session, book_id, chart.KEY_FUNDS, key=key)
    free = account_of(session, book_id, chart.GENERAL_FUNDS, key=key)
    return [Transfer(free, locked, moved) if moved > ZERO else Transfer(locked, free, -moved)]


def memo_transfers(
    session: Session, book_id: int, building_id: int, before: Position, after: Position
) -> list[Transfer]:
    """What the memo accounts of a level are noted up or down by (额度备查增减)."""
    contra, found = account_of(session, book_id, chart.MEMO_CONTRA), []
    for code, name in LEVELS.items():
        grown = (getattr(after, name) or ZERO) - (getattr(before, name) or ZERO)
        noted = getattr(before, name) is None and getattr(after, name) is not None
        if grown == ZERO and not noted:
            continue
        memo = account_of(session, book_id, code, key=chart.building_key(building_id))
        if grown != ZERO:
            found.append(Transfer(contra, memo, grown) if grown > ZERO else Transfer(memo, contra, -grown))
    return found


def change_level(
    session: Session, book_id: int, building_id: int, before: Position, after: Position,
    *, movement: Movement, reference: str, on: date, memo: str = "", group: str | None = None,
) -> Entry | None:  # fmt: skip
    """Post a new level and what it moves between key and general funds, in one entry (调整额度).

    `before` was read under the lock; `after` is the same money with another level. None if nothing changes.
    """
    after = replace(after, key_funds=before.key_funds, general=before.general)
    transfers = [
        *memo_transfers(session, book_id, building_id, before, after),
        *resplit_transfers(session, book_id, building_id, after),
    ]
    if not transfers:
        return None
    return post(session, movement, transfers, reference=reference, effective_on=on, memo=memo, group=group)
