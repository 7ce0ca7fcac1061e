"""地址里的编号：凡带编号的地址，都由地址本身设上限；存不下的编号没有这个地址，不是系统错误。"""

from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.exceptions import NotFound
from werkzeug.routing import Rule
from werkzeug.routing.converters import NumberConverter

from escrow.access.rules import ALONE, Role
from tests.desk import hire, sit_down

# The largest number a column of PostgreSQL's integer holds, and one of its bigint.
LARGEST = {"int": 2**31 - 1, "bigint": 2**63 - 1}


def numbers(app: Any) -> Iterator[tuple[Rule, str, int]]:
    """每个带编号的地址、其中一个编号的名称、它最大是多少；另立的一种编号在此出错。"""
    largest = {app.url_map.converters[kind]: most for kind, most in LARGEST.items()}
    for rule in app.url_map.iter_rules():
        for name, converter in rule._converters.items():
            if isinstance(converter, NumberConverter):
                assert type(converter) in largest, rule.rule
                yield rule, name, largest[type(converter)]


def address(rule: Rule, name: str, number: int) -> str:
    """这个地址，其中一个编号是 number，其余的填一。"""
    blanks = {one: min(getattr(made, "items", "1")) for one, made in rule._converters.items()}
    built = rule.build({**blanks, name: number})
    assert built
    return built[1]


def test_a_number_no_column_holds_is_no_address(built: Any) -> None:
    """每个编号都一样：最大的一个还是这个地址，大一号的、四十位的、五千位的都没有这个地址。"""
    adapter, seen, opened = built.url_map.bind("localhost"), 0, []
    for rule, name, largest in numbers(built):
        for method in rule.methods or ():
            assert adapter.match(address(rule, name, largest), method=method)[0] == rule.endpoint
            for number in (str(largest + 1), "9" * 40, "9" * 5000):
                path = address(rule, name, largest).replace(str(largest), number)
                try:
                    opened.append((path[:80], adapter.match(path, method=method)))
                except NotFound:
                    seen += 1
    assert not opened
    assert seen > 500


def test_the_largest_number_is_answered(app: Any, house: Any) -> None:
    """最大的编号也有答复：查无此项，或先说所填有误、岗位不符；没有一处是系统错误，可见数据库存得下。"""
    business = [role.value for role in Role if role not in ALONE]
    people = (hire(house.database, house.settings, "business", *business),
              hire(house.database, house.settings, "keeper", Role.ADMIN.value))  # fmt: skip
    seats, failed = [sit_down(app, who) for who in people], []
    for rule, name, largest in numbers(app):
        path = address(rule, name, largest)
        for seat in seats:
            form = {"reason": "试一试", "decision": "reject"}
            answer = seat.get(path) if "GET" in (rule.methods or ()) else seat.post(path, form)
            if answer.status_code not in (403, 404, 422):
                failed.append((path, answer.status_code))
    assert not failed


@pytest.mark.parametrize("path", [f"/findings/{2**31}", f"/fund/apart/{2**63}", f"/nodes/{'9' * 40}"])
def test_beyond_it_a_person_is_told_there_is_nothing(app: Any, house: Any, path: str) -> None:
    """再大的编号，登录的人员看到的是查无此项的页面。"""
    seat = sit_down(app, hire(house.database, house.settings, "reviewer1", "reviewer"))
    answer = seat.get(path)
    assert answer.status_code == 404
    assert "没有" in answer.text
