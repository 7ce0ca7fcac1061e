"""How often a client may ask (限速): generous, so that only a runaway loop ever notices."""

from __future__ import annotations

from functools import cache

from flask import Flask, current_app
from limits import RateLimitItem, parse
from limits.storage import storage_from_string
from limits.strategies import FixedWindowRateLimiter

from escrow.errors import TooMany

# Counted per worker process unless RATELIMIT_STORAGE_URI names a Redis; never below 100 a second.
RATES = {"client": "1000 per second", "token-door": "100 per second"}


def prepare_rates(app: Flask) -> None:
    """Open the place where requests are counted (计数处)."""
    app.config.setdefault("RATES", RATES)
    storage = storage_from_string(app.extensions["settings"].rate_storage)
    app.extensions["rates"] = FixedWindowRateLimiter(storage)


def within_rate(kind: str, name: str) -> None:
    """Count one request of a client, or of an address at the token door (限速). Raises TooMany."""
    if not current_app.extensions["rates"].hit(_rate(current_app.config["RATES"][kind]), kind, name):
        raise TooMany


@cache
def _rate(said: str) -> RateLimitItem:
    return parse(said)
