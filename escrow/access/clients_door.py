"""POST /oauth/token: a client shows its secret and gets a bearer token (令牌接口).

Source: RFC 6749 §2.3.1, §4.4, §5. The error bodies are Authlib's (and §5.2 wants them in ASCII).
Its server is not used: for this one grant
it wants a client model of ten methods, tells an unknown client from a wrong secret, and leaves to us the
only rule there is (the scopes granted are the client's own).
"""

from __future__ import annotations

import re
import secrets

from authlib.oauth2.rfc6749 import OAuth2Error
from authlib.oauth2.rfc6749.errors import (
    InvalidClientError,
    InvalidRequestError,
    InvalidScopeError,
    UnsupportedGrantTypeError,
)
from flask import Blueprint, g, json, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from escrow.access import audit
from escrow.access.clients import Caller, client_named, issue_token, secret_matches
from escrow.access.models import ApiClient
from escrow.access.rates import within_rate
from escrow.access.rules import CLIENT_ID, TOKEN_LIFE
from escrow.doors import database

oauth = Blueprint("oauth", __name__)
_FORM = "application/x-www-form-urlencoded"


@oauth.post("/oauth/token")
def token() -> ResponseReturnValue:
    """Client credentials in, a bearer token out; either way one audit row."""
    within_rate("token-door", request.remote_addr or "")
    try:
        with database().begin() as session:
            client = _client(session)
            scopes = _granted(client)
            drawn = secrets.token_urlsafe(32)
            issue_token(session, client, drawn, scopes)
            g.caller = Caller(client.client_id, frozenset(scopes), client.bank_code)
            audit.record(session, "token.issued", client.client_id, scopes=scopes)
    except OAuth2Error as error:
        return _refused(error)
    body = {
        "access_token": drawn,
        "token_type": "Bearer",
        "expires_in": int(TOKEN_LIFE.total_seconds()),
        "scope": " ".join(scopes),
    }
    return body, 200, {"Cache-Control": "no-store", "Pragma": "no-cache"}


def _client(session: Session) -> ApiClient:
    """Who shows a good secret (客户端认证); unknown, retired and wrong all read the same."""
    shown = request.authorization
    if shown is None or shown.type != "basic":
        raise InvalidClientError("send client_id and client_secret by HTTP Basic", status_code=401)
    name, secret = shown.username or "", shown.password or ""
    client = client_named(session, name) if CLIENT_ID.fullmatch(name) else None
    if client is None or not secret_matches(client, secret):
        raise InvalidClientError("unknown or retired client, or wrong secret", status_code=401)
    return client


def _granted(client: ApiClient) -> list[str]:
    """The scopes asked for, all of the client's own when none is named (授权范围)."""
    if request.mimetype != _FORM:
        raise InvalidRequestError(f"send a form, {_FORM}")
    if any(len(values) > 1 for _, values in request.form.lists()):
        raise InvalidRequestError("a parameter came twice")
    grant = request.form.get("grant_type")
    if not grant:
        raise InvalidRequestError("grant_type is missing")
    if grant != "client_credentials":
        raise UnsupportedGrantTypeError(None)
    if "scope" not in request.form:
        return sorted(client.scopes)
    asked = request.form["scope"]
    if not re.fullmatch(r"[a-z_]+( [a-z_]+)*", asked, re.ASCII) or not set(asked.split()) <= set(
        client.scopes
    ):
        raise InvalidScopeError("more than the client's own scopes")
    return sorted(set(asked.split()))


def _refused(error: OAuth2Error) -> ResponseReturnValue:
    name = request.authorization.username if request.authorization else None
    subject = name if name and CLIENT_ID.fullmatch(name) else "（未知客户端）"
    with database().begin() as session:
        audit.record(session, "token.issued", subject, result="refused", why=error.error)
    body = {"error": error.error}
    if error.description and not isinstance(error, UnsupportedGrantTypeError):
        body["error_description"] = error.description
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store", "Pragma": "no-cache"}
    if error.status_code == 401:
        headers["WWW-Authenticate"] = 'Basic realm="escrow", charset="UTF-8"'
    return json.dumps(body, ensure_ascii=False), error.status_code, headers
