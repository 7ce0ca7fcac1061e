"""一户的业主：首次登记、登记给买受人、二手转让、先发生的后报来；接口报来即变更，余额与代缴不随转让，页面写明来源。"""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import text

from config.clock import bureau_day
from tests.desk import bearer, staffed
from tests.estate import Estate, build, filed, officers, pay, sold
from tests.fund.advancing import DUE
from tests.sale import row

TODAY = bureau_day()
FIRST, TRANSFER = "/api/v1/first-registrations", "/api/v1/transfer-registrations"


def owned(estate: Estate, code: str) -> tuple[list[str], str | None]:
    """现业主与自何日起。"""
    query = "SELECT w.name_masked, w.from_day FROM house h, house_owners(h.id) w WHERE h.unit_code = :code"
    with estate.house.database.read() as session:
        found = session.execute(text(query), {"code": code}).all()
    return [one.name_masked for one in found], str(found[0].from_day) if found else None


@pytest.fixture
def desks(app: Any, house: Any) -> SimpleNamespace:
    roles = {"maker": ["cashier"], "checker": ["reviewer"], "auditor": ["auditor"]}
    return staffed(house, app, roles)


def test_the_owner_of_a_house_is_whom_the_register_says(house: Any, client: Any, desks: Any) -> None:
    """交付登记给买受人，后转给他人：分户账、业主页随登记日变更；代缴仍由买受人归还，账上一分不动。"""
    estate = build(house, officers(house, "jia", "yi"), buildings=1)
    code, other = estate.unit_codes
    contract_no, [notice] = sold(estate)
    pay(estate, notice)
    filed(estate, contract_no)
    registry = bearer(house.database, "registry", "registration")
    filing = bearer(house.database, "wq", "filing")
    page, account = f"/fund/houses/{code}/changes", f"/fund/houses/{code}"

    def tell(event: str, certificate: str, days_ago: int, name: str, number: str, **changes: Any) -> Any:
        said = {
            "event_id": event, "unit_code": code, "certificate_no": certificate,
            "registered_on": str(TODAY - timedelta(days=days_ago)), "owner_name": name, "owner_id_no": number,
        }  # fmt: skip
        return client.post(TRANSFER, json=said | changes, headers=registry)

    def unit() -> tuple[str, str]:
        told = client.get(f"/api/v1/maintenance/units/{code}", headers=filing).json
        return told["balance"], told["repaid"]

    entries = "SELECT count(*) AS n FROM ledger.journal_entry"
    before = row(estate, entries).n
    assert (owned(estate, code), unit()) == (([], None), (DUE, "0.00"))
    assert tell("DJ1", "房证1", 9, "王秀英", "11010519491231002X").status_code == 409
    client.post(FIRST, headers=registry, json={
        "event_id": "DJ0", "project_no": estate.project_no, "building_nos": ["1"], "certificate_no": "首证",
        "registered_on": str(TODAY - timedelta(days=20)),
    })  # fmt: skip
    assert owned(estate, code) == ([], None)

    told = tell("DJ1", "房证1", 9, "王秀英", "11010519491231002X")
    assert told.status_code == 201
    assert (owned(estate, code), unit()) == ((["王**"], str(TODAY - timedelta(days=9))), (DUE, "0.00"))
    again = tell("DJ1", "房证1", 9, "王秀英", "11010519491231002X")
    assert (again.status_code, again.data) == (200, told.data)
    assert tell("DJ1", "房证1", 9, "李建国", "140106198001010018").status_code == 409
    assert tell("DJ2", "房证1", 9, "李建国", "140106198001010018").status_code == 409
    assert tell("DJ3", "房证1", 9, "王秀英", "11010519491231002X", unit_code=other).status_code == 409

    assert tell("DJ4", "房证3", 0, "赵刚", "140106198001010018").status_code == 201
    assert tell("DJ5", "房证2", 4, "李敏", "E12345678").status_code == 201
    assert (owned(estate, code), unit()) == ((["赵**"], str(TODAY)), (DUE, "0.00"))

    shown = desks.auditor.get(account).text
    for words in ("现业主", "赵**", "转移登记（登记机构报送）", "房证3", "王**（买受人；房屋再转让的不随之转移）"):
        assert words in shown
    history = desks.auditor.get(page).text
    for words in ("房证1", "房证2", "房证3", "登记机构（registry）", "事件 DJ5", "不需本局办理", "本局设定"):
        assert words in history
    assert history.index("房证3") < history.index("房证2") < history.index("房证1")
    assert history.count("现业主") == 1 and "赵刚" not in history and "E12345678" not in history
    assert "王**" in desks.auditor.get(f"/fund/houses/{code}/advance").text
    assert row(estate, entries).n == before
    owed = row(estate, "SELECT owed FROM house_balance b JOIN house h ON h.id = b.house_id"
                       " WHERE h.unit_code = :code", code=code).owed  # fmt: skip
    assert owed == 691200


def test_what_waits_at_the_bureau_gives_way_to_the_register(house: Any, client: Any, desks: Any) -> None:
    """一人凭纸质材料录了业主，待确认时登记机构报来：确认页说明以登记机构所报为准，退回之后清单里两件都在。"""
    estate = build(house, officers(house, "jia", "yi"), buildings=1)
    code = estate.unit_codes[0]
    estate.register("1")
    page = f"/fund/houses/{code}/changes"
    registry = bearer(house.database, "registry", "registration")
    made = desks.maker.post(f"{page}/owner", {
        "kind": "transfer", "from_day": str(TODAY), "certificate_no": "纸证", "names": "钱多多",
        "numbers": "G1234567", "file_hash": "a" * 64,
    })  # fmt: skip
    assert made.status_code == 303
    assert client.post(TRANSFER, headers=registry, json={
        "event_id": "DJ1", "unit_code": code, "certificate_no": "房证1", "registered_on": str(TODAY),
        "owner_name": "王秀英", "owner_id_no": "11010519491231002X",
    }).status_code == 201  # fmt: skip
    number = row(estate, "SELECT id FROM owner_change").id
    waiting = desks.checker.get(page).text
    assert "录入之后登记机构报来（房证1）" in waiting and f"owner/{number}/confirm" not in waiting
    refused = desks.checker.post(f"{page}/owner/{number}/confirm")
    assert refused.status_code == 409 and "以登记机构所报为准" in refused.text and "房证1" in refused.text
    assert desks.checker.post(f"{page}/owner/{number}/reject", {"reason": "登记机构已报"}).status_code == 303
    shown = desks.auditor.get(page).text
    assert "已退回" in shown and "钱**" in shown and shown.count("现业主") == 1
    twice = desks.maker.post(f"{page}/owner", {
        "kind": "transfer", "from_day": str(TODAY), "certificate_no": "房证1", "names": "王秀英",
        "numbers": "G1234567", "file_hash": "b" * 64,
    })  # fmt: skip
    assert twice.status_code == 409 and "不必再录" in twice.text and 'value="房证1"' in twice.text
