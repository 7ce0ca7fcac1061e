"""Wrong tries and how long the next one waits (失败限速), kept in the database so that every worker agrees."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import case, delete, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from config.database import Database
from config.settings import Settings
from escrow.access.models import WrongTries
from escrow.access.rules import FORGOTTEN_AFTER, FREE_TRIES, wait_after
from escrow.access.sealing import blind_index
from escrow.errors import TooMany

Whose = tuple[str, str]


class TooSoon(TooMany):
    """Too many wrong tries lately; the right one must wait too (失败次数过多)."""

    code, label = "too-many-tries", "失败次数过多"

    def __init__(self, seconds: int) -> None:
        self.retry_after = seconds
        super().__init__(f"失败次数过多，请在 {_spoken(seconds)}后再试")


def count_try(database: Database, settings: Settings, whose: Sequence[Whose]) -> None:
    """Count a try before it is judged (先计后核), and raise TooSoon while somebody must wait.

    Counting first means that a hundred tries at once are a hundred tries; a good one is forgiven after.
    Its own transaction, so that no lock is held while a password is slowly checked. `whose` is pairs
    such as ("officer", "zhang"), ("address", "10.0.0.8"), kept as keyed hashes.
    """
    with database.begin() as session:
        for kind, name in sorted(whose):
            _count(session, _key(settings, kind, name), kind)


def forgive(session: Session, settings: Settings, whose: Sequence[Whose]) -> None:
    """A good try clears the person and takes back the one counted for the address (清除失败次数).

    The address keeps its other tries: whoever owns one good login must not buy fresh guesses with it.
    """
    for kind, name in whose:
        mine = WrongTries.whose == _key(settings, kind, name)
        if kind == "address":
            session.execute(
                update(WrongTries).where(mine, WrongTries.tries > 0).values(tries=WrongTries.tries - 1)
            )
        else:
            session.execute(delete(WrongTries).where(mine))


def forget_old(session: Session) -> int:
    """Drop rows nobody has to wait for any more (清理过期的失败记录)."""
    quiet = WrongTries.last_at < func.clock_timestamp() - FORGOTTEN_AFTER
    return len(session.scalars(delete(WrongTries).where(quiet).returning(WrongTries.whose)).all())


def _count(session: Session, key: bytes, kind: str) -> None:
    now = func.clock_timestamp()
    quiet = WrongTries.last_at < now - FORGOTTEN_AFTER
    statement = insert(WrongTries).values(whose=key, tries=1)
    counted = statement.on_conflict_do_update(
        index_elements=[WrongTries.whose],
        set_={"tries": case((quiet, 1), else_=WrongTries.tries + 1), "last_at": now},
        where=or_(WrongTries.wait_until.is_(None), WrongTries.wait_until <= now),
    ).returning(WrongTries.tries)
    tries = session.scalar(counted)
    if tries is None:
        raise TooSoon(_left(session, key))
    wait = wait_after(kind, tries)
    if wait > timedelta(0):
        until = now + literal(wait)
        session.execute(update(WrongTries).where(WrongTries.whose == key).values(wait_until=until))


def _left(session: Session, key: bytes) -> int:
    waiting = func.extract("epoch", WrongTries.wait_until - func.clock_timestamp())
    return max(1, math.ceil(session.scalar(select(waiting).where(WrongTries.whose == key)) or 1))


def _key(settings: Settings, kind: str, name: str) -> bytes:
    if kind not in FREE_TRIES:
        raise KeyError(kind)
    return blind_index(f"{kind}:{name}", settings)


def _spoken(seconds: int) -> str:
    return f"{seconds} 秒" if seconds < 90 else f"{math.ceil(seconds / 60)} 分钟"
