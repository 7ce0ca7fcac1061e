"""随机账户经历：两种额度方式、保函、冻结、退款、冲正、拨付交错，每一步之后恒等式都成立。"""

import os
import random
from typing import Any

import pytest

from config.clock import bureau_day
from escrow.supervision.books import account_of
from escrow.supervision.rules import QuotaMode
from ledger.accounts import balances
from ledger.journal import post
from ledger.money import ZERO, Yuan
from ledger.movements import Movement, Transfer
from tests.conftest import housed
from tests.escrow.model import History, Line, PureBook
from tests.estate import build, officers
from tests.noding import reached

PURE, ON_POSTGRESQL, STEPS = 800, int(os.environ.get("MODEL_HISTORIES", "40")), 60


@pytest.mark.parametrize("start", range(0, PURE, 100))
def test_what_must_hold_holds_after_every_event(start: int) -> None:
    """八百段随机经历，纯规则与科目：资产等于负债，重点资金等于应有额，合同累计、在途与可拨额分毫不差。"""
    for seed in range(start, start + 100):
        mode = list(QuotaMode)[seed % 2]
        History(PureBook(), random.Random(seed), mode).live(STEPS)


class LedgerBook:
    """The same entries in PostgreSQL, under its own guards (真账套)."""

    def __init__(self, house: Any, book_id: int, seed: int) -> None:
        self.house, self.book_id, self.seed, self.count = house, book_id, seed, 0
        self.mirror = PureBook()

    def post(self, movement: Movement, lines: list[Line]) -> None:
        self.mirror.post(movement, lines)
        self.count += 1
        with self.house.database.begin() as session:
            transfers = [
                Transfer(
                    account_of(session, self.book_id, debit[0], key=debit[1]),
                    account_of(session, self.book_id, credit[0], key=credit[1]), amount,
                )
                for debit, credit, amount in lines
            ]  # fmt: skip
            reference = f"model:{self.seed}:{self.count}"
            post(session, movement, transfers, reference=reference, effective_on=bureau_day())

    def balances(self) -> dict[tuple[str, str], Yuan]:
        return self.mirror.balances()

    def stands(self) -> dict[tuple[str, str], Yuan]:
        """What PostgreSQL says."""
        with self.house.database.read() as session:
            found = balances(session, self.book_id)
        return {(account.code, account.key): amount for account, amount in found if amount != ZERO}


@pytest.fixture(scope="module", params=list(QuotaMode))
def begun(request: Any, cluster: Any, blank_settings: Any) -> Any:
    """一种额度方式的账户，备好一次，每段经历从它的副本开始。"""
    with housed(cluster, blank_settings) as house:
        people = officers(house, "liuli", "wangyi")
        estate = build(house, people, quota_mode=request.param.value, nodes={"全部释放": "0.00"})
        assert sorted(estate.buildings.values()) == [1, 2]
        # So that the book takes any release up to the whole quota.
        for building in estate.buildings:
            reached(estate, people, "全部释放", building=building)
        # The model orders and pays by itself, without the papers of the rooms.
        estate.without_papers()
        house.database.dispose()
        yield request.param, house.name, estate.book_id


@pytest.mark.parametrize("seed", range(0, ON_POSTGRESQL, 2))
def test_postgresql_agrees_with_the_model(
    cluster: Any, blank_settings: Any, begun: tuple[QuotaMode, str, int], seed: int
) -> None:
    """同样的经历记入真账套：数据库逐笔放行，余额与模型逐户一致。"""
    mode, template, book_id = begun
    seed += list(QuotaMode).index(mode)
    with housed(cluster, blank_settings, template) as house:
        agree(house, book_id, seed, mode)


def agree(house: Any, book_id: int, seed: int, mode: QuotaMode) -> None:
    book = LedgerBook(house, book_id, seed)
    history = History(book, random.Random(10_000 + seed), mode)
    history.live(STEPS)
    assert book.stands() == book.balances()
