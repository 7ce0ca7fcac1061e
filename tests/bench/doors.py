"""POST /deposits and POST /deposit-checks through gunicorn, against a bare route of one indexed SELECT (接口基准)."""

import contextlib
import http.client
import itertools
import json
import multiprocessing
import secrets
import signal
import socket
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from flask import Flask, jsonify
from gunicorn.app.base import BaseApplication
from sqlalchemy import text

from config.clock import bureau_day, now
from config.database import Database
from config.roles import APP, OWNER, READER, VERIFIER
from config.settings import Settings
from escrow.application import create_app
from tests.bench.ground import Ground
from tests.desk import bearer
from tests.estate import Estate, build, officers, pay, sold

PROJECTS, CONTRACTS = 8, 50
HALF = PROJECTS * CONTRACTS // 2
GUNICORN = Path(__file__).resolve().parents[2] / "config" / "gunicorn.py"
PRICE = "9000000.00"
_numbers = itertools.count(1)
Request = tuple[str, str, bytes | None]


@dataclass(slots=True)
class County:
    """What a client of the bench may ask about (一个县)."""

    settings: Settings
    estates: list[Estate]
    headers: dict[str, dict[str, str]]
    # (account number, notice to be paid, contract number, unit code), one of each contract.
    contracts: list[tuple[str, str, str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Door:
    """One kind of request: what is asked, by whom, and what is a good answer (一种请求)."""

    name: str
    aim: float
    asks: Callable[[County, int, int], Request]
    who: str
    good: int


def _turn(client: int, number: int) -> int:
    return (client * 31 + number) % HALF


def _deposit(county: County, client: int, number: int) -> Request:
    account_no, notice_no, *_ = county.contracts[_turn(client, number)]
    body = {
        "bank_serial": f"K{client}-{number}-{secrets.token_hex(4)}", "account_no": account_no, "amount": "1.00",
        "value_date": bureau_day().isoformat(), "booked_at": now().isoformat(), "payer_name": "田秀英",
        "payer_account": "6217000010001234567", "channel": "pos", "notice_no": notice_no, "memo": None,
    }  # fmt: skip
    return "POST", "/api/v1/deposits", json.dumps(body).encode()


def _check(county: County, client: int, number: int) -> Request:
    # Of the other half: nobody pays a hundred times on one contract, and an answer names every receipt.
    *_, contract_no, unit_code = county.contracts[HALF + _turn(client, number)]
    body = {
        "request_id": f"Q{client}-{number}-{secrets.token_hex(4)}", "contract_no": contract_no,
        "unit_code": unit_code, "price": PRICE,
    }  # fmt: skip
    return "POST", "/api/v1/deposit-checks", json.dumps(body).encode()


def _bare(county: County, client: int, number: int) -> Request:
    return "GET", f"/{(client * 31 + number) % 1000 + 1}", None


DOORS = [
    Door("POST /deposits", 0.25, _deposit, "bank", 201),
    Door("POST /deposit-checks", 0.30, _check, "filing", 200),
]
BARE = Door("bare", 1.0, _bare, "", 200)


def bare_app(settings: Settings) -> Flask:
    """A route that answers with one indexed SELECT and nothing else (裸路由)."""
    app = Flask("bare")
    app.extensions["database"] = database = Database(settings)

    @app.get("/<int:number>")
    def one(number: int) -> Any:
        with database.engine.connect() as connection:
            found = connection.execute(text("SELECT balance FROM bare.balance WHERE account_id = :n"), {"n": number})
            return jsonify(balance=found.scalar())

    return app


class _Server(BaseApplication):  # type: ignore[misc]
    """Gunicorn with the house's own settings, and an application of our choice (网页服务)."""

    def __init__(self, make: Callable[[Settings], Flask], settings: Settings, port: int) -> None:
        self.make, self.settings, self.port = make, settings, port
        super().__init__()

    def load_config(self) -> None:
        """What config/gunicorn.py says, at our own port."""
        told: dict[str, Any] = {}
        exec(compile(GUNICORN.read_text(), GUNICORN, "exec"), told)
        for name, value in told.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)
        self.cfg.set("bind", f"127.0.0.1:{self.port}")

    def load(self) -> Flask:
        """The application, made in the master."""
        return self.make(self.settings)


def _serve(make: Callable[[Settings], Flask], settings: Settings, port: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _Server(make, settings, port).run()


@contextlib.contextmanager
def serving(make: Callable[[Settings], Flask], settings: Settings) -> Iterator[int]:
    """A web server of its own; its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    server = multiprocessing.get_context("fork").Process(target=_serve, args=(make, settings, port))
    server.start()
    try:
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            if time.monotonic() > deadline:
                raise SystemExit("网页服务没有应答")
            time.sleep(0.05)
        yield port
    finally:
        server.terminate()
        server.join(20)


def populate(ground: Ground, database: str) -> County:
    """Eight projects of 50 contracts, each with its down payment in the account (八个项目)."""
    signing = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    settings = Settings(
        data_dir=ground.server.home, database_url=ground.url(APP, database), owner_url=ground.url(OWNER, database),
        reader_url=ground.url(READER, database), verifier_url=ground.url(VERIFIER, database),
        broker_url="memory://", secret_key=secrets.token_bytes(32), party_keys={"k": secrets.token_bytes(32)},
        index_key=secrets.token_bytes(32), signing_key_pem=signing, testing=True,
    )  # fmt: skip
    house = SimpleNamespace(settings=settings, database=Database(settings))
    staff = officers(house, "liuli", "wangyi")
    estates = [build(house, staff, buildings=5, units=CONTRACTS // 5) for _ in range(PROJECTS)]
    headers = {
        "bank": bearer(house.database, "bank-abc", "bank", bank_code="ABC"),
        "filing": bearer(house.database, "filing", "filing"),
        "": {},
    }
    county = County(settings, estates, headers)
    for estate in estates:
        for unit_code in list(estate.unit_codes):
            contract_no, (due, later) = sold(estate, amount="4500000.00", notices=2)
            pay(estate, due, "4500000.00")
            county.contracts.append((estate.account_no, later, contract_no, unit_code))
    house.database.dispose()
    return county


def load(county: County, port: int, door: Door, clients: int, seconds: float) -> tuple[float, list[float]]:
    """Requests per second of keep-alive clients, and each one's seconds."""
    context = multiprocessing.get_context("fork")
    barrier, found = context.Barrier(clients), context.Queue()
    asking = [
        context.Process(target=_client, args=(county, port, door, seconds, barrier, found), daemon=True)
        for _ in range(clients)
    ]
    for one in asking:
        one.start()
    told = [found.get(timeout=seconds + 60) for _ in asking]
    for one in asking:
        one.join()
    return sum(len(each) / taken for taken, each in told), [took for _, each in told for took in each]


def _client(county: County, port: int, door: Door, seconds: float, barrier: Any, found: Any) -> None:
    number, each = secrets.randbelow(10_000), []
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"Content-Type": "application/json", **county.headers[door.who]}

    def ask(at: int) -> None:
        method, path, body = door.asks(county, number, at)
        line.request(method, path, body, headers)
        answer = line.getresponse()
        said = answer.read()
        if answer.status != door.good:
            raise SystemExit(f"{path} 答复 {answer.status}：{said.decode()}")

    for at in range(-20, 0):
        ask(at)
    barrier.wait(60)
    start = time.perf_counter()
    while (before := time.perf_counter()) < start + seconds:
        ask(len(each))
        each.append(time.perf_counter() - before)
    found.put((time.perf_counter() - start, each))


def measure(ground: Ground, rounds: int, seconds: float, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """Both doors with 1 and 8 clients, the bare route taking turns with them, as medians over the rounds."""
    cells = [(door, clients) for door in DOORS for clients in (1, 8)]
    seen: dict[tuple[str, int], list[tuple[float, float, list[float]]]] = {}
    with ground.copy() as name:
        county = populate(ground, name)
        ground.settle(name)
        with serving(create_app, county.settings) as ours, serving(bare_app, county.settings) as bare:
            for number, (door, clients) in itertools.product(range(rounds), cells):
                plain, _ = load(county, bare, BARE, clients, seconds)
                rate, each = load(county, ours, door, clients, seconds)
                seen.setdefault((door.name, clients), []).append((rate, plain, each))
                say(f"第 {number + 1} 轮  {door.name:21}{clients} 个客户端 {rate:8.0f}/s  裸路由 {plain:8.0f}/s  "
                    f"{rate / plain:.2f}")  # fmt: skip
        ground.verify(name)
    return [_row(door, clients, seen[door.name, clients]) for door, clients in cells]


def _row(door: Door, clients: int, rounds: list[tuple[float, float, list[float]]]) -> dict[str, Any]:
    each = sorted(took for *_, calls in rounds for took in calls)
    return {
        "name": f"{door.name}, {clients} client{'s' if clients > 1 else ''}",
        "ours_per_second": round(statistics.median(ours for ours, _, _ in rounds)),
        "bare_per_second": round(statistics.median(bare for _, bare, _ in rounds)),
        "ratio": round(statistics.median(ours / bare for ours, bare, _ in rounds), 3),
        "aim": door.aim,
        "p50_ms": round(each[len(each) // 2] * 1000, 2),
        "p99_ms": round(each[int(len(each) * 0.99)] * 1000, 2),
    }
