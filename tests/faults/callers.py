"""Who stands outside and asks: a bank's system, an officer's browser; they know what they were told (来办事的人).

A caller without an answer asks again, as a real one does; nothing is retried behind its back.
"""

import http.client
import json
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from tests.desk import Hired, bearer, form_token, hire
from tests.faults.arena import Office

AGAIN = (None, 503)


@dataclass(frozen=True, slots=True)
class Heard:
    """What came back; status None where nothing did (答复)."""

    status: int | None
    text: str = ""
    retry_after: str = ""
    cookie: str = ""
    location: str = ""

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@dataclass(slots=True)
class Caller:
    """One caller's way in, and everything that was heard on it (来电方)."""

    office: Office
    headers: dict[str, str] = field(default_factory=dict)
    heard: list[Heard] = field(default_factory=list)

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Heard:
        """One request on a connection of its own; no answer is an answer too."""
        line = http.client.HTTPConnection("127.0.0.1", self.office.port, timeout=30)
        try:
            line.request(method, path, body, {**self.headers, **headers, "Connection": "close"})
            came = line.getresponse()
            found = Heard(
                came.status, came.read().decode(), came.headers.get("Retry-After", ""),
                (came.headers.get("Set-Cookie") or "").partition(";")[0], came.headers.get("Location", ""),
            )  # fmt: skip
        except (OSError, http.client.HTTPException):
            found = Heard(None)
        finally:
            line.close()
        self.heard.append(found)
        return found

    def post(self, path: str, told: Any) -> Heard:
        """One JSON message at an API door."""
        kind = {"Content-Type": "application/json"}
        return self.ask("POST", f"/api/v1{path}", json.dumps(told, ensure_ascii=False).encode(), **kind)

    def state(self, content: bytes, kind: str = "text/csv") -> Heard:
        """One statement at the bank's door."""
        return self.ask("POST", "/api/v1/statements", content, **{"Content-Type": kind})


@dataclass(slots=True)
class Seat(Caller):
    """An officer at a browser (窗口人员)."""

    who: Hired | None = None
    token: str = ""
    proved_at: float = 0.0

    def sit_down(self, who: Hired) -> "Seat":
        """Sign in at the page, as people do."""
        self.who = who
        form = {"username": who.username, "password": who.password, "totp": who.code()}
        answer = self._send("/sign-in", form, form_token(self.get("/sign-in").text))
        assert answer.status == 303, answer
        self.token, self.proved_at = form_token(self.get("/account").text), time.monotonic()
        return self

    def get(self, path: str) -> Heard:
        return self._keep(self.ask("GET", path))

    def send(self, path: str, form: dict[str, Any]) -> Heard:
        """A form is sent off; its second factor is fresh."""
        if time.monotonic() - self.proved_at > 480:
            assert self.who is not None
            assert self._send("/verify", {"totp": self.who.code()}, self.token).status == 303
            self.proved_at = time.monotonic()
        return self._send(path, form, self.token)

    def _send(self, path: str, form: dict[str, Any], token: str) -> Heard:
        body = urlencode({"csrf_token": token, **form}, doseq=True).encode()
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._keep(self.ask("POST", path, body, **kind))

    def _keep(self, answer: Heard) -> Heard:
        if answer.cookie:
            self.headers["Cookie"] = answer.cookie
        return answer


def bank_of(office: Office, client_id: str, code: str) -> Caller:
    """A bank's system with a good token (银行系统)."""
    return Caller(office, bearer(office.house.database, client_id, "bank", bank_code=code))


def seat_of(office: Office, username: str, *roles: str) -> Seat:
    """An officer taken on and signed in."""
    who = hire(office.house.database, office.house.settings, username, *roles)
    return Seat(office).sit_down(who)
