"""How what a caller sends is read: strictly, once, and answered in our words (报文读取)."""

import json
from typing import Any

from marshmallow import RAISE
from webargs.flaskparser import FlaskParser
from webargs.multidictproxy import MultiDictProxy

from escrow.errors import Invalid, Malformed
from escrow.fields import problem_in_text


def _no_constant(word: str) -> Any:
    raise ValueError(word)


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs) or any(problem_in_text(name) for name in found):
        raise ValueError("同一字段出现两次，或字段名含不可接受的字符")
    return found


_STRICT = json.JSONDecoder(parse_constant=_no_constant, object_pairs_hook=_no_twins)


def read_json(body: bytes) -> Any:
    """Strict JSON in UTF-8: no NaN, no Infinity, no field twice (严格 JSON). Raises Malformed."""
    try:
        return _STRICT.decode(body.decode("utf-8"))
    except (ValueError, RecursionError):
        message = "请求体不是合规的 UTF-8 JSON（不得有重复或含控制字符的字段名、NaN 或 Infinity）"
        raise Malformed(message) from None


def whole_body(req: Any) -> bytes:
    """All of a request's body, or none of it (整个请求体). Raises RequestEntityTooLarge."""
    body: bytes = req.get_data(cache=True)
    if req.content_length is None:
        # Sent in chunks and longer than the limit, it has been cut there: only the next read says so.
        req.stream.read(1)
    return body


class StrictParser(FlaskParser):
    """Reads bodies strictly and answers in our words (报文解析)."""

    DEFAULT_UNKNOWN_BY_LOCATION = {  # noqa: RUF012 - webargs' own
        "json": RAISE, "query": RAISE, "query_string": RAISE, "path": None, "headers": None,
    }  # fmt: skip

    def load_json(self, req: Any, schema: Any) -> Any:
        if req.mimetype != "application/json":
            raise Malformed("请以 Content-Type: application/json 报送")
        return read_json(whole_body(req))

    def load_querystring(self, req: Any, schema: Any) -> Any:
        for name, values in req.args.lists():
            if len(values) > 1:
                raise Invalid({name: "参数不能重复。"})
        return MultiDictProxy(req.args, schema)

    def handle_error(self, error: Any, req: Any, schema: Any, **_: Any) -> Any:
        messages = error.messages
        found = next(iter(messages.values())) if len(messages) == 1 else messages
        raise Invalid(dict(flatten(found if isinstance(found, dict) else {"body": found})))


def flatten(messages: dict[Any, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested messages as `payments[0].amount` and one sentence each (字段路径)."""
    found: list[tuple[str, str]] = []
    for name, value in messages.items():
        if isinstance(name, int):
            path = f"{prefix}[{name}]"
        else:
            path = f"{prefix}.{name}" if prefix and name != "_schema" else (prefix or str(name))
        if isinstance(value, dict):
            found += flatten(value, path)
        else:
            found.append((path.replace("_schema", "body"), "".join(map(str, value))))
    return found
