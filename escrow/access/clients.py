"""Outside systems and their tokens (接口客户端与令牌): who calls, and for how long they may."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import delete, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from config.database import Database
from escrow.access import audit
from escrow.access.models import ApiClient, ApiToken
from escrow.access.rules import TOKEN_LIFE, client_faults
from escrow.errors import Invalid, NotFound


@dataclass(frozen=True, slots=True)
class Caller:
    """The outside system behind a request (调用方)."""

    client_id: str
    scopes: frozenset[str]
    bank_code: str | None


CALLER = """
SELECT c.client_id, t.scopes, c.bank_code
  FROM api_token t JOIN api_client c ON c.id = t.api_client_id
 WHERE t.token_hash = %s AND t.expires_at > clock_timestamp()
   AND t.revoked_at IS NULL AND c.retired_at IS NULL
"""


def caller_of(database: Database, token: str) -> Caller | None:
    """Whose token this is, if it is still good (验证令牌): one probe of a primary key, nothing cached.

    So a revoked token or a retired client is out at its very next request.
    """
    for client_id, scopes, bank_code in database.probe(CALLER, (hashed(token),)):
        return Caller(client_id, frozenset(scopes), bank_code)
    return None


def hashed(drawn: str) -> bytes:
    """What is stored of a drawn secret or token (摘要).

    One SHA-256 is right here and wrong for a password: 256 drawn bits cannot be tried out, so slowness
    would protect nothing and cost every request.
    """
    return sha256(drawn.encode("utf-8", "surrogatepass")).digest()


def add_client(
    session: Session, client_id: str, *, title: str, scopes: set[str], bank_code: str | None = None
) -> str:
    """Admit an outside system and draw its secret, told only now (登记客户端)."""
    if faults := client_faults(client_id, scopes, bank_code):
        raise Invalid(faults)
    if session.scalar(select(ApiClient.id).where(ApiClient.client_id == client_id)):
        raise Invalid({"client_id": "已经登记过；停用的编号也不能再用"})
    secret = secrets.token_urlsafe(32)
    session.add(
        ApiClient(
            client_id=client_id,
            title=title,
            secret_hash=hashed(secret),
            scopes=sorted(scopes),
            bank_code=bank_code,
        )
    )
    session.flush()
    audit.record(session, "client.added", client_id, scopes=sorted(scopes), bank_code=bank_code)
    return secret


def retire_client(session: Session, client_id: str) -> None:
    """Shut an outside system out for good, its tokens with it (停用客户端)."""
    statement = update(ApiClient).where(ApiClient.client_id == client_id, ApiClient.retired_at.is_(None))
    retired = session.scalar(statement.values(retired_at=func.clock_timestamp()).returning(ApiClient.id))
    if retired is None:
        raise NotFound(f"没有在用的客户端 {audit.one_line(client_id)}")
    audit.record(session, "client.retired", client_id)


def client_named(session: Session, client_id: str) -> ApiClient | None:
    """A living client by its public name (查客户端)."""
    query = select(ApiClient).where(ApiClient.client_id == client_id, ApiClient.retired_at.is_(None))
    return session.scalar(query)


def secret_matches(client: ApiClient | None, secret: str) -> bool:
    """Whether the secret is this client's (核对密钥); as slow for a client that does not exist."""
    known = client.secret_hash if client else b"\0" * 32
    return hmac.compare_digest(known, hashed(secret)) and client is not None


def issue_token(session: Session, client: ApiClient, token: str, scopes: list[str]) -> None:
    """Write down a token just drawn for a client, as a hash; its long expired ones go (签发令牌)."""
    long_expired = ApiToken.expires_at < func.clock_timestamp() - 24 * TOKEN_LIFE
    session.execute(delete(ApiToken).where(ApiToken.api_client_id == client.id, long_expired))
    expires = func.clock_timestamp() + literal(TOKEN_LIFE)
    session.execute(
        insert(ApiToken).values(
            token_hash=hashed(token), api_client_id=client.id, scopes=sorted(scopes), expires_at=expires
        )
    )


def revoke_token(session: Session, token: str) -> bool:
    """Make a token worthless at once (吊销令牌)."""
    statement = update(ApiToken).where(ApiToken.token_hash == hashed(token), ApiToken.revoked_at.is_(None))
    returned = session.scalar(
        statement.values(revoked_at=func.clock_timestamp()).returning(ApiToken.api_client_id)
    )
    return returned is not None
