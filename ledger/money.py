"""Money as the books know it: yuan, whole fen, never a float (金额). Pure."""

import re
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from moneyed import CNY, Currency, CurrencyDoesNotExist, Money

FEN = Decimal("0.01")
TEXT = re.compile(r"(0|[1-9][0-9]{0,11})\.[0-9]{2}", re.ASCII)
# The largest amount one paper may name, in fen; PostgreSQL holds every transfer to it too (单笔上限).
CEILING = 10**13


class InvalidAmount(ValueError):
    """A text or number that is not whole fen of yuan (金额格式不正确)."""


class Yuan(Money):
    """An amount in yuan of whole fen; refuses floats, NaN, other currencies and a third decimal (人民币元)."""

    def __init__(self, amount: Decimal | int | str = 0, currency: Currency | str = CNY) -> None:
        if isinstance(amount, bool) or not isinstance(amount, (Decimal, int, str)):
            raise InvalidAmount(f"不接受 {type(amount).__name__} 作为金额")
        try:
            super().__init__(amount, currency)
        except (ArithmeticError, CurrencyDoesNotExist) as error:
            raise InvalidAmount(f"{amount!r} {currency} 不是人民币金额") from error
        if self.currency != CNY:
            raise InvalidAmount("只接受人民币")
        exponent = self.amount.as_tuple().exponent
        if not isinstance(exponent, int) or exponent < -2:
            raise InvalidAmount("金额须为整数分")

    @classmethod
    def parse(cls, text: str) -> "Yuan":
        """The one strict reading of a text such as `350000.00`. Raises InvalidAmount."""
        if not isinstance(text, str) or not TEXT.fullmatch(text):
            raise InvalidAmount("金额须为两位小数的元，如 350000.00")
        if (read := cls(text)).fen > CEILING:
            raise InvalidAmount("金额不得超过一千亿元")
        return read

    @classmethod
    def from_fen(cls, fen: int) -> "Yuan":
        """Whole fen, as the database holds them (分)."""
        if isinstance(fen, bool) or not isinstance(fen, int):
            raise InvalidAmount(f"不接受 {type(fen).__name__} 作为分")
        return cls(Decimal(fen).scaleb(-2))

    @property
    def fen(self) -> int:
        """This amount in fen (分)."""
        return int(self.amount.scaleb(2))

    def share(self, ratio: Decimal) -> "Yuan":
        """This amount times a ratio, rounded half up to the fen, once (四舍五入到分)."""
        return Yuan((self.amount * ratio).quantize(FEN, ROUND_HALF_UP))

    def __str__(self) -> str:
        return f"{self.amount:.2f}"

    def __repr__(self) -> str:
        return f"Yuan('{self}')"

    def __format__(self, spec: str) -> str:
        return format(str(self), spec) if spec != "," else f"{self.amount:,.2f}"

    def __reduce__(self) -> tuple[Any, ...]:
        return Yuan, (str(self),)


ZERO = Yuan(0)


def yuan_of(fen: int) -> str:
    """Fen as yuan; a balance may stand below zero (分示为元)."""
    sign = "-" if fen < 0 else ""
    return f"{sign}{Yuan.from_fen(abs(fen))}"
