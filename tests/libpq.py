"""How often a connection and PostgreSQL talked, read from libpq's own trace (往来次数)."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg


def round_trips(driver: psycopg.Connection[Any], trace: Path, do: Callable[[], object]) -> int:
    """Each ends with the server saying that it is ready for the next."""
    with trace.open("wb") as told:
        driver.pgconn.trace(told.fileno())
        try:
            do()
        finally:
            driver.pgconn.untrace()
    return trace.read_text(errors="replace").count("ReadyForQuery")
