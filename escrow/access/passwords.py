"""Passwords and one-time codes as they are kept and checked (口令与动态口令)."""

from __future__ import annotations

import hmac
import time
from functools import cache
from importlib.resources import files

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

STEP_SECONDS = 30
# OWASP's second setting: 19 MiB, so that forty clerks at nine o'clock do not take the machine's memory.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def hash_password(password: str) -> str:
    """What is kept of a password: argon2id, with its salt and cost (口令摘要)."""
    return _HASHER.hash(password)


def password_matches(kept: str | None, password: str) -> bool:
    """Whether this is the password (核对口令); for nobody it takes as long and says no."""
    try:
        return _HASHER.verify(kept or _nobodys(), password) and kept is not None
    except (Argon2Error, InvalidHashError, UnicodeEncodeError):
        return False


@cache
def _nobodys() -> str:
    return _HASHER.hash("a password nobody has")


@cache
def common_passwords() -> frozenset[str]:
    """Passwords of twelve characters and more that attackers try first (常见口令表)."""
    text = files("escrow.access").joinpath("common_passwords.txt").read_text("utf-8")
    return frozenset(line for line in text.splitlines() if line and not line.startswith("#"))


def draw_totp_secret() -> str:
    """A new secret for an officer's authenticator (动态口令密钥)."""
    return pyotp.random_base32()


def totp_uri(secret: str, username: str) -> str:
    """What an authenticator app scans (otpauth 链接)."""
    return pyotp.TOTP(secret).provisioning_uri(name=username, issuer_name="预售资金监管")


def totp_step(secret: str, code: str, *, now: float | None = None) -> int | None:
    """Which 30-second step this code belongs to: this one or a neighbour, else None (动态口令时步)."""
    typed = code.replace(" ", "")
    if len(typed) != 6 or not (typed.isascii() and typed.isdigit()):
        return None
    current = int((time.time() if now is None else now) // STEP_SECONDS)
    generator = pyotp.HOTP(secret)
    steps = [
        step for step in (current - 1, current, current + 1) if hmac.compare_digest(generator.at(step), typed)
    ]
    return max(steps, default=None)
