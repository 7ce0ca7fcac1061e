"""An officer at a desk and a client with a token: how tests come in through the same doors as everybody."""

import re
import secrets
import time
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pyotp
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from config.database import Database
from config.settings import Settings
from escrow.access import passwords
from escrow.access.clients import add_client, issue_token
from escrow.access.models import ApiClient
from escrow.access.officers import NewOfficer, add_officer
from escrow.access.passwords import STEP_SECONDS

# A thousand people are hired in a run: here a password costs nothing. What it costs the house is tested.
AS_IN_THE_HOUSE = passwords._HASHER
passwords._HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@dataclass(slots=True)
class Hired:
    """A person taken on, with everything that is handed over (录入的人员)."""

    username: str
    password: str
    secret: str
    last_step: int = 0

    def code(self) -> str:
        """A code not used before: of the last step, this one, or the next (three sign-ins in 30 seconds)."""
        # Late in a step its forerunner would be refused by the time it arrives.
        step = max(int((time.time() - 20) // STEP_SECONDS), self.last_step + 1)
        self.last_step = step
        return pyotp.HOTP(self.secret).at(step)


@dataclass(slots=True)
class Seat:
    """A browser with somebody signed in; posts carry the form's token (已登录的浏览器)."""

    client: FlaskClient
    who: Hired
    _token: str = field(default="", repr=False)

    def get(self, path: str, **kwargs: Any) -> Any:
        return self.client.get(path, **kwargs)

    def post(self, path: str, form: dict[str, Any] | None = None, **kwargs: Any) -> Any:
        if not self._token:
            self._token = form_token(self.client.get("/account").text)
        answer = self.client.post(path, data={"csrf_token": self._token, **(form or {})}, **kwargs)
        # A large upload is sent from a temporary file that the client leaves open.
        answer.request.environ["wsgi.input"].close()
        return answer


def hire(database: Database, settings: Settings, username: str, *roles: str, full_name: str = "") -> Hired:
    """Take a person on (录入人员)."""
    # Digits and a to f: a short user name hardly ever stands in it.
    password = secrets.token_hex(12)
    person = NewOfficer(username, full_name or f"{username} 同志", f"G-{username}", frozenset(roles))
    with database.begin() as session:
        secret = add_officer(session, settings, person, password)
    return Hired(username, password, secret)


def sign_in(client: FlaskClient, who: Hired, **changed: str) -> Any:
    """Fill in the sign-in form; the answer tells whether it was let in (登录)."""
    form = {
        "username": who.username,
        "password": who.password,
        "totp": changed.pop("code", None) or who.code(),
    }
    token = form_token(client.get("/sign-in").text)
    return client.post("/sign-in", data={"csrf_token": token, **form, **changed})


def sit_down(app: Flask, who: Hired) -> Seat:
    """Sign in at a fresh browser (坐到窗口)."""
    client = app.test_client()
    answer = sign_in(client, who)
    assert answer.status_code == 303, answer.text
    return Seat(client, who)


def staffed(house: Any, app: Flask, roles: dict[str, list[str]], prefix: str = "") -> SimpleNamespace:
    """People by the names of their desks, all signed in (各窗口有人)."""
    hired = {
        name: hire(house.database, house.settings, f"{prefix}{name}", *held) for name, held in roles.items()
    }
    return SimpleNamespace(**{name: sit_down(app, who) for name, who in hired.items()})


def bearer(database: Database, client_id: str, *scopes: str, bank_code: str | None = None) -> dict[str, str]:
    """Headers of an outside system with a good token, admitted on the way (接口调用方)."""
    token = secrets.token_urlsafe(32)
    with database.begin() as session:
        known = session.scalar(select(ApiClient).where(ApiClient.client_id == client_id))
        if known is None:
            add_client(session, client_id, title=client_id, scopes=set(scopes), bank_code=bank_code)
            known = session.scalars(select(ApiClient).where(ApiClient.client_id == client_id)).one()
        issue_token(session, known, token, sorted(scopes))
    return {"Authorization": f"Bearer {token}"}


def form_token(page: str) -> str:
    """The hidden token of a page's form (表单令牌)."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found, page[:2000]
    return found[1]
