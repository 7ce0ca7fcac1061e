"""工作日：依当年放假通知，调休上班的周末也算；通知未出的年份只除周末。"""

from datetime import date

import pytest

from config.clock import is_working_day, working_days_after


@pytest.mark.parametrize(
    ("day", "works"),
    [
        ("2026-11-20", True),
        ("2026-11-21", False),
        ("2026-10-01", False),  # 国庆
        ("2026-10-10", True),  # 周六，调休上班
        ("2099-10-01", True),  # 通知未出
        ("2099-10-03", False),
    ],
)
def test_a_working_day_is_one_by_the_notice(day: str, works: bool) -> None:
    """法定节假日不是工作日，调休的周六是；远年没有通知，只除周末。"""
    assert is_working_day(date.fromisoformat(day)) is works


@pytest.mark.parametrize(
    ("day", "days", "due"),
    [
        ("2026-11-20", 0, "2026-11-20"),
        ("2026-11-20", 1, "2026-11-23"),
        ("2026-09-30", 1, "2026-10-08"),  # 国庆长假之后
        ("2026-10-09", 1, "2026-10-10"),  # 调休周六
        ("2026-09-30", 3, "2026-10-10"),
    ],
)
def test_working_days_are_counted_past_holidays(day: str, days: int, due: str) -> None:
    """期限按工作日数：跨长假顺延，调休日计入，当日不计。"""
    assert working_days_after(date.fromisoformat(day), days) == date.fromisoformat(due)
