"""金额：整数分的人民币，一分不差，一分不造。"""

import pickle
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moneyed import Money

from ledger.money import CEILING, ZERO, InvalidAmount, Yuan

fen = st.integers(min_value=-(10**15), max_value=10**15)
readable = st.integers(min_value=0, max_value=CEILING)


@given(readable)
def test_what_is_written_reads_back(amount: int) -> None:
    """任何可读金额，写成两位小数再读回，分毫不差。"""
    assert Yuan.parse(str(Yuan.from_fen(amount))).fen == amount


@given(fen, fen)
def test_sums_are_sums_of_fen(one: int, other: int) -> None:
    """加减即分的加减，结果仍是人民币元。"""
    assert (Yuan.from_fen(one) + Yuan.from_fen(other)).fen == one + other
    assert (Yuan.from_fen(one) - Yuan.from_fen(other)).fen == one - other
    assert type(Yuan.from_fen(one) + Yuan.from_fen(other)) is Yuan
    assert (Yuan.from_fen(one) < Yuan.from_fen(other)) == (one < other)


@given(readable, st.decimals(min_value=0, max_value=1, places=6))
def test_a_share_is_rounded_half_up_once(amount: int, ratio: Decimal) -> None:
    """按比例取份额，四舍五入到分，只舍入一次。"""
    exact = Decimal(amount) * ratio
    assert Yuan.from_fen(amount).share(ratio).fen == int(exact.quantize(Decimal(1), ROUND_HALF_UP))


@given(fen)
def test_money_survives_the_post(amount: int) -> None:
    """序列化后仍是同一金额、同一类型。"""
    sent = pickle.loads(pickle.dumps(Yuan.from_fen(amount)))
    assert sent == Yuan.from_fen(amount) and type(sent) is Yuan


@pytest.mark.parametrize(
    "text",
    ["", "1", "1.0", "1.000", "01.00", "1,000.00", "+1.00", "-1.00", " 1.00", "1.00\n", "1e3", "Infinity",
    "NaN",
     "１.００", "1．00", "١.٠٠", "12.345", "1.00\x00", "100000000000.01", "1000000000000.00"],
)  # fmt: skip
def test_text_that_is_not_an_amount_is_refused(text: str) -> None:
    """不是“350000.00”这种写法的，一律不收；超过一千亿元的也不收。"""
    with pytest.raises(InvalidAmount):
        Yuan.parse(text)


@given(st.text())
def test_no_text_is_read_twice_differently(text: str) -> None:
    """读得通的文字，必与写出来的一字不差。"""
    try:
        read = Yuan.parse(text)
    except InvalidAmount:
        return
    assert str(read) == text


@pytest.mark.parametrize("value", [1.0, float("nan"), True, None, b"1.00", Decimal("NaN"),
Decimal("Infinity"),
                                   Decimal("0.001"), "0.001", "abc"])  # fmt: skip
def test_what_is_no_whole_fen_is_refused(value: object) -> None:
    """浮点数、非数、无穷、半分，都不能成为金额。"""
    with pytest.raises(InvalidAmount):
        Yuan(value)  # type: ignore[arg-type]
    with pytest.raises(InvalidAmount):
        Yuan.from_fen(value)  # type: ignore[arg-type]


def test_a_division_that_leaves_part_of_a_fen_is_refused() -> None:
    """除不尽的除法不给结果，须用份额。"""
    with pytest.raises(InvalidAmount):
        Yuan(1) / 3


def test_other_currencies_are_refused() -> None:
    """别的币种不能混入。"""
    with pytest.raises(InvalidAmount):
        Yuan(1, "USD")
    with pytest.raises(TypeError):
        _ = Yuan(1) + Money(1, "USD")


def test_amounts_print_as_the_bureau_writes_them() -> None:
    """金额印两位小数，千分位可选。"""
    assert str(Yuan(350000)) == "350000.00"
    assert f"{Yuan('1234567.5'):,}" == "1,234,567.50"
    assert repr(Yuan("0.10")) == "Yuan('0.10')"
    assert str(ZERO) == "0.00"
