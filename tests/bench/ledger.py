"""post() and post_many() against a posting that checks nothing, in the same run (记账基准)."""

import itertools
import multiprocessing
import random
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from typing import Any

import psycopg

from config.roles import APP
from ledger.accounts import Account
from ledger.journal import Draft, post, post_many
from ledger.money import Yuan
from ledger.movements import Transfer
from tests.bench.ground import DAY, DEPOSIT, Ground

Pairs = list[tuple[Account, Account]]
Step = Callable[[psycopg.Connection[Any], str, Iterator[tuple[Account, Account]]], int]
AMOUNT = Yuan(100)


@dataclass(frozen=True, slots=True)
class Cell:
    """One kind of load (一格)."""

    name: str
    ours: Step
    bare: Step
    clients: int = 1
    hot: bool = False
    aim: float | None = None


def _post(connection: psycopg.Connection[Any], ref: str, pairs: Iterator[tuple[Account, Account]]) -> int:
    post(connection, DEPOSIT, [Transfer(*next(pairs), AMOUNT)], reference=ref, effective_on=DAY)
    return 1


def _bare(connection: psycopg.Connection[Any], ref: str, pairs: Iterator[tuple[Account, Account]]) -> int:
    debit, credit = next(pairs)
    connection.execute("SELECT bare.post(%b, %b, %b, %b, %b)", (ref, DAY, debit.id, credit.id,
    AMOUNT.fen)).fetchone()
    return 1


def _post_many(size: int) -> Step:
    def step(connection: psycopg.Connection[Any], ref: str, pairs: Iterator[tuple[Account, Account]]) -> int:
        post_many(connection, [
            Draft(DEPOSIT, [Transfer(*next(pairs), AMOUNT)], f"{ref}:{n}", DAY) for n in range(size)
        ])  # fmt: skip
        return size

    return step


def _bare_many(size: int) -> Step:
    def step(connection: psycopg.Connection[Any], ref: str, pairs: Iterator[tuple[Account, Account]]) -> int:
        taken = list(itertools.islice(pairs, size))
        connection.execute(
            "SELECT bare.post_many(%b, %b, %b, %b, %b)",
            ([f"{ref}:{n}" for n in range(size)], DAY, [debit.id for debit, _ in taken],
             [credit.id for _, credit in taken], [AMOUNT.fen] * size),
        )  # fmt: skip
        return size

    return step


CELLS = [
    Cell("post, 1 client", _post, _bare, aim=0.40),
    Cell("post, 8 clients", _post, _bare, clients=8, aim=0.35),
    Cell("post, hot pair, 1 client", _post, _bare, hot=True, aim=0.40),
    Cell("post, hot pair, 8 clients", _post, _bare, clients=8, hot=True, aim=0.40),
    Cell("post_many(100)", _post_many(100), _bare_many(100)),
    Cell("post_many(1000)", _post_many(1000), _bare_many(1000), aim=0.45),
    Cell("post_many(1000), hot pair", _post_many(1000), _bare_many(1000), hot=True),
]


def run_cell(
    ground: Ground, cell: Cell, step: Step, seconds: float, *, verify: bool = False
) -> tuple[float, list[float]]:
    """Entries per second and every call's seconds, in a fresh copy of the template."""
    with ground.copy() as name:
        context = multiprocessing.get_context("fork")
        barrier, found = context.Barrier(cell.clients + 1), context.Queue()
        pairs = ground.pairs[:1] if cell.hot else ground.pairs
        clients = [
            context.Process(
                target=_client, args=(ground.url(APP, name), step, pairs, n, seconds, barrier, found),
                daemon=True
            )
            for n in range(cell.clients)
        ]
        for client in clients:
            client.start()
        barrier.wait(60)
        told = [found.get(timeout=seconds + 60) for _ in clients]
        for client in clients:
            client.join()
        if verify:
            ground.verify(name)
    return sum(made / taken for made, taken, _ in told), [took for *_, each in told for took in each]


def _client(
    url: str, step: Step, pairs: Pairs, number: int, seconds: float, barrier: Barrier, found: Any
) -> None:
    dice = random.Random(number)
    drawn = iter(lambda: dice.choice(pairs), None)
    each: list[float] = []
    with psycopg.connect(url, autocommit=True) as connection:
        for n in range(10):
            step(connection, f"warm:{number}:{n}", drawn)
        barrier.wait(60)
        made, start = 0, time.perf_counter()
        while (before := time.perf_counter()) < start + seconds:
            made += step(connection, f"{number}:{len(each)}", drawn)
            each.append(time.perf_counter() - before)
        found.put((made, time.perf_counter() - start, each))


def measure(ground: Ground, rounds: int, seconds: float, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """Every cell, ours and bare taking turns, as medians over the rounds."""
    seen: dict[str, list[tuple[float, float, list[float]]]] = {cell.name: [] for cell in CELLS}
    for number in range(rounds):
        for cell in CELLS:
            bare, _ = run_cell(ground, cell, cell.bare, seconds)
            ours, each = run_cell(ground, cell, cell.ours, seconds, verify=number == rounds - 1)
            seen[cell.name].append((ours, bare, each))
            say(f"第 {number + 1} 轮  {cell.name:28} {ours:9.0f}/s  裸写 {bare:9.0f}/s  {ours / bare:.2f}")
    return [_row(cell, seen[cell.name]) for cell in CELLS]


def _row(cell: Cell, rounds: list[tuple[float, float, list[float]]]) -> dict[str, Any]:
    each = sorted(took for *_, calls in rounds for took in calls)
    return {
        "name": cell.name,
        "ours_per_second": round(statistics.median(ours for ours, _, _ in rounds)),
        "bare_per_second": round(statistics.median(bare for _, bare, _ in rounds)),
        "ratio": round(statistics.median(ours / bare for ours, bare, _ in rounds), 3),
        "aim": cell.aim,
        "p50_ms": round(each[len(each) // 2] * 1000, 2),
        "p99_ms": round(each[int(len(each) * 0.99)] * 1000, 2),
    }
