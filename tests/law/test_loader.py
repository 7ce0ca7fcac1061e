"""What a law table must be before the house will use it."""

from datetime import date
from decimal import Decimal

import pytest

from config.regulations import LawError, law_on, load, weaker_than_floor

NATIONAL = """
[standard]
title = "标准"
unit = "元/平方米"
weaker = "lower"

[[standard.in_force]]
from = 2020-01-01
value = { frame = "60.00", masonry = "40.00" }
citation = "本局设定（待补依据）"
verified_on = 2026-11-21
"""
LOCAL = """
[[standard.in_force]]
from = 2023-04-13
value = { frame = "60.00", masonry = "40.00" }
citation = "某文"
verified_on = 2026-11-21
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "14").mkdir()
    (tmp_path / "fund.toml").write_text(NATIONAL, encoding="utf-8")
    (tmp_path / "14" / "fund.toml").write_text(LOCAL, encoding="utf-8")
    return tmp_path


def test_a_whole_table_loads(folder):
    """齐全的表可以读取，金额是精确小数。"""
    [provision] = load(folder)["14"]["fund"]["standard"].provisions

    assert provision.value["frame"] == Decimal("60.00")
    assert provision.in_force_from == date(2023, 4, 13)
    assert not provision.setting


@pytest.mark.parametrize("name", ["from", "value", "citation", "verified_on"])
def test_a_value_without_its_particulars_stops_the_start(folder, name):
    """缺起始日、值、出处或核对日期，一律拒绝，并指出文件与项目。"""
    kept = [line for line in LOCAL.splitlines() if not line.startswith(name)]
    (folder / "14" / "fund.toml").write_text("\n".join(kept), encoding="utf-8")

    with pytest.raises(LawError, match=rf"14/fund\.toml \[standard\]：缺少 {name}"):
        load(folder)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (LOCAL + LOCAL, "递增"),
        (LOCAL.replace('"60.00"', "60.0"), "小数"),
        (LOCAL.replace('"60.00"', '"NaN"'), "小数"),
        (LOCAL.replace('"60.00"', '"-1"'), "小数"),
        (LOCAL.replace("from = 2023-04-13", 'from = "2023-04-13"'), "日期"),
        (LOCAL.replace("from = 2023-04-13", "from = 2023-04-13T00:00:00Z"), "日期"),
        (LOCAL + "effective = 2023-01-01\n", "未知"),
        (LOCAL.replace("standard", "standrad"), "standrad"),
        (LOCAL + "[[broken", "14/fund"),
    ],
    ids=["重复日期", "浮点数", "非数", "负数", "文字日期", "带时刻", "未知项", "拼错的项", "不是TOML"],
)
def test_a_wrong_table_is_refused(folder, wrong, why):
    """日期不递增、浮点数、未知项、拼错的项，都读不进来。"""
    (folder / "14" / "fund.toml").write_text(wrong, encoding="utf-8")

    with pytest.raises(LawError, match=why):
        load(folder)


def test_a_folder_that_is_no_division_is_refused(folder):
    """文件夹名须是区划代码。"""
    (folder / "shanxi").mkdir()

    with pytest.raises(LawError, match="shanxi"):
        load(folder)


def test_a_value_one_fen_below_the_floor_is_reported(folder):
    """地方标准低于全国底线一分钱，也要报告；高于底线的不报。"""
    (folder / "14" / "fund.toml").write_text(LOCAL.replace('"60.00"', '"59.99"'), encoding="utf-8")

    [found] = weaker_than_floor(load(folder))

    assert "14/fund.standard" in found
    assert weaker_than_floor(load_with(folder, '"60.01"')) == []


def test_a_floor_raised_later_finds_the_region_that_stayed_behind(folder):
    """全国底线后来提高，没有跟上的地方要被报告。"""
    raised = NATIONAL.partition("[[")[2].replace("2020-01-01", "2025-01-01").replace("60.00", "70.00")
    (folder / "fund.toml").write_text(f"{NATIONAL}\n[[{raised}", encoding="utf-8")

    [found] = weaker_than_floor(load(folder))

    assert "2025-01-01" in found


def load_with(folder, frame):
    (folder / "14" / "fund.toml").write_text(LOCAL.replace('"60.00"', frame), encoding="utf-8")
    return load(folder)


@pytest.mark.parametrize("region", ["14113", "1411300", "１４１１３０", "abcdef", ""])
def test_only_a_six_digit_code_names_a_region(region):
    """行政区划代码须为六位数字。"""
    with pytest.raises(KeyError):
        law_on(date(2026, 11, 21), "presale_funds", region)


def test_an_unknown_subject_or_a_day_before_all_law_is_an_error_not_a_guess():
    """没有的规定类别、早于一切规定的日期，明确报错，不作猜测。"""
    with pytest.raises(KeyError):
        law_on(date(2026, 11, 21), "no_such_law", "141130")
    with pytest.raises(KeyError):
        law_on(date(1989, 12, 31), "presale_funds", "141130")


def test_a_decision_keeps_the_law_in_plain_json():
    """决定所存的规定含区域、日期、每项的值、出处与核对日期，可重新核对。"""
    kept = law_on(date(2026, 11, 21), "maintenance_fund", "141130").stored()

    assert kept["region"] == "141130"
    assert kept["provisions"]["standard"] == {
        "value": {"masonry": "48.00", "frame": "72.00", "highrise": "96.00"},
        "citation": "晋房屋登记清零办发〔2023〕3号 第三部分“一是”；金额：本局设定",
        "unit": "元/平方米", "in_force_from": "2023-04-13", "verified_on": "2026-11-21",
    }  # fmt: skip
