"""The law tables as they stand: cited, dated, without gaps, each region speaking from its own notice."""

from datetime import date, timedelta

import pytest

from config.regulations import (
    LAW_FOLDER,
    NATIONAL,
    UNSUPPORTED,
    divisions_of,
    law_on,
    load,
    report,
    stale,
    weaker_than_floor,
)

TABLES = load(LAW_FOLDER)
RULES = [
    pytest.param(division, subject, key, rule, id=f"{division or '全国'}-{subject}-{key}")
    for division, subjects in TABLES.items()
    for subject, rules in subjects.items()
    for key, rule in rules.items()
]
SUBJECTS = sorted(TABLES[NATIONAL])
REGIONS = {
    "交口县": "141130",
    "太原小店": "140105",
    "昌吉市": "652301",
    "郏县": "410425",
    "无自有规定": "110105",
}
# What holds everywhere: statutes, judicial interpretations, notices of the central authorities (全国性依据).
NATIONAL_SOURCES = (
    "城市房地产管理法 第四十五条", "民事诉讼法 第一百一十四条", "民事诉讼法解释 第四百八十五条",
    "法〔2022〕12号", "银保监办发〔2022〕104号", "民法典 第二百七十八条",
    "住宅专项维修资金管理办法（建设部、财政部令第165号）第",
)  # fmt: skip
OWN_NOTICE = {
    "14": "晋房屋登记清零办发〔2023〕3号",
    "6523": "昌州自然资发〔2022〕196号",
    "410425": "郟创改办〔2022〕2号",
}
TODAY = date(2026, 11, 21)


@pytest.mark.parametrize(("division", "subject", "key", "rule"), RULES)
def test_every_provision_has_a_citation_and_a_day_of_verification(division, subject, key, rule):
    """每一条规定都写明出处和核对日期，且核对不早于生效的当年、不晚于今天。"""
    for provision in rule.provisions:
        assert provision.citation.strip()
        assert provision.in_force_from <= provision.verified_on <= TODAY


@pytest.mark.parametrize(("division", "subject", "key", "rule"), RULES)
def test_dates_ascend(division, subject, key, rule):
    """同一项规定的起始日逐条递增。"""
    days = [provision.in_force_from for provision in rule.provisions]

    assert sorted(set(days)) == days


@pytest.mark.parametrize("region", REGIONS.values(), ids=REGIONS.keys())
@pytest.mark.parametrize("subject", SUBJECTS)
def test_no_day_is_without_law(subject, region):
    """从最早的条款到明年底，每半个季度抽一天，各地各项规定都不缺位。"""
    day = min(rule.provisions[0].in_force_from for rule in TABLES[NATIONAL][subject].values())
    while day <= date(TODAY.year + 1, 12, 31):
        assert set(law_on(day, subject, region)) == set(TABLES[NATIONAL][subject])
        day += timedelta(days=45)


@pytest.mark.parametrize(("division", "subject", "key", "rule"), RULES)
def test_no_region_cites_another_regions_notice(division, subject, key, rule):
    """各地只引自己的文件；自己的文件没写的，标明“本局设定（待补依据）”，绝不借用外地文件。"""
    for provision in rule.provisions:
        foreign = [
            notice
            for owner, notice in OWN_NOTICE.items()
            if owner != division and notice in provision.citation
        ]
        assert foreign == []
        if division:
            assert provision.citation.startswith(OWN_NOTICE[division])
        else:
            assert provision.citation == UNSUPPORTED or provision.citation.startswith(NATIONAL_SOURCES)


@pytest.mark.parametrize(("division", "subject", "key", "rule"), RULES)
def test_a_setting_says_so(division, subject, key, rule):
    """凡本局自定的值，依据栏都写明“本局设定”。"""
    for provision in rule.provisions:
        assert provision.setting == ("本局设定" in provision.citation)


def test_no_region_is_weaker_than_the_national_floor():
    """现行地方参数没有低于全国底线的。"""
    assert weaker_than_floor() == []


def test_a_text_not_checked_for_over_a_year_is_reported():
    """满一年当天不提醒，过一天即逐条提醒。"""
    every = sum(len(rule.values[3].provisions) for rule in RULES)

    assert stale(date(2027, 11, 21)) == []
    assert len(stale(date(2027, 11, 22))) == every
    assert len(report(date(2027, 11, 22))) == 1 + every


def test_the_report_counts_settings_and_what_lacks_a_source():
    """法规报告说明共有多少条、多少是本局设定、多少待补依据。"""
    [head] = report(TODAY)

    assert "本局设定" in head
    assert "待补依据" in head


# --- the days on which the law changes (条款前一日与当日) ---


@pytest.mark.parametrize(
    ("region", "subject", "key", "day", "before", "after"),
    [
        ("141130", "presale_funds", "deposit_before_filing", date(2023, 4, 13), UNSUPPORTED,
         "晋房屋登记清零办发〔2023〕3号 第三部分“五是”"),
        ("141130", "presale_funds", "deposit_due_within_days", date(2023, 4, 13), UNSUPPORTED,
         "晋房屋登记清零办发〔2023〕3号 第三部分“五是”；金额：本局设定"),
        ("141130", "maintenance_fund", "standard", date(2023, 4, 13), UNSUPPORTED,
         "晋房屋登记清零办发〔2023〕3号 第三部分“一是”；金额：本局设定"),
        ("652301", "maintenance_fund", "due_at_filing", date(2022, 10, 21), UNSUPPORTED,
         "昌州自然资发〔2022〕196号 二（二）2（3）"),
        ("410425", "presale_funds", "contract_matches", date(2022, 12, 31), UNSUPPORTED,
         "郟创改办〔2022〕2号 二（二）；核对内容：本局设定"),
        ("110105", "presale_funds", "presale_permit", date(2020, 1, 1), UNSUPPORTED, "城市房地产管理法 第四十五条"),
    ],
)  # fmt: skip
def test_the_law_changes_on_its_day_and_not_before(region, subject, key, day, before, after):
    """施行前一日用旧规定，当日起用新规定。"""
    assert law_on(day - timedelta(days=1), subject, region)[key].citation == before
    assert law_on(day, subject, region)[key].citation == after


def test_the_maintenance_fund_is_due_at_filing_only_where_the_region_says_so():
    """山西自2023-04-13起备案时缴；昌吉竣工验收时缴；郏县未规定，备案时不要求。"""
    due = {
        region: law_on(TODAY, "maintenance_fund", region)["due_at_filing"].value
        for region in REGIONS.values()
    }

    assert due == {"141130": True, "140105": True, "652301": False, "410425": False, "110105": False}
    assert law_on(date(2023, 4, 12), "maintenance_fund", "141130")["due_at_filing"].value is False


@pytest.mark.parametrize("region", ["652301", "410425", "110105"])
def test_where_the_notice_is_silent_on_deposits_the_citation_says_so(region):
    """昌吉、郏县和没有自有规定的地方，备案前存多少均为本局设定，待补依据。"""
    law = law_on(TODAY, "presale_funds", region)

    assert law["deposit_before_filing"].citation == UNSUPPORTED
    assert law["deposit_due_within_days"].citation == UNSUPPORTED
    assert law["release_after_first_registration"].citation == UNSUPPORTED


@pytest.mark.parametrize(
    ("region", "divisions"),
    [
        ("141130", [NATIONAL, "14"]), ("652301", [NATIONAL, "6523"]), ("652201", [NATIONAL]),
        ("410425", [NATIONAL, "410425"]), ("410426", [NATIONAL]), ("110105", [NATIONAL]),
    ],
)  # fmt: skip
def test_a_county_lies_in_its_own_divisions_only(region, divisions):
    """区划按代码前缀归属：邻县不适用郏县的规定，昌吉州以外不适用昌吉州的规定。"""
    assert divisions_of(region, TABLES) == divisions
