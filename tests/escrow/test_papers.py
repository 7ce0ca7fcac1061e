"""致银行的通知书：PDF/A，收款人全文，每次打印留痕。"""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text

from escrow.instructions.papers import notice
from escrow.papers import Unprintable, in_words, pdf
from ledger.money import Yuan
from tests.escrow.test_instructions import clerk, ordered, scene_of  # noqa: F401 - fixtures
from tests.estate import Estate

TOLD = {
    "title": "拨付通知书", "number": "ZL2026000001", "addressee": "某行", "opening": "请付款。",
    "lines": [["收款人", "田秀英"]], "closing": "一次付清。", "issuer": "刘丽", "issued_at": "2026-11-21",
}  # fmt: skip
AT = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        ("350000.00", "叁拾伍万元整"), ("0.01", "壹分"), ("10000.00", "壹万元整"), ("1005.00", "壹仟零伍元整"),
        ("100000001.05", "壹亿零壹元零伍分"), ("6200.50", "陆仟贰佰元伍角"),
    ],
)  # fmt: skip
def test_an_amount_in_words(amount: str, said: str) -> None:
    """金额大写与支票一致。"""
    assert in_words(Yuan(amount)) == said


def test_the_same_paper_is_the_same_bytes() -> None:
    """同样内容的公文逐字节相同，是 PDF/A。"""
    first = pdf("instructions/notice.typ", TOLD, AT)
    assert first == pdf("instructions/notice.typ", TOLD, AT)
    assert first.startswith(b"%PDF-1.7") and b"pdfaid" in first


def test_a_missing_character_is_said_and_not_left_out() -> None:
    """字库没有的字，说明是哪个字，不打出缺字的公文。"""
    with pytest.raises(Unprintable, match="𠮷"):
        pdf("instructions/notice.typ", {**TOLD, "lines": [["收款人", "𠮷田"]]}, AT)


def test_printing_leaves_a_row_each_time(estate: Estate, clerk: int) -> None:  # noqa: F811
    """打印通知书看到收款人全文，所以每次留痕。"""
    number = ordered(estate, clerk)

    def printed(session: Any) -> bytes:
        return notice(session, number, estate.house.settings)

    assert estate.do(printed) == estate.do(printed)
    rows = estate.do(
        lambda session: session.scalars(
            text("SELECT subject FROM audit_event WHERE action = 'instruction.printed'")
        ).all()
    )
    assert rows == [number, number]
