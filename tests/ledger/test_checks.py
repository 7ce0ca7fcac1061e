"""核验：干净的账项项通过；超级用户关掉触发器改账，也一定被指出来。"""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from config.settings import Settings
from ledger import checks, errors
from ledger.journal import Draft, close_day, post_many
from ledger.money import Yuan
from ledger.movements import Transfer
from ledger.seals import Head, day_root, follow, head, keep, kept, seal
from tests.cluster import Cluster
from tests.conftest import House, housed, settle
from tests.ledger.conftest import ANY, CLOSED, DAY, Books, deposit, open_books
from tests.ledger.tampering import COVER_UP, DEEDS, Tampering, put_in_now


def sealed_books(house: House) -> Books:
    """Three blocks: eight entries, four, four; and a closed day."""
    with house.database.begin() as session:
        books = open_books(session)
        close_day(session, books.book.id, CLOSED)
    for block, count in enumerate((8, 4, 4)):
        for n in range(count):
            with house.database.begin() as session:
                deposit(session, books, Yuan(10 * block + n + 1), f"d:{block * 8 + n}")
        settle(house.database)
        with house.database.begin() as session:
            assert seal(session) == 1
    return books


def failing(house: House, path: Path | None = None) -> list[str]:
    """The names of the checks that did not hold, as the verifier sees it."""
    with house.connect("verifier") as connection:
        return [finding.check for finding in checks.run(connection, path) if not finding.ok]


@pytest.fixture(scope="module")
def honest_house(cluster: Cluster, blank_settings: Settings) -> Iterator[House]:
    """Sealed books nobody touched: each deed is done to a copy (未经改动的账)."""
    with housed(cluster, blank_settings) as first:
        sealed_books(first)
        first.database.dispose()
        yield first


@pytest.fixture
def sealed_house(cluster: Cluster, blank_settings: Settings, honest_house: House) -> Iterator[House]:
    """A copy of them."""
    with housed(cluster, blank_settings, honest_house.name) as copy:
        yield copy


@pytest.mark.parametrize("deed", DEEDS, ids=lambda deed: deed.name)
def test_what_a_superuser_does_is_found(sealed_house: House, tmp_path: Path, deed: Tampering) -> None:
    """超级用户关掉全部触发器改账、删账、插账、截尾，核验必以所指的一项指出。"""
    house = sealed_house
    path = tmp_path / "head.json"
    assert failing(house, path) == []
    with house.connect("superuser") as forger:
        forger.execute("SET session_replication_role = replica")
        forger.execute(deed.sql)
    assert deed.found_by in failing(house, path)


def test_a_late_entry_with_an_early_time_stays_found_once_sealed(house: House) -> None:
    """补记的凭证谎称早已记账，即使照常封存进了新的一块，也被指出。"""
    sealed_books(house)
    with house.connect("superuser") as forger:
        forger.execute("SET session_replication_role = replica")
        forger.execute(put_in_now("booked_at - interval '3 days'") + COVER_UP)
    assert failing(house) == ["versions-without-gaps", "unsealed-too-long"]
    settle(house.database)
    with house.database.begin() as session:
        assert seal(session) == 1
    assert failing(house) == ["versions-without-gaps", "seals-unbroken"]


def test_clean_books_hold_and_leave_a_head_outside(house: House, tmp_path: Path) -> None:
    """干净的账项项通过，并把最新的封存头留在库外；头只进不退，也不给旁人读。"""
    path = tmp_path / "head.json"
    sealed_books(house)
    assert failing(house, path) == []
    told = kept(path)
    assert told is not None and told.no == 3 and path.stat().st_mode & 0o777 == 0o600
    keep(path, Head(2, "older"))
    assert kept(path) == told
    with house.database.read() as session:
        assert head(session) == told


REDONE = """
UPDATE ledger.journal_entry SET memo = '改' WHERE reference = 'honest';
UPDATE ledger.seal s SET hash = sha256(s.previous || convert_to(
    (SELECT string_agg(ledger.wording(e), E'\\n' ORDER BY e.xid, e.id) FROM ledger.journal_entry e
       JOIN ledger.seal b ON b.no = s.no - 1
      WHERE (e.xid, e.id) > (b.through_xid, b.through_id)), 'UTF8'))
 WHERE s.no = (SELECT max(no) FROM ledger.seal)
"""


def test_a_block_over_a_rewritten_chain_does_not_hide_it(house: House, tmp_path: Path) -> None:
    """整条链被改写之后照常封存新块，库外的封存头不跟过去，核验照样指出；没被改写的链，头随新块前进。"""
    books = sealed_books(house)
    path = tmp_path / "head.json"

    def one_more(reference: str) -> None:
        with house.database.begin() as session:
            deposit(session, books, Yuan(1), reference)
        settle(house.database)
        with house.database.begin() as session:
            assert seal(session) == 1
        with house.database.read() as session:
            follow(session, path)

    one_more("honest")
    honest = kept(path)
    assert honest is not None and failing(house, path) == []
    with house.connect("superuser") as forger:
        forger.execute(f"SET session_replication_role = replica; {REDONE}")
    assert failing(house) == []
    one_more("later")
    assert kept(path) == honest
    assert failing(house, path) == ["head-kept"]


def test_a_failed_verification_does_not_move_the_head(house: House, tmp_path: Path) -> None:
    """核验不通过时，库外的封存头保持原样。"""
    path = tmp_path / "head.json"
    sealed_books(house)
    path.write_text(json.dumps({"no": 1, "hash": "0" * 64}))
    assert failing(house, path) == ["head-kept"]
    assert kept(path) == Head(1, "0" * 64)


def test_a_lost_entry_of_a_room_is_an_orphan(house: House) -> None:
    """别的表引用了账上没有的凭证，也算失去凭证。"""
    with house.connect("owner") as owner:
        owner.execute("CREATE TABLE public.paper (entry_id bigint REFERENCES ledger.journal_entry)")
    with house.connect("superuser") as forger:
        forger.execute("SET session_replication_role = replica; INSERT INTO public.paper VALUES (77)")
    assert failing(house) == ["no-orphan"]


def test_entries_unsealed_for_too_long_are_named(house: House) -> None:
    """久未封存的凭证，核验会说。"""
    with house.database.begin() as session:
        deposit(session, open_books(session), Yuan(1), "d")
    assert failing(house) == []
    with house.connect("superuser") as forger:
        forger.execute("SET session_replication_role = replica")
        forger.execute("UPDATE ledger.journal_entry SET booked_at = booked_at - interval '2 hours'")
    assert failing(house) == ["unsealed-too-long"]


def test_entries_under_way_are_sealed_later_and_none_is_skipped(house: House) -> None:
    """先开始、后提交的凭证，封存时不被跳过：等它落定再封，块与块之间一张不漏。"""
    with house.database.begin() as session:
        books = open_books(session)
        other = open_books(session, "escrow:2")
    with house.connect() as slow:
        deposit(slow, other, Yuan(1), "slow")
        for n in range(3):
            with house.database.begin() as session:
                deposit(session, books, Yuan(1), f"quick:{n}")
        with house.database.begin() as session:
            assert seal(session) == 0
    settle(house.database)
    for expected in (1, 0):
        with house.database.begin() as session:
            assert seal(session) == expected
    assert failing(house) == []
    with house.connect() as connection:
        assert connection.execute("SELECT sum(entries) FROM ledger.seal").fetchone() == (4,)


def test_two_sealers_make_one_chain(house: House) -> None:
    """两个封存任务同时跑，仍是一条链，每张凭证只在一块里。"""
    with house.database.begin() as session:
        books = open_books(session)
        post_many(
            session,
            [Draft(ANY, [Transfer(books.cash, books.key, Yuan(1))], f"m{n}", DAY) for n in range(1500)],
        )
    with house.connect() as first, house.connect() as second:
        first.execute("SELECT ledger.seal_next()")
        second.execute("SET lock_timeout = '200ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            second.execute("SELECT ledger.seal_next()")
        second.rollback()
        first.commit()
        assert second.execute("SELECT ledger.seal_next(), ledger.seal_next()").fetchone() == (2, None)
    with house.connect() as connection:
        assert connection.execute("SELECT array_agg(entries ORDER BY no) FROM ledger.seal").fetchone() == (
            [1000, 500],
        )
    assert failing(house) == []


def test_a_day_root_is_the_same_until_the_books_change(house: House) -> None:
    """日结根由账套、日期、封存头与当日各科目余额得出；没有日结就没有根。"""
    books = sealed_books(house)
    with house.database.begin() as session:
        with pytest.raises(errors.DayNotClosed):
            day_root(session, books.book.id, DAY)
        close_day(session, books.book.id, DAY)
        root = day_root(session, books.book.id, DAY)
        assert root == day_root(session, books.book.id, DAY) and len(root.digest) == 64
        assert root.digest != day_root(session, books.book.id, CLOSED).digest


def test_a_database_whose_transaction_ids_went_back_is_not_sealed(house: House) -> None:
    """逻辑恢复后事务号倒退，封存拒绝继续，而不是悄悄漏封。"""
    sealed_books(house)
    with house.connect("superuser") as restorer:
        restorer.execute(
            "SET session_replication_role = replica;"
            " UPDATE ledger.seal SET through_xid = '99999999' WHERE no = 3"
        )
    with pytest.raises(errors.SealsOutOfStep), house.database.begin() as session:
        seal(session)


def test_the_verifier_reads_fast_enough(house: House) -> None:
    """核验每秒不少于两万行凭证与分录。"""
    entries = 5000
    with house.database.begin() as session:
        books = open_books(session)
        for start in range(0, entries, 1000):
            numbers = range(start, start + 1000)
            lines = [Transfer(books.cash, books.key, Yuan(1))]
            post_many(session, [Draft(ANY, lines, f"m{n}", DAY) for n in numbers])
    with house.database.begin() as session:
        seal(session)
    # A busy machine may be slow once; a verifier that is slow is slow every time.
    seconds = []
    while not seconds or (min(seconds) > 4 * 2 * entries / 20_000 and len(seconds) < 3):
        start = time.perf_counter()
        assert failing(house) == []
        seconds.append(time.perf_counter() - start)
    assert 2 * entries / min(seconds) >= 20_000 / 4, "忙碌的测试机上也有四分之一"
