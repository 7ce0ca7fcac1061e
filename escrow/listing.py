"""Index pages: one thing opened by its number, or everything newest first, from a key backwards (清单首页)."""

import re
from collections.abc import Callable
from typing import Any

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Row
from sqlalchemy.orm import Session

from escrow.doors import database
from escrow.fields import KEY_PATTERN

PAGE = 50


def asked_key(name: str = "before") -> int | None:
    """The key a list goes on from, as the address says it; none for its beginning (翻页位置)."""
    said = request.args.get(name, "")
    return int(said) if re.fullmatch(r"[0-9]{1,9}", said, re.ASCII) else None


def index_page(
    template: str, opens: Callable[[str], str], rows: Callable[[Session, int | None, int], list[Row[Any]]],
    key: Callable[[Row[Any]], int], **beside: Callable[[Session], Any],
) -> ResponseReturnValue:  # fmt: skip
    """A number typed opens what it names (`opens`); otherwise a page of all there is (按号打开，或列出全部).

    `beside` is what the page shows beside its list, each read in the same transaction (清单之外另示的内容).
    """
    asked = request.args.get("find", "").strip()
    if re.fullmatch(KEY_PATTERN, asked, re.ASCII):
        return redirect(opens(asked), 303)
    before = asked_key()
    with database().read() as session:
        found = rows(session, before, PAGE + 1)
        shown = {name: read(session) for name, read in beside.items()}
    following = key(found[PAGE - 1]) if len(found) > PAGE else None
    onward = url_for(str(request.endpoint), before=following) if following else None
    return render_template(template, rows=found[:PAGE], following=onward, first=before is None, **shown)
