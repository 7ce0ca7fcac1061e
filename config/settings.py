"""What the process is told from outside: environment first, then `house.json` in the data folder (运行参数).

A missing or unsafe value stops the start, by name.
"""

import base64
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from config.outward import Network, Place, read_networks, read_places

T = TypeVar("T")

HOUSE_FILE = "house.json"
SIGNING_KEY_FILE = "signing-key.pem"


class UnsafeSettings(RuntimeError):
    """A setting is missing or unsafe; the message names it (运行参数缺失或不安全)."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the house is told from outside, read once at the start (运行参数)."""

    data_dir: Path
    database_url: str = field(repr=False)
    owner_url: str = field(repr=False)
    reader_url: str = field(repr=False)
    verifier_url: str = field(repr=False)
    broker_url: str = field(repr=False)
    secret_key: bytes = field(repr=False)
    party_keys: Mapping[str, bytes] = field(repr=False)
    index_key: bytes = field(repr=False)
    signing_key_pem: bytes = field(repr=False)
    region: str = "141130"
    port: int = 8000
    crash_point: str | None = None
    testing: bool = False
    secure_cookies: bool = False
    # Where requests are counted; a Redis where several servers share the work.
    rate_storage: str = field(default="memory://", repr=False)
    # Where events may be sent to; and which networks of the bureau's own may lie there.
    subscriber_urls: tuple[Place, ...] = ()
    subscriber_networks: tuple[Network, ...] = ()

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Settings of this process. Raises UnsafeSettings naming what is missing or unsafe."""
        environ = os.environ if environ is None else environ
        data_dir = Path(environ.get("ESCROW_DATA") or "var").absolute()
        told = _house(data_dir)

        def need(variable: str, name: str) -> str:
            value = environ.get(variable) or told.get(name)
            if not value:
                place = data_dir / HOUSE_FILE
                raise UnsafeSettings(f"缺少运行参数 {variable}（或 {place} 中的 {name}），请先执行 make run")
            return str(value)

        keys = _keys(environ.get("ESCROW_PARTY_KEYS", "")) or told.get("party_keys")
        if not keys:
            raise UnsafeSettings(
                "缺少运行参数 ESCROW_PARTY_KEYS（编号:base64，逗号分隔，首个为当前）"
                f"或 {data_dir / HOUSE_FILE} 中的 party_keys，请先执行 make run"
            )
        return cls(
            data_dir=data_dir,
            database_url=_dialect(need("ESCROW_APP_URL", "database_url")),
            owner_url=_dialect(need("ESCROW_OWNER_URL", "owner_url")),
            reader_url=_dialect(need("ESCROW_READER_URL", "reader_url")),
            verifier_url=_dialect(need("ESCROW_VERIFIER_URL", "verifier_url")),
            broker_url=environ.get("CELERY_BROKER_URL") or need("CELERY_BROKER_URL", "broker_url"),
            secret_key=_secret("ESCROW_SECRET_KEY", need("ESCROW_SECRET_KEY", "secret_key")),
            party_keys={name: _secret("ESCROW_PARTY_KEYS", key) for name, key in keys.items()},
            index_key=_secret("ESCROW_INDEX_KEY", need("ESCROW_INDEX_KEY", "index_key")),
            signing_key_pem=_signing_key(environ, data_dir),
            region=environ.get("ESCROW_REGION", "141130"),
            port=_port(environ.get("PORT") or "8000"),
            crash_point=environ.get("ESCROW_CRASH_POINT"),
            secure_cookies=environ.get("ESCROW_HTTPS") == "1",
            rate_storage=environ.get("RATELIMIT_STORAGE_URI") or "memory://",
            subscriber_urls=_listed(environ, "ESCROW_SUBSCRIBER_URLS", read_places),
            subscriber_networks=_listed(environ, "ESCROW_SUBSCRIBER_NETWORKS", read_networks),
        )


def _house(data_dir: Path) -> dict[str, Any]:
    path = data_dir / HOUSE_FILE
    if not path.exists():
        return {}
    if path.stat().st_mode & 0o077:
        raise UnsafeSettings(f"{path} 可被他人读取，请执行 chmod 600 {path}")
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def _dialect(url: str) -> str:
    """SQLAlchemy 2.1 reads `postgresql://` as psycopg 3; older spellings are made the same."""
    return "postgresql" + url[url.index("://") :] if url.startswith(("postgres://", "postgresql+")) else url


def _keys(listed: str) -> dict[str, str]:
    return dict(pair.split(":", 1) for pair in listed.split(",") if ":" in pair)


def _port(said: str) -> int:
    if not (said.isascii() and said.isdigit() and 1 <= int(said) <= 65535):
        raise UnsafeSettings(f"PORT={said} 不是端口号（1–65535）")
    return int(said)


def _listed(environ: Mapping[str, str], name: str, read: Callable[[str], T]) -> T:
    try:
        return read(environ.get(name) or "")
    except ValueError as fault:
        raise UnsafeSettings(f"{name}（以逗号分隔）有不能用的一项：{fault}") from None


def _secret(name: str, text: str) -> bytes:
    try:
        secret = base64.b64decode(text, validate=True)
    except ValueError:
        secret = b""
    if len(secret) < 32:
        raise UnsafeSettings(f"{name} 须为至少 32 字节随机数的 base64")
    return secret


def _signing_key(environ: Mapping[str, str], data_dir: Path) -> bytes:
    path = Path(environ.get("ESCROW_SIGNING_KEY", data_dir / SIGNING_KEY_FILE))
    if not path.exists():
        raise UnsafeSettings(f"缺少签名私钥 {path}（ESCROW_SIGNING_KEY）")
    if path.stat().st_mode & 0o077:
        raise UnsafeSettings(f"{path} 可被他人读取，请执行 chmod 600 {path}")
    return path.read_bytes()
