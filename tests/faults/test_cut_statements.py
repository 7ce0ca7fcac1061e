"""对账单在每一行的边界上被截断，前后各一字节：整份不收，账上什么也没有；完整的一份照常收下（F12）。"""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from tests.estate import new_number, pay, sold
from tests.faults.callers import Heard
from tests.faults.cases import Staff, day_of, estate_for, fen
from tests.faults.invariants import footprint, grown, holds, reconciled, sealed
from tests.faults.length import LONG, MARKS
from tests.faults.striking import delivered
from tests.stating import Day, Told, as_camt, as_csv

pytestmark = MARKS
# What a refused file leaves: its bytes, that it came, and why it is not taken.
TRACE = {
    "public.statement_file", "public.statement_chunk", "statement_file:refused", "audit:statement.stored",
}  # fmt: skip
WRITERS: dict[str, Any] = {
    "csv": lambda day: (as_csv(day), "text/csv"),
    "csv-crlf-gb18030": lambda day: (as_csv(day, "gb18030", "\r\n"), "text/csv"),
    "camt.053.001.02": lambda day: (as_camt(day, "02"), "application/xml"),
    "camt.053.001.08": lambda day: (as_camt(day), "application/xml"),
}


def bank_day(staff: Staff) -> Day:
    """A day of both directions, some of it not in the book yet; no tail of it comes to nothing."""
    estate = estate_for(staff)
    _, notices = sold(estate, amount="100000.00", notices=3)
    for notice in notices:
        pay(estate, notice, "100000.00")
    later = [Told(new_number("N"), fen(f"{number}.01")) for number in range(1, 10 if LONG else 4)]
    return day_of(estate, *later)


def cuts(content: bytes) -> list[int]:
    """After every line end, and one byte before and behind it."""
    ends = [at + 1 for at, byte in enumerate(content) if byte == 0x0A]
    return sorted({cut for end in [0, *ends] for cut in (end - 1, end, end + 1) if 0 < cut < len(content)})


def is_refused(heard: Heard, added: dict[str, int]) -> bool:
    return heard.status in (400, 422) and set(added) <= TRACE


@pytest.mark.parametrize("form", list(WRITERS))
def test_a_statement_cut_anywhere_is_refused_whole(staff: Staff, form: str) -> None:
    """少一行、少半行、少一个字节：400 或 422，没有一笔入账；只有去掉末尾换行的仍是完整的一份。"""
    day = bank_day(staff)
    content, kind = WRITERS[form](day)
    whole = content.rstrip()
    seen: Counter[int | None] = Counter()
    for cut in cuts(content):
        if cut >= len(whole):
            continue
        before = footprint(staff.office)
        heard = staff.bank.state(content[:cut], kind)
        added = grown(before, footprint(staff.office))
        assert is_refused(heard, added), (cut, content[max(0, cut - 60) : cut], heard, added)
        seen[heard.status] += 1
    assert sum(seen.values()) > 3 * len(day.lines), seen
    assert staff.bank.state(content, kind).status == 202
    assert staff.bank.state(content, kind).status == 200
    reconciled(staff.bank, day)
    delivered(staff)
    sealed(staff.office)
    holds(staff.office, *staff.callers, told=True)


def test_a_line_dropped_or_doubled_is_refused_whole(staff: Staff) -> None:
    """少一笔、多一笔、金额差一分：期初加发生额不等于期末，整份不收。"""
    day = bank_day(staff)
    for lines in (
        day.lines[:-1], day.lines[1:], (*day.lines, day.lines[0]),
        (*day.lines[:-1], replace(day.lines[-1], fen=day.lines[-1].fen + 1)),
    ):  # fmt: skip
        for write in WRITERS.values():
            before = footprint(staff.office)
            content, kind = write(replace(day, lines=lines, closing=day.ends))
            heard = staff.bank.state(content, kind)
            assert is_refused(heard, grown(before, footprint(staff.office))), heard
    reconciled(staff.bank, day)
    holds(staff.office, *staff.callers)
