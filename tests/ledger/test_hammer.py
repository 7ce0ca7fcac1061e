"""许多进程同时记账：热点对、散开的、成批的、冲正与占用，事后一分不差。"""

import multiprocessing
import random
from collections import Counter
from typing import Any

import psycopg

from ledger import errors
from ledger.accounts import Account, balances, open_account, open_book
from ledger.journal import Draft, post, post_many, reverse
from ledger.money import Yuan
from ledger.movements import Transfer
from ledger.seals import seal
from ledger.terms import Side
from tests.conftest import House
from tests.ledger.conftest import ANY, CASH, DAY, KEY
from tests.ledger.test_checks import failing

PROCESSES, DEEDS, PAIRS = 8, 120, 6
Pair = tuple[Account, Account]


def pairs_of(house: House) -> list[Pair]:
    """Pairs in one book; the first is everybody's favourite."""
    with house.database.begin() as session:
        book = open_book(session, "hammer", "锤炼账套")
        return [
            (
                open_account(session, book.id, CASH, key=str(n), side=Side.DEBIT),
                open_account(session, book.id, KEY, key=str(n), side=Side.CREDIT),
            )
            for n in range(PAIRS)
        ]


def hammer(url: str, number: int, pairs: list[Pair], told: Any) -> None:
    """One process: what it moved on each account, and what went wrong."""
    dice = random.Random(number)
    moved: Counter[int] = Counter()
    faults: Counter[str] = Counter()
    with psycopg.connect(url, autocommit=True) as connection:
        for n in range(DEEDS):
            try:
                for account, fen in _deed(connection, dice, pairs, f"{number}:{n}"):
                    moved[account] += fen
            except (errors.LedgerError, psycopg.Error) as fault:
                faults[type(fault).__name__] += 1
    told.put((moved, faults))


def _deed(connection: Any, dice: random.Random, pairs: list[Pair], reference: str) -> list[tuple[int, int]]:
    """In, out, a mixed batch in any order of accounts, or in and back again."""
    cash, key = pairs[0] if dice.random() < 0.5 else dice.choice(pairs)
    amount = dice.randint(1, 9)
    paid = Transfer(cash, key, Yuan.from_fen(amount))
    match dice.choice(["in", "in", "out", "batch", "undone"]):
        case "in":
            post(connection, ANY, [paid], reference=reference, effective_on=DAY)
            return [(cash.id, amount), (key.id, amount)]
        case "out":
            back = Transfer(key, cash, Yuan.from_fen(amount))
            post(connection, ANY, [back], reference=reference, effective_on=DAY)
            return [(cash.id, -amount), (key.id, -amount)]
        case "batch":
            chosen = dice.sample(pairs, k=4) * 2
            post_many(connection, [
                Draft(ANY, [Transfer(*pair, Yuan.from_fen(amount))], f"{reference}:{n}", DAY)
                for n, pair in enumerate(chosen)
            ])  # fmt: skip
            return [(account.id, amount) for pair in chosen for account in pair]
        case _:
            entry = post(connection, ANY, [paid], reference=reference, effective_on=DAY)
            try:
                reverse(connection, entry.id, reference=f"{reference}:undo", effective_on=DAY, memo="")
            except errors.AccountBelowFloor:
                return [(cash.id, amount), (key.id, amount)]
            return []


def test_many_processes_lose_nothing(house: House) -> None:
    """八个进程同时记账、冲正、成批记账，另有封存同时进行：无死锁，余额等于各自所记之和，核验通过。"""
    pairs = pairs_of(house)
    context = multiprocessing.get_context("fork")
    told = context.Queue()
    workers = [
        context.Process(target=hammer, args=(house.url(), number, pairs, told), daemon=True)
        for number in range(PROCESSES)
    ]
    for worker in workers:
        worker.start()
    outcomes = []
    while len(outcomes) < PROCESSES:
        with house.database.begin() as session:
            seal(session)
        outcomes.append(told.get(timeout=60))
    for worker in workers:
        worker.join(10)
    moved: Counter[int] = Counter()
    faults: Counter[str] = Counter()
    for one, wrong in outcomes:
        moved.update(one)
        faults.update(wrong)
    assert set(faults) <= {"AccountBelowFloor"}, faults
    assert sum(faults.values()) < PROCESSES * DEEDS / 2, "the hammer must hit"
    with house.database.begin() as session:
        stood = {account.id: balance.fen for account, balance in balances(session, pairs[0][0].book_id)}
        seal(session)
    assert stood == {account.id: moved[account.id] for pair in pairs for account in pair}
    assert failing(house) == []
