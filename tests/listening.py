"""A subscriber: a real HTTP server that is slow, fails, answers twice or goes away (订阅方替身)."""

import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from sqlalchemy import text

from config.database import Database
from config.outward import read_networks, read_places
from config.settings import Settings
from escrow.access.clients import add_client
from escrow.deliveries.actions import Subscription, subscribe
from escrow.deliveries.routing import route
from escrow.deliveries.sending import deliver
from escrow.outbox import emit
from tests.desk import hire

Answer = Callable[["Heard"], int | bytes]


@dataclass(frozen=True, slots=True)
class Heard:
    """One request as it came (收到的一次推送)."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def event(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


@dataclass(slots=True)
class Listener:
    """Where events arrive; `answer` says what becomes of each (接收端)."""

    server: ThreadingHTTPServer
    heard: list[Heard] = field(default_factory=list)
    answer: Answer = field(default=lambda _: 204)
    scheme: str = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server.server_port}/events"

    def settings(self, known: Settings) -> Settings:
        """The settings of a bureau that allows this address."""
        return replace(
            known, subscriber_urls=read_places(self.url), subscriber_networks=read_networks("127.0.0.0/8")
        )

    def told(self) -> list[tuple[str, str]]:
        """What it heard, as (subject, id), in the order it came."""
        return [(one.event["subject"], one.event["id"]) for one in self.heard]


@contextmanager
def listening(
    answer: Answer = lambda _: 204, tls: ssl.SSLContext | None = None
) -> Iterator[Listener]:
    """A subscriber for the time of a test."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            one = Heard(self.path, dict(self.headers), body, time.monotonic())
            listener.heard.append(one)
            said = listener.answer(one)
            if isinstance(said, bytes):
                self.wfile.write(said)
                return
            self.send_response(said)
            if 300 <= said <= 399:
                self.send_header("Location", listener.url + "/elsewhere")
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None: ...

    server = Server(("127.0.0.1", 0), Handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    listener = Listener(server, answer=answer, scheme="https" if tls else "http")
    running = threading.Thread(target=server.serve_forever, args=(0.02,))
    running.start()
    try:
        yield listener
    finally:
        server.shutdown()
        running.join()
        server.server_close()


def admitted(house: Any, listener: Listener, client_id: str = "filing", **told: Any) -> int:
    """A client subscribed at the listener's address; the subscriber's number."""
    scopes = told.pop("scopes", {"filing"})
    with house.database.begin() as session:
        add_client(session, client_id, title=f"{client_id} 系统", scopes=scopes,
                   bank_code=told.pop("bank_code", None))  # fmt: skip
    who = hire(house.database, house.settings, f"an-{client_id}", "admin")
    asked = Subscription(client_id, told.pop("url", listener.url), frozenset(told.pop("types", ())),
                         told.pop("algorithm", "hmac-sha256"))  # fmt: skip
    with house.database.begin() as session:
        officer_id = session.scalar(text("SELECT id FROM officer WHERE username = :u"), {"u": who.username})
        secret = subscribe(session, listener.settings(house.settings), asked, officer_id=officer_id)
        number = session.scalar(text("SELECT max(id) FROM subscriber"))
    SECRETS[number] = secret
    return int(number)


SECRETS: dict[int, str] = {}


def happen(house: Any, *subjects: str, kind: str = "deposit.confirmed", audience: Any = ("filing",)) -> None:
    """Events, each in a transaction of its own, and routed."""
    for subject in subjects:
        with house.database.begin() as session:
            emit(session, kind, subject, {"receipt_no": subject, "amount": "1.00"}, audience=audience)
    routed(house)


def routed(house: Any) -> None:
    """Everything told so far has its place."""
    with house.database.begin() as session:
        route(session)


def wake(house: Any) -> None:
    """As if every wait were over."""
    with house.connect("superuser", autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE delivery SET due_at = now() - interval '1 s' WHERE status <> 'delivered'")
        connection.execute("UPDATE subscriber SET rests_until = NULL")


def work(settings: Settings, number: int) -> None:
    """One turn of a subscriber, in a process of its own."""
    deliver(Database(settings), settings, number)


def standing(house: Any) -> list[tuple[str, str, int]]:
    """Every delivery as (subject, status, tries), in the order of events."""
    with house.connect("app") as connection:
        return connection.execute("SELECT subject, status, tries FROM delivery ORDER BY event_id").fetchall()
