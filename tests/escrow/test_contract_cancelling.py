"""A filed contract ends through the doors, and its home is for sale again (撤销备案)."""

from itertools import product

import psycopg
import pytest

from config.clock import bureau_day
from escrow.contracts.rules import STEPS, ContractStatus
from tests.builders import new_number, one_project
from tests.escrow.test_contract_doors import cancel, file, reasons
from tests.fund.advancing import advanced_again

scene_of = one_project


def test_a_filed_contract_is_cancelled_and_its_home_is_for_sale_again(county, made):
    """已备案的合同可以撤销：款项仍记在合同名下，房屋立即可以另售，重新代缴维修资金之后另行备案。"""
    drafted = county.draft(made)
    county.deposit(made, drafted.notices[0], "350000.00")
    file(county, drafted)
    answer = cancel(county, drafted.contract_no)
    assert (answer.status_code, answer.json["deposited"]) == (201, "350000.00")
    assert county.get("filing", f"/contracts/{drafted.contract_no}").json["status"] == "cancelled"
    units = county.get("filing", f"/projects/{made.project_no}/units?status=available").json["items"]
    assert drafted.body["unit_code"] in [one["unit_code"] for one in units]
    again = county.draft(made)
    county.deposit(made, again.notices[0], "350000.00")
    advanced_again(county.house, again.body["unit_code"])
    file(county, again)


def test_a_refused_cancellation_does_not_use_up_its_event(county, made):
    """失败的注销不占用事件号。"""
    drafted = county.draft(made)
    assert cancel(county, drafted.contract_no).status_code == 201
    assert reasons(cancel(county, drafted.contract_no, event_id="ZX-once")) == ["contract-cancelled"]
    other = county.draft(made)
    assert cancel(county, other.contract_no, event_id="ZX-once").status_code == 201


def test_a_home_already_transferred_keeps_its_contract(county, made):
    """房屋已办理转移登记的，备案不得撤销。"""
    drafted = county.draft(made)
    county.deposit(made, drafted.notices[0], "350000.00")
    file(county, drafted)
    body = {"event_id": new_number("DJ"), "project_no": made.project_no, "building_nos": ["1"],
            "certificate_no": new_number("证"), "registered_on": bureau_day().isoformat()}  # fmt: skip
    assert county.post("registration", "/first-registrations", body).status_code == 201
    body = {"event_id": new_number("DJ"), "unit_code": drafted.body["unit_code"],
            "certificate_no": new_number("证"), "registered_on": bureau_day().isoformat(),
            "owner_name": "田秀英", "owner_id_no": "11010519491231002X"}  # fmt: skip
    assert county.post("registration", "/transfer-registrations", body).status_code == 201
    assert reasons(cancel(county, drafted.contract_no)) == ["unit-registered"]


def test_every_illegal_step_of_a_contract_is_refused(county, house, made):
    """合同状态表之外的每一步，数据库都不许；由超级用户布置每种现状，再逐一尝试。"""
    county.draft(made)
    illegal = [pair for pair in product(ContractStatus, ContractStatus) if pair not in STEPS]
    tried = 0
    for before, to in illegal:
        if before is to:
            continue
        with house.connect("superuser") as connection:
            connection.execute("SET session_replication_role = replica")
            connection.execute("UPDATE contract SET status = %s", (before.value,))
        with pytest.raises(psycopg.errors.CheckViolation) as caught, house.connect("owner") as connection:
            connection.execute("UPDATE contract SET status = %s", (to.value,))
        assert caught.value.diag.constraint_name == "contract_steps", (before, to)
        tried += 1
    assert tried == len(ContractStatus) * (len(ContractStatus) - 1) - len(STEPS)
