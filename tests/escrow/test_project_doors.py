"""The platform's doors of the register: taken whole, kept true to what is sold (楼盘接口)."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.builders import County, unit_code_of


@pytest.fixture
def county(house, app):
    return County(house, app)


def test_a_project_is_new_once_and_the_same_or_changed_afterwards(county):
    """首次登记答 201；同样内容再报、变更后再报均答 200。"""
    body = county.project_body(1, buildings=2, units=2)
    first = county.put("platform", "/projects/XM1", body)
    assert (first.status_code, first.json["status"]) == (201, "proposed")
    again = county.put("platform", "/projects/XM1", body)
    assert (again.status_code, again.json) == (200, first.json)
    renamed = county.put("platform", "/projects/XM1", body | {"name": "云水苑𠮷期"})
    assert (renamed.status_code, renamed.json["name"]) == (200, "云水苑𠮷期")
