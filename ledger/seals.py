"""Booked entries sealed in blocks, each hash over the one before (封存)."""

from ledger.wire import Transaction, ask


def seal(session: Transaction) -> int:
    """Seal every settled entry that no block holds yet; how many blocks that took (封存)."""
    blocks = 0
    while ask(session, "SELECT ledger.seal_next()") != [(None,)]:
        blocks += 1
    return blocks
