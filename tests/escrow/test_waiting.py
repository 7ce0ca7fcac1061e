"""首页的待办：各房间等本人办理的事项，自己录入的不算，件数有上限，点开就是清单。"""

import re
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import event, text

from escrow import chart
from escrow.access.rules import PERMISSIONS
from escrow.oversight.waiting import MOST, counted, listed
from escrow.oversight.waiting_kinds import KINDS
from tests.desk import hire, sit_down
from tests.estate import file_hash, new_number
from tests.noding import claimed
from tests.withdrawing import people_of, site_of


def scene_of(house: Any, app: Any) -> Any:
    """白名单齐备的项目，一号楼有钱可付。"""
    made = site_of(house, people_of(house))
    made.estate.put("1", "600000.00")
    made.estate.put("1", "300000.00", chart.GENERAL_FUNDS)
    return SimpleNamespace(site=made)


def seat(app: Any, house: Any, name: str, *roles: str) -> Any:
    return sit_down(app, hire(house.database, house.settings, name, *roles))


def waits(desk: Any) -> dict[str, str]:
    """What the front page says waits, by its label."""
    home = desk.get("/").text.split("<h2>业务</h2>")[0]
    return {label: count for count, label in re.findall(r'"count">(\S+?)</span> <span>(.*?)</span>', home)}


@pytest.mark.parametrize("name", list(KINDS))
def test_every_kind_can_be_asked(session: Any, app: Any, name: str) -> None:
    """每一种待办都查得出来，权限存在，办理的页面存在。"""
    assert counted(session, [name], 1) == []
    assert listed(session, name, 1, after=0, limit=50) == []
    assert KINDS[name].permission in PERMISSIONS
    rules = list(app.url_map.iter_rules(KINDS[name].door))
    assert rules[0].arguments in ({KINDS[name].named}, set())


def test_work_waits_for_others_and_not_for_whoever_entered_it(app: Any, house: Any, site: Any) -> None:
    """录入的用款等别的复核人员，不等录入人自己；核准之后等签发，不等核准人。"""
    both = hire(house.database, house.settings, "both", "cashier", "reviewer")
    other = hire(house.database, house.settings, "other", "cashier", "reviewer")
    with house.database.read() as reading:
        ids = dict(reading.execute(text("SELECT username, id FROM officer")).all())
    number = site.enter("1000.00", who=ids["both"])
    mine, theirs = sit_down(app, both), sit_down(app, other)
    assert "用款待复核" not in waits(mine) and waits(theirs)["用款待复核"] == "1"
    page = theirs.get("/waiting/withdrawals").text
    assert f"/withdrawals/{number}" in page and "both 同志" in page
    assert number not in mine.get("/waiting/withdrawals").text
    site.approve(number, ids["other"])
    assert waits(mine)["用款待签发"] == "1" and "用款待签发" not in waits(theirs)


def test_each_room_shows_its_own(app: Any, house: Any, site: Any) -> None:
    """节点、接管、收款人各等有权决定的人；没有事等的，页面说没有。"""
    estate = site.estate
    register, reviewer = seat(app, house, "registrar", "register"), seat(app, house, "decider", "reviewer")
    cashier, auditor = seat(app, house, "teller", "cashier"), seat(app, house, "auditor", "auditor")
    claimed(estate, site.people.clerk, "主体结构验收")
    order = {"order_no": new_number("JG"), "grounds": "停工", "file_hash": file_hash(new_number("jg"))}
    assert register.post(f"/accounts/{estate.account_no}/takeovers", order).status_code == 303
    payee = {
        "contract_id": str(site.contract_id), "kind": "contractor", "name": "山西交口建工有限公司",
        "account_no": "6222021410001112223", "bank_name": "工行", "file_hash": file_hash(new_number("kh")),
    }  # fmt: skip
    made = cashier.post(f"/withdrawals/accounts/{estate.account_no}/payees", payee)
    assert made.status_code == 303, made.text
    assert waits(reviewer) == {"工程节点待核准": "1", "接管待确认": "1", "收款人待确认": "1"}
    doors = {"takeovers": "/measures", "payees": "/withdrawals/accounts/", "nodes": "/nodes/1"}
    for name, link in doors.items():
        assert link in reviewer.get(f"/waiting/{name}").text.split("<main")[1]
    assert waits(auditor) == {} and "此刻没有等您办理的事项" in auditor.get("/").text
    assert waits(register) == {}


def test_counts_stop_at_a_hundred_and_one_statement_counts_all(house: Any, site: Any) -> None:
    """件数至多显示 99+；不论多少种待办，首页只查一次。"""
    with house.database.begin() as writing:
        writing.execute(text(
            "INSERT INTO finding"
            " (kind, status, key, subject, said, detail, withdrawal_ids, payee_ids, receipt_ids, law)"
            " SELECT 'round-trip', 'open', 'k' || n, 's' || n, '样本', '{}', '{}', '{}', '{}', '{}'"
            " FROM generate_series(1, 150) n"
        ))  # fmt: skip
    asked: list[str] = []
    engine = house.database.engine
    event.listen(engine, "before_cursor_execute", lambda *told: asked.append(told[2]))
    with house.database.begin() as reading:
        asked.clear()
        [found] = [one for one in counted(reading, KINDS, 0) if one.name == "findings"]
        assert len(asked) == 1
        assert found.count == MOST + 1 and found.shown == "99+"
        assert len(listed(reading, "findings", 0, after=0, limit=51)) == 51


def test_what_waits_is_found_by_its_own_index(session: Any) -> None:
    """待办按自己的索引查找：用款、退款、收款人办过多少，都不影响首页。"""
    for name in ("withdrawals", "refunds", "payees", "construction-contracts", "openings", "release-papers",
                 "first-registrations", "guarantees", "stopped-accounts"):  # fmt: skip
        plan = session.execute(text(f"EXPLAIN {KINDS[name].source} LIMIT 100"), {"me": 1}).scalars().all()
        used = re.findall(r"using (\w+)|on (ix_\w+|uq_\w+)", "\n".join(plan))
        assert any("waiting" in one or "open" in one for pair in used for one in pair), plan
