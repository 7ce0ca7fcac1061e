"""How often a client may ask (限速): generous, so that only a runaway loop ever notices."""

from __future__ import annotations

import time
from functools import cache
from threading import Lock

from flask import Flask, current_app
from limits import RateLimitItem, parse
from limits.storage import storage_from_string
from limits.strategies import FixedWindowRateLimiter

from escrow.errors import TooMany

# Counted per worker process unless RATELIMIT_STORAGE_URI names a Redis; never below 100 a second.
RATES = {"client": "1000 per second", "token-door": "100 per second"}
OWN_COUNTS = "memory://"
_MANY = 10_000


class OwnCounts:
    """Counts of this process alone (本进程计数).

    The library's own start a thread to forget what has ended, again and again: dearer than what they count.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        # When each one's window ends, and how often it has asked since it began.
        self._windows: dict[tuple[str, ...], tuple[float, int]] = {}

    def hit(self, rate: RateLimitItem, *whose: str) -> bool:
        """Count one request; whether its window still allows it."""
        now = time.monotonic()
        with self._lock:
            ends, count = self._windows.get(whose, (now, 0))
            if ends <= now:
                self._forget_ended(now)
                ends, count = now + rate.get_expiry(), 0
            self._windows[whose] = (ends, count + 1)
        return count < rate.amount

    def _forget_ended(self, now: float) -> None:
        if len(self._windows) > _MANY:
            self._windows = {whose: kept for whose, kept in self._windows.items() if kept[0] > now}


def prepare_rates(app: Flask) -> None:
    """Open the place where requests are counted (计数处)."""
    app.config.setdefault("RATES", RATES)
    place = app.extensions["settings"].rate_storage
    shared = place != OWN_COUNTS
    app.extensions["rates"] = FixedWindowRateLimiter(storage_from_string(place)) if shared else OwnCounts()


def within_rate(kind: str, name: str) -> None:
    """Count one request of a client, or of an address at the token door (限速). Raises TooMany."""
    if not current_app.extensions["rates"].hit(_rate(current_app.config["RATES"][kind]), kind, name):
        raise TooMany


@cache
def _rate(said: str) -> RateLimitItem:
    return parse(said)
