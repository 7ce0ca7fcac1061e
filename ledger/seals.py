"""Booked entries sealed in blocks, each hash over the one before,
and the heads kept outside the database (封存)."""

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from ledger.accounts import trial_balance
from ledger.errors import DayNotClosed
from ledger.wire import Transaction, ask

# Where the newest block is kept outside the database, in the data folder (库外封存头).
HEAD_FILE = "ledger-head.json"


@dataclass(frozen=True, slots=True)
class Head:
    """The newest block and its hash: whoever keeps it outside can tell a cut tail (封存头)."""

    no: int
    hash: str


@dataclass(frozen=True, slots=True)
class DayRoot:
    """What a closed day of a book comes to, for signing and for sending out (日结根)."""

    book: str
    day: date
    head: Head
    balances: str

    @property
    def digest(self) -> str:
        """SHA-256 over all of it, hexadecimal (摘要)."""
        words = json.dumps([self.book, self.day.isoformat(), self.head.no, self.head.hash, self.balances])
        return hashlib.sha256(words.encode()).hexdigest()


def seal(session: Transaction) -> int:
    """Seal every settled entry that no block holds yet; how many blocks that took (封存)."""
    blocks = 0
    while ask(session, "SELECT ledger.seal_next()") != [(None,)]:
        blocks += 1
    return blocks


def head(session: Transaction) -> Head | None:
    """The newest block, if there is any (封存头)."""
    found = ask(session, "SELECT no, encode(hash, 'hex') FROM ledger.seal ORDER BY no DESC LIMIT 1")
    return Head(*found[0]) if found else None


def day_root(session: Transaction, book_id: int, day: date) -> DayRoot:
    """The root of a closed day: the newest block and every account's balance at the day's end (日结根)."""
    found = ask(
        session,
        "SELECT b.code FROM ledger.book b JOIN ledger.day_close c ON c.book_id = b.id"
        " WHERE b.id = %s AND c.day >= %s LIMIT 1",
        (book_id, day),
    )
    newest = head(session)
    if not found or newest is None:
        raise DayNotClosed
    lines = [(line.code, line.key, line.balance.fen) for line in trial_balance(session, book_id, on=day)]
    balances = hashlib.sha256(json.dumps(lines, ensure_ascii=False).encode()).hexdigest()
    return DayRoot(found[0][0], day, newest, balances)


def follow(session: Transaction, path: Path) -> None:
    """Move the kept head on along its own chain (随链推进封存头).

    Where the chain no longer holds the kept block it stays: a new block over a rewritten chain would hide
    that from the verifier, whose word it is.
    """
    earlier = kept(path)
    if earlier and ask(
        session, "SELECT encode(hash, 'hex') FROM ledger.seal WHERE no = %s", (earlier.no,)
    ) != [(earlier.hash,)]:
        return
    keep(path, head(session))


def keep(path: Path, newest: Head | None) -> None:
    """Leave a head outside the database, whole or not at all; an older one never replaces a newer (留存封存头)."""
    earlier = kept(path)
    if newest is None or (earlier and earlier.no >= newest.no):
        return
    half = path.with_name(f".{path.name}.{os.getpid()}")
    with open(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(asdict(newest), file)
        file.flush()
        os.fsync(file.fileno())
    half.replace(path)


def kept(path: Path) -> Head | None:
    """The head left there, if any (留存的封存头)."""
    if not path.exists():
        return None
    told = json.loads(path.read_text(encoding="utf-8"))
    return Head(int(told["no"]), str(told["hash"]))
