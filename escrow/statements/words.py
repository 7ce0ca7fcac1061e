"""How a bank's words are read in a statement: amounts, and texts made plain (对账单用语)."""

import re
import unicodedata

# The largest single amount a bank may tell of: what no account here can hold more than, in fen.
LARGEST_LINE = 100_000_000_000_00
_AMOUNT = re.compile(r"(0|[1-9][0-9]{0,11})(?:\.([0-9]{1,2})0*)?", re.ASCII)


def read_fen(text: str) -> int:
    """A decimal amount of at most two places that count, in fen (金额)."""
    found = _AMOUNT.fullmatch(text)
    if not found or len(text) > 20:
        raise ValueError("金额须为至多两位小数的数字")
    return int(found[1]) * 100 + int((found[2] or "0").ljust(2, "0"))


def read_line_fen(text: str) -> int:
    """The amount of one movement: more than nothing, and no more than there can be (单笔金额)."""
    if not 0 < (fen := read_fen(text)) <= LARGEST_LINE:
        raise ValueError("金额须大于零，不超过一千亿元")
    return fen


def plain(text: str, longest: int) -> str:
    """A text on one line, without what cannot be seen, as long as it may be (单行文本)."""
    if not text.isprintable():
        text = "".join(" " if letter.isspace() else letter for letter in text if _is_seen(letter))
    return text.strip()[:longest].strip()


def _is_seen(letter: str) -> bool:
    return letter.isspace() or unicodedata.category(letter) not in ("Cc", "Cf", "Cs")
