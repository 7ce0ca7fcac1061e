"""Lists that go on by key: how many at once, from where on, and an opaque cursor to the rest (按键翻页)."""

import base64
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, Select
from sqlalchemy.orm import Session

from escrow.fields import Read, StrictSchema, read_text

LONGEST_PAGE = 200


def read_limit(text: str) -> int:
    """How many items at once: 1 to 200 (每页条数)."""
    limit = int(read_text(text, 3, r"^[1-9][0-9]{0,2}$"))
    if limit > LONGEST_PAGE:
        raise ValueError(f"须在 1 至 {LONGEST_PAGE} 之间。")
    return limit


def read_cursor(text: str) -> int:
    """The key a page ended at; opaque to the caller (游标)."""
    read_text(text, 24, r"^[0-9A-Za-z_-]+$")
    try:
        key = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii")
        return int(read_text(key, 18, r"^[0-9]+$"))
    except ValueError:
        raise ValueError("游标不是本接口给出的。") from None


def cursor_at(key: int) -> str:
    """The cursor of a page that ended at this key (游标)."""
    return base64.urlsafe_b64encode(str(key).encode()).decode().rstrip("=")


class PageQuery(StrictSchema):
    """What every list may be asked: how many, and from where on (列表参数)."""

    limit = Read(
        read_limit, {"type": "integer", "minimum": 1, "maximum": LONGEST_PAGE, "default": 50}, load_default=50
    )
    cursor = Read(read_cursor, {"maxLength": 24}, load_default=None)


def page_of(
    session: Session, query: Select[Any], key: Any, *, limit: int, cursor: int | None
) -> tuple[Sequence[Row[Any]], str | None]:
    """One page of a list, newest first, found by key and never by counting (按键翻页).

    `key` is a unique ascending number among the columns selected; the second value is the next cursor.
    """
    if cursor is not None:
        query = query.where(key < cursor)
    rows = session.execute(query.order_by(key.desc()).limit(limit + 1)).all()
    if len(rows) <= limit:
        return rows, None
    return rows[:limit], cursor_at(rows[limit - 1]._mapping[key])
