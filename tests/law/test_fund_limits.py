"""数据库自己守的使用限额与规定表一字不差：改规定的，同时以迁移改数据库。"""

from decimal import Decimal

from sqlalchemy import text

from config.regulations import _tables


def test_the_database_knows_the_limits_of_the_law(house):
    """公示天数、应急限额、每户上限、拆分天数、预付比例：各地、各起始日，逐条相同。"""
    with house.database.read() as session:
        rows = session.execute(text("SELECT division, key, in_force_from, value FROM fund_limit"))
        known = {(row.division, row.key, row.in_force_from): row.value for row in rows}
    keys = {key for _, key, _ in known}
    assert keys == {
        "use_publication_days", "emergency_cap", "emergency_house_ratio", "emergency_split_days",
        "use_advance_ratio", "renewal_threshold",
    }  # fmt: skip
    said = {
        (division, key, one.in_force_from): Decimal(str(one.value))
        for division, subjects in _tables().items()
        for key, rule in subjects.get("maintenance_fund", {}).items() if key in keys
        for one in rule.provisions
    }  # fmt: skip
    assert known == said
