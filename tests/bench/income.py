"""A year's income shared to a million house accounts: how long, and how much memory (收益分配基准).

`python -m tests.bench.income --houses 1000000`: the fund is filled first (that is not counted), then one run is
proposed, computed, approved and booked through the room's own actions, and the sums are asked at every level.
"""

import argparse
import resource
import secrets
import time
from datetime import date, timedelta
from types import SimpleNamespace

import psycopg
from sqlalchemy import text

from config.clock import bureau_day
from config.database import Database
from config.roles import APP, OWNER, READER, VERIFIER
from config.settings import Settings
from escrow.application import create_app
from escrow.fund_income import actions, sharing
from escrow.fund_income.periods import close_month
from escrow.fund_income.rules import Basis, IncomeKind, month_end
from escrow.maintenance import chart
from escrow.maintenance.books import accounts_of
from escrow.maintenance.chart import Nature
from ledger.journal import Draft, post_many
from ledger.money import Yuan
from ledger.movements import Transfer
from tests.bench.ground import Ground, open_ground
from tests.fund.fund_estate import FundEstate, brought_by_nobody, build_fund

_STEP = 1000
_HOUSES = """
INSERT INTO house (community_building_id, unit_code, room_no, area, use, nature, status, built_by)
SELECT %s, '141130001001GB00009F' || lpad(n::text, 8, '0'), n::text, 80 + n %% 60, 'residential', 'commodity',
       'built', %s
  FROM generate_series(1, %s) AS n RETURNING id
"""


def _settings(ground: Ground, database: str) -> Settings:
    return Settings(
        data_dir=ground.server.home, database_url=ground.url(APP, database),
        owner_url=ground.url(OWNER, database), reader_url=ground.url(READER, database),
        verifier_url=ground.url(VERIFIER, database), broker_url="memory://", secret_key=secrets.token_bytes(32),
        party_keys={"k": secrets.token_bytes(32)}, index_key=secrets.token_bytes(32), signing_key_pem=b"",
        testing=True,
    )  # fmt: skip


def _fill(ground: Ground, name: str, fund: FundEstate, houses: int) -> None:
    """As many houses with a deposit each, a month ago, in entries of a thousand lines."""
    day = bureau_day().replace(day=1) - timedelta(days=40)
    with brought_by_nobody(fund.house), psycopg.connect(ground.url("postgres", name)) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE fund_account SET opened_on = %s", (day.replace(day=1),))
        connection.execute("SET session_replication_role = origin")
        asked = (next(iter(fund.buildings.values())), fund.officers[1], houses)
        ids = [row[0] for row in connection.execute(_HOUSES, asked).fetchall()]
    database = fund.house.database
    code, bank = chart.DEPOSITS[Nature.COMMODITY], (chart.BANK_COMMODITY, "")
    for at in range(0, houses, _STEP):
        with database.begin() as session:
            keys = [chart.house_key(one) for one in ids[at : at + _STEP]]
            held = accounts_of(session, fund.book_id, [bank, *((code, key) for key in keys)])
            lines = [
                Transfer(held[bank], held[code, key], Yuan.from_fen(500_000 + (at + n) * 7919 % 700_000))
                for n, key in enumerate(keys)
            ]
            post_many(session, [Draft(chart.OWNER_DEPOSIT, lines, f"fill:{at}", day)])
        if at % 100_000 == 0:
            print(f"  已建 {at + _STEP} 户", flush=True)


def _earn(fund: FundEstate, day: date) -> None:
    slip = actions.Slip(
        fund.fund_id, IncomeKind.INTEREST, Nature.COMMODITY, Yuan("12345678.91"), "LX", day, "结息单", "ab" * 32
    )
    entered = fund.do(lambda session: actions.enter(session, slip, officer_id=fund.officers[0]))
    fund.do(
        lambda session: actions.book(session, entered, officer_id=fund.officers[1], fund_id=fund.fund_id)
    )
    month, last = day.replace(day=1), month_end(bureau_day().replace(day=1) - timedelta(days=1))
    while month <= last:
        with fund.begin() as session:
            close_month(session, fund.fund_id, month, officer_id=fund.officers[1])
        month = month_end(month) + timedelta(days=1)


def main() -> None:
    """Fill, share, tell."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--houses", type=int, default=1_000_000)
    houses = asked.parse_args().houses
    with open_ground() as ground, ground.copy() as name:
        settings = _settings(ground, name)
        house = SimpleNamespace(
            settings=settings, database=Database(settings, jobs=True),
            connect=lambda _role: psycopg.connect(ground.url(OWNER, name)),
        )  # fmt: skip
        create_app(settings)
        fund = build_fund(house)
        _fill(ground, name, fund, houses)
        ground.settle(name)
        first = bureau_day().replace(day=1) - timedelta(days=40)
        _earn(fund, first)
        end = bureau_day().replace(day=1) - timedelta(days=1)
        asked_run = sharing.Proposal(fund.fund_id, Nature.COMMODITY, first.replace(day=1), end, Basis.DAYS)
        run_no = fund.do(lambda session: sharing.propose(session, asked_run, officer_id=fund.officers[0]))
        started = time.perf_counter()
        sharing.carry_out(house.database, run_no)
        computed = time.perf_counter()
        fund.do(lambda session: sharing.approve(session, run_no, officer_id=fund.officers[1]))
        sharing.carry_out(house.database, run_no)
        done = time.perf_counter()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(f"{houses} 户：测算 {computed - started:.1f} 秒，入户 {done - computed:.1f} 秒，内存峰值 {peak} MB")
        with house.database.begin() as session:
            assert session.execute(text("SELECT * FROM fund_disagreements()")).all() == []
        sharing.carry_out(house.database, run_no)
        ground.verify(name)
        print("各级相符，核验通过；再办一次没有变动。")
        house.database.dispose()


if __name__ == "__main__":
    main()
