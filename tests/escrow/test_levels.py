"""监管额度：重点监管资金恒等于应留存额与楼幢资金中的较小者。"""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from escrow.supervision.levels import Position, into, out_of, resplit
from escrow.supervision.rules import QuotaMode
from ledger.money import ZERO, Yuan
from tests.estate import Estate, pay, sold, standing

fen = st.integers(0, 10**9).map(Yuan.from_fen)
modes = st.sampled_from(QuotaMode)


@st.composite
def positions(draw: st.DrawFn) -> Position:
    """任意额度、保函、节点与已拨之下，划分无误的一幢楼。"""
    quota = draw(st.none() | fen)
    held = draw(fen)
    blank = Position(
        draw(modes), ZERO, held, quota, guarantee=draw(fen), released=draw(fen), key_paid=draw(fen)
    )
    return replace(blank, key_funds=blank.key_due, general=held - blank.key_due)


@given(positions(), fen)
def test_money_in_is_divided_so_that_the_rule_still_holds(position: Position, amount: Yuan) -> None:
    """入账：先补足应留存额，其余为一般资金，两部分都不为负，合计分文不差。"""
    split = into(position, amount)
    assert split.key_funds >= ZERO and split.general >= ZERO and split.key_funds + split.general == amount
    after = replace(
        position, key_funds=position.key_funds + split.key_funds, general=position.general + split.general
    )
    assert after.key_funds == after.key_due


@given(positions(), fen)
def test_money_out_takes_general_funds_first(position: Position, amount: Yuan) -> None:
    """退款、冲正、扣划：先一般后重点；不足则不做。"""
    if amount > position.held:
        with pytest.raises(ValueError, match="不足"):
            out_of(position, amount)
        return
    split = out_of(position, amount)
    assert split.general == min(amount, position.general)
    assert split.key_funds + split.general == amount and split.key_funds >= ZERO


@given(positions(), fen, fen, fen)
def test_a_new_level_moves_exactly_the_difference(
    position: Position, quota: Yuan, guarantee: Yuan, released: Yuan
) -> None:
    """额度、保函、节点变动之后，重分类恰好补齐差额。"""
    changed = replace(position, quota=quota, guarantee=guarantee, released=released)
    moved = resplit(changed)
    assert -changed.key_funds <= moved <= changed.general
    after = replace(changed, key_funds=changed.key_funds + moved, general=changed.general - moved)
    assert after.key_funds == after.key_due


def test_the_two_mechanics() -> None:
    """留存制看保函与节点的较低者；支用制随已拨递减；没有额度即全额监管；低于额度如实列示。"""
    amounts = (Yuan("600"), Yuan("0"), Yuan("1000"), Yuan("300"), Yuan("400"), Yuan("50"))
    held = Position(QuotaMode.FLOOR, *amounts)
    assert held.level == Yuan("600") and held.shortfall == ZERO
    assert replace(held, mode=QuotaMode.DRAW_DOWN).level == Yuan("650")
    assert replace(held, mode=QuotaMode.DRAW_DOWN).shortfall == Yuan("50")
    assert replace(held, mode=QuotaMode.DRAW_DOWN).key_payable == Yuan("350")
    assert replace(held, quota=None).level is None and replace(held, quota=None).key_due == held.held
    assert replace(held, guarantee=Yuan("2000")).level == ZERO


# 一号楼额度一百五十元，二号楼没有额度。
scene_of = standing(quotas={"1": "150.00"})


def test_deposits_fill_the_quota_first(estate: Estate) -> None:
    """前一百五十元是重点监管资金，超出部分是一般资金；没有额度的楼全部留存。"""
    for _ in range(2):
        _, (notice,) = sold(estate)
        pay(estate, notice)
    key = f"building:{estate.buildings['1']}"
    held = estate.held()
    assert (held["2111", key], held["2112", key], held["8201", key]) == ("150.00", "50.00", "150.00")
    _, (notice,) = sold(estate)
    pay(estate, notice)
    assert estate.held()["2111", f"building:{estate.buildings['2']}"] == "100.00"


@pytest.mark.parametrize(
    ("debit", "credit", "amount"),
    [("2111", "2112", "0.01"), ("8199", "8203", "50.01"), ("2111", "1101", "0.01")],
)
def test_whoever_posts_the_database_keeps_the_level(
    estate: Estate, debit: str, credit: str, amount: str
) -> None:
    """绕过规则直接记账：挪作一般资金、虚增节点释放额、由重点资金付出而留着一般资金，数据库一概不收。"""
    for _ in range(2):
        _, (notice,) = sold(estate)
        pay(estate, notice)
    key = f"building:{estate.buildings['1']}"
    keys = dict.fromkeys(("2111", "2112", "8203"), key)
    with pytest.raises(IntegrityError, match="key funds are") as refused:
        estate.move(debit, credit, amount, key=keys.get(credit, ""), debit_key=keys.get(debit, ""))
    assert refused.value.orig.diag.constraint_name == "key_funds_follow"  # type: ignore[union-attr]
