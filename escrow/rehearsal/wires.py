"""Ways to a door: over HTTP with a connection kept alive, or into the application itself (通道)."""

import http.client
import json
import threading
import time
from base64 import b64encode
from collections import defaultdict
from collections.abc import Mapping
from contextvars import Context
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit

from flask import Flask

# Busy or too many: nothing was done, so the same request is sent again (稍后重试).
TRY_AGAIN = (429, 503)
MOST_TRIES = 40


@dataclass(frozen=True, slots=True)
class Answer:
    """What a door answered (应答)."""

    status: int
    headers: list[tuple[str, str]]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    def header(self, name: str) -> str:
        """A header's value, empty where there is none."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")


@dataclass(slots=True)
class Timings:
    """How long each door took, in seconds (耗时)."""

    taken: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    tried_again: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, door: str, seconds: float) -> None:
        with self.lock:
            self.taken[door].append(seconds)


class Wire(Protocol):
    """One request, one answer."""

    def send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer: ...


class HttpWire:
    """A keep-alive connection; opened again when the server has closed it (长连接)."""

    def __init__(self, url: str) -> None:
        split = urlsplit(url)
        self.place = (split.hostname or "127.0.0.1", split.port or 80)
        self.connection: http.client.HTTPConnection | None = None

    def send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        for last in (False, True):
            connection = self.connection or http.client.HTTPConnection(*self.place, timeout=60)
            self.connection = connection
            try:
                connection.request(method, path, body, dict(headers))
                found = connection.getresponse()
                return Answer(found.status, found.getheaders(), found.read().decode())
            except (OSError, http.client.HTTPException):
                self.hang_up()
                if last:
                    raise
        raise AssertionError

    def send_and_leave(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> None:
        """The request goes out and nobody waits for the answer (发出后断线)."""
        self.hang_up()
        connection = http.client.HTTPConnection(*self.place, timeout=60)
        connection.request(method, path, body, dict(headers))
        connection.close()

    def hang_up(self) -> None:
        if self.connection:
            self.connection.close()
        self.connection = None


class InsideWire:
    """Into the application without a network, through the same doors (进程内)."""

    def __init__(self, app: Flask) -> None:
        self.client = app.test_client(use_cookies=False)

    def send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        # In an empty context: a request must not find the command's own, nor what was remembered in it.
        found = Context().run(self.client.open, path, method=method, data=body, headers=dict(headers))
        return Answer(found.status_code, list(found.headers), found.get_data(as_text=True))

    def send_and_leave(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> None:
        """The answer is thrown away unread."""
        self.send(method, path, body, headers)


@dataclass(slots=True)
class System:
    """An outside system with its token, drawn again when it runs out (外部系统)."""

    wire: HttpWire | InsideWire
    client_id: str
    client_secret: str = field(repr=False)
    timings: Timings
    token: str = field(default="", repr=False)

    def ask(self, method: str, path: str, told: Any = None, *, door: str = "") -> Answer:
        """One JSON request; asked again while the house is busy, and once with a new token."""
        renewed = False
        for attempt in range(MOST_TRIES):
            begun = time.perf_counter()
            found = self.wire.send(method, f"/api/v1{path}", _bytes(told), self.headers())
            self.timings.note(f"{method} {door or path}", time.perf_counter() - begun)
            if found.status == 401 and not renewed:
                renewed, self.token = True, ""
            elif found.status in TRY_AGAIN:
                self.timings.tried_again += 1
                time.sleep(0.05 * (attempt + 1))
            else:
                return found
        return found

    def send_and_leave(self, path: str, told: Any) -> None:
        """Post and never look at the answer (银行侧断线)."""
        body = _bytes(told) or b""
        self.wire.send_and_leave("POST", f"/api/v1{path}", body, self.headers())

    def headers(self) -> dict[str, str]:
        """With a good token."""
        if not self.token:
            self.token = self._draw()
        return {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}

    def _draw(self) -> str:
        basic = b64encode(f"{self.client_id}:{self.client_secret}".encode()).decode()
        headers = {"Authorization": f"Basic {basic}", "Content-Type": "application/x-www-form-urlencoded"}
        found = self.wire.send("POST", "/oauth/token", b"grant_type=client_credentials", headers)
        if found.status != 200:
            raise Unexpected(f"POST /oauth/token {self.client_id}", found)
        return str(found.json["access_token"])


class Unexpected(Exception):
    """A door answered what it should not have (意外应答)."""

    def __init__(self, what: str, found: Answer) -> None:
        self.what, self.found = what, found
        super().__init__(f"{what} → {found.status} {found.text[:400]}")


def _bytes(told: Any) -> bytes | None:
    return None if told is None else json.dumps(told, ensure_ascii=False).encode()
