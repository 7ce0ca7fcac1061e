"""How often a client may ask (限速): generous, so that only a runaway loop ever notices."""

from __future__ import annotations

from functools import cache

from flask import current_app
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from limits import RateLimitItem, parse

from escrow.errors import TooMany

# Counted per worker process unless RATELIMIT_STORAGE_URI names a Redis; never below 100 a second.
RATES = {"client": "1000 per second", "token-door": "100 per second"}

limiter = Limiter(get_remote_address, storage_uri="memory://", strategy="fixed-window")


def within_rate(kind: str, name: str) -> None:
    """Count one request of a client, or of an address at the token door (限速). Raises TooMany."""
    if not limiter.limiter.hit(_rate(current_app.config["RATES"][kind]), kind, name):
        raise TooMany


@cache
def _rate(said: str) -> RateLimitItem:
    return parse(said)
