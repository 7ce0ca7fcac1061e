"""Papers as PDF/A, set by Typst from plain data: the same data is the same bytes (公文版式).

A character the typeface lacks is an error and never a gap in somebody's name (ISO 19005-2, PDF/A-2b).
"""

import json
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any, cast

from escrow.errors import EscrowError
from ledger.money import Yuan

# What sets and counts is loaded with the first paper: the house starts without it.
_TEMPLATES = Path(__file__).parent / "templates"
# One compiler keeps its fonts loaded; it is not made for two threads at once.
_ONE_AT_A_TIME = Lock()


class Unprintable(EscrowError):
    """The paper cannot be set, mostly for want of a character (无法排版)."""

    code, label, status = "unprintable", "公文无法排版", 409


def pdf(template: str, told: dict[str, Any], at: datetime) -> bytes:
    """One paper of `template`, dated `at` (生成公文). Raises Unprintable naming the character."""
    import typst

    with _ONE_AT_A_TIME:
        try:
            found = _compiler(template).compile(
                format="pdf", sys_inputs={"told": json.dumps(told, ensure_ascii=False)},
                pdf_standards=["a-2b"], timestamp=int(at.timestamp()),
            )  # fmt: skip
        except typst.TypstError as error:
            raise Unprintable(f"公文无法排版，请改用页面打印：{error}") from error
    return cast(bytes, found)


def in_words(amount: Yuan) -> str:
    """An amount as a cheque says it (人民币大写，《支付结算办法》附一): 叁拾伍万元整."""
    from cn2an import an2cn

    return str(an2cn(str(amount), "rmb"))


@lru_cache
def _compiler(template: str) -> Any:
    import pylopdf_fonts_zh_cn
    import typst

    fonts = [str(pylopdf_fonts_zh_cn.serif_path().parent)]
    return typst.Compiler(str(_TEMPLATES / template), font_paths=fonts, ignore_system_fonts=True)
