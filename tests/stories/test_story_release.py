"""The end of supervision over HTTP: a whole life, and every open item that stops a release (解除监管)."""

import re
from dataclasses import dataclass
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import text

from config.clock import bureau_day
from escrow import chart
from escrow.release.rules import OPEN_CODES
from tests.desk import Seat, hire, sit_down
from tests.estate import file_hash, new_number
from tests.town import Town, found

SEED = "晋房屋登记清零办发〔2023〕3号 第三部分“五是”"


@dataclass(slots=True)
class Bureau:
    """A town and the officers who end its supervision (小城与办理人员)."""

    town: Town
    clerk: Seat
    approver: Seat

    def told(self, *building_nos: str, days_ago: int = 0) -> None:
        """The registration authority has registered buildings."""
        body = {
            "event_id": new_number("DJ"), "project_no": self.town.estate.project_no,
            "building_nos": list(building_nos or self.town.estate.buildings),
            "certificate_no": new_number("证"),
            "registered_on": (bureau_day() - timedelta(days=days_ago)).isoformat(),
        }  # fmt: skip
        answer = self.town.call("registration", "POST", "/first-registrations", body)
        assert answer.status_code == 201, answer.text

    def applied(self) -> str:
        """The developer's paper is entered; the page of the application."""
        number = new_number("SQ")
        body = {
            "application_no": number, "applied_on": bureau_day().isoformat(), "file_hash": file_hash(number),
        }  # fmt: skip
        account = f"/releases/accounts/{self.town.estate.account_no}/applications"
        made = self.clerk.post(account, body)
        assert made.status_code == 303, made.text
        return str(made.location)

    def receiving(self, account_no: str) -> Any:
        """The developer's own account, registered by the release clerk, confirmed by the reviewer."""
        number = new_number("SK")
        body = {
            "account_no": account_no, "bank_name": "农业银行交口支行", "paper_no": number,
            "dated_on": bureau_day().isoformat(), "file_hash": file_hash(number),
        }  # fmt: skip
        page = f"/releases/accounts/{self.town.estate.account_no}/receiving"
        made = self.clerk.post(page, body)
        assert made.status_code == 303, made.text
        [entry] = re.findall(rf"{page}/([0-9]+)/confirm", self.approver.get(page).text)
        return self.approver.post(f"{page}/{entry}/confirm")

    def approve(self, page: str) -> Any:
        """Another officer presses."""
        return self.approver.post(f"{page}/approve")

    def refused(self, page: str, *codes: str) -> str:
        """Pressed and refused for exactly these reasons, each cited; nothing has changed."""
        before = self.town.estate.held()
        answer = self.approve(page)
        assert answer.status_code == 409, answer.text
        for code in codes:
            assert f"<code>{code}</code>" in answer.text
        assert answer.text.count('class="said"') == len(codes)
        assert answer.text.count("依据：") == len(codes)
        assert self.town.estate.held() == before
        assert self.status() == ("active", "active")
        return str(answer.text)

    def status(self) -> tuple[str, str]:
        """What the platform is told of project and account."""
        answer = self.town.call("platform", "GET", f"/projects/{self.town.estate.project_no}").json
        return answer["status"], answer["account_status"]

    def filed(self, amount: str = "350000.00") -> dict[str, Any]:
        """A contract paid, checked and filed."""
        contract = self.town.draft(("down", amount, 0, "own"), ("loan", "650000.00", 30, "loan"))
        self.town.pay(amount, contract["notices"][0]["notice_no"])
        answer = self.town.file(contract, self.town.check(contract)["check_no"])
        assert answer.status_code == 201, answer.text
        return contract


def bureau_of(app: Any, house: Any, client: Any, **built: Any) -> Bureau:
    """A town whose release clerk and reviewer are at their desks."""
    hired = [hire(house.database, house.settings, name, name) for name in ("release", "reviewer")]
    return Bureau(found(house, client, **built), *(sit_down(app, who) for who in hired))


def at_bureau(house: Any, app: Any) -> SimpleNamespace:
    """A scene: such a town (小城与办理人员)."""
    return SimpleNamespace(bureau=bureau_of(app, house, app.test_client()))


scene_of = at_bureau


@pytest.fixture
def bureau(scene: Any) -> Bureau:
    found_one: Bureau = scene.bureau
    return found_one


def test_a_whole_life_from_the_first_deposit_to_the_release(bureau: Bureau, house: Any) -> None:
    """购房款入账、备案、首次登记、申请、批准：余额转为应付开发企业，此后入账明确拒收，各系统收到通知。"""
    contract = bureau.filed()
    bureau.told()
    page = bureau.applied()

    assert bureau.approve(page).status_code == 303

    assert bureau.status() == ("released", "releasing")
    building = chart.building_key(bureau.town.estate.buildings["1"])
    held = bureau.town.estate.held()
    assert held["2501", building] == held["1101", ""] == "350000.00"
    assert ("2111", building) not in held
    late = bureau.town.call(
        "bank", "POST", "/deposits", bureau.town.deposit("650000.00", contract["notices"][1]["notice_no"])
    )
    assert late.status_code == 409
    assert "已解除监管" in late.json["refusals"][0]["message"]
    assert SEED in late.json["refusals"][0]["citation"]
    assert bureau.town.estate.held() == held
    for who in ("bank", "filing", "platform", "registration"):
        assert ("supervision.released", bureau.town.estate.account_no) in bureau.town.events(who)
    assert "supervision.released" not in [kind for kind, _ in bureau.town.events("other-bank")]
    assert SEED in bureau.approver.get(f"{page}/decision").text
    with house.database.read() as session:
        assert session.scalar(text("SELECT count(*) FROM audit_event WHERE action = 'release.approved'")) == 1


def test_no_release_before_every_building_is_registered(bureau: Bureau) -> None:
    """少一幢首次登记都不行，并指明是哪一幢；补齐后同一申请即可批准。"""
    page = bureau.applied()
    assert "1、2" in bureau.refused(page, "first-registration-missing")
    bureau.told("1")
    assert "尚未确认首次登记的楼幢：2" in bureau.refused(page, "first-registration-missing")
    bureau.told("2")

    assert bureau.approve(page).status_code == 303
    assert bureau.status() == ("released", "releasing")


@pytest.mark.parametrize("code", chart.OPEN_ITEMS)
def test_a_release_is_refused_while_a_heading_is_open(bureau: Bureau, code: str) -> None:
    """P20 所列科目任一有余额，都不予解除，写明科目名称和金额。"""
    bureau.told()
    page = bureau.applied()
    bureau.town.estate.open_item(code, "123.45")

    said = bureau.refused(page, OPEN_CODES[code])

    assert f"{chart.HEADINGS[code].label}（{code}）尚有 123.45 元未结清" in said


def test_a_draft_with_money_on_it_stops_it(bureau: Bureau) -> None:
    """草拟合同已有款项而未备案，不予解除；备案后即可。没有款项的草拟合同不妨碍。"""
    bureau.told()
    contract = bureau.town.draft()
    bureau.town.draft()
    page = bureau.applied()
    bureau.town.pay("350000.00", contract["notices"][0]["notice_no"])

    assert contract["contract_no"] in bureau.refused(page, "contract-drafted")
    bureau.town.file(contract, bureau.town.check(contract)["check_no"])
    assert bureau.approve(page).status_code == 303


def test_a_dropped_contract_not_refunded_stops_it(bureau: Bureau) -> None:
    """合同注销而款项未退，不予解除。"""
    bureau.told()
    contract = bureau.town.draft()
    bureau.town.pay("350000.00", contract["notices"][0]["notice_no"])
    dropped = {"event_id": "ZX1", "cancelled_on": bureau_day().isoformat(), "reason": "买受人放弃"}
    answer = bureau.town.call("filing", "POST", f"/contracts/{contract['contract_no']}/cancellation", dropped)
    assert answer.status_code == 201, answer.text

    said = bureau.refused(bureau.applied(), "refund-outstanding")

    assert f"{contract['contract_no']}（350000.00 元）" in said


def test_a_contract_at_risk_stops_it(bureau: Bureau) -> None:
    """备案后被冲正、备案存疑的合同未处理，不予解除；补足款项后即可。"""
    bureau.told()
    contract = bureau.town.draft()
    notice_no = contract["notices"][0]["notice_no"]
    receipt = bureau.town.pay("350000.00", notice_no)
    bureau.town.file(contract, bureau.town.check(contract)["check_no"])
    page = bureau.applied()
    assert bureau.town.take_back(receipt).status_code == 201

    assert contract["contract_no"] in bureau.refused(page, "contract-at-risk")
    bureau.town.pay("350000.00", notice_no)
    assert bureau.approve(page).status_code == 303


def test_a_reversal_that_the_account_could_not_cover_stops_it(bureau: Bureau) -> None:
    """冲正时账内已无款、应收银行更正款未了，不予解除。"""
    bureau.told()
    contract = bureau.town.draft()
    receipt = bureau.town.pay("350000.00", contract["notices"][0]["notice_no"])
    bureau.town.file(contract, bureau.town.check(contract)["check_no"])
    building = chart.building_key(bureau.town.estate.buildings["1"])
    bureau.town.estate.move("2111", "2501", "350000.00", debit_key=building, key=building)
    assert bureau.town.take_back(receipt).status_code == 201

    bureau.refused(bureau.applied(), "open-bank-error-receivable", "reversal-pending", "contract-at-risk")


def test_a_suspended_account_is_not_released(bureau: Bureau, house: Any) -> None:
    """账户已暂停，不予解除。"""
    bureau.told()
    page = bureau.applied()
    with house.connect() as connection:
        connection.execute("UPDATE supervised_account SET status = 'suspended'")

    answer = bureau.approve(page)

    assert answer.status_code == 409
    assert "<code>account-not-active</code>" in answer.text


def test_an_agreement_that_waits_for_acceptance_stops_it(bureau: Bureau, house: Any) -> None:
    """有新版监管协议待受理，不予解除。"""
    bureau.told()
    page = bureau.applied()
    with house.database.read() as session:
        row = session.execute(text("SELECT * FROM agreement")).one()
    changed = {
        "agreement_no": row.agreement_no, "bank_code": row.bank_code, "account_no": row.account_no,
        "account_name": row.account_name, "signed_on": row.signed_on.isoformat(),
        "clauses": {**row.clauses, "review_days": 9},
    }  # fmt: skip
    path = f"/projects/{bureau.town.estate.project_no}/supervision"
    assert bureau.town.call("platform", "PUT", path, changed).status_code in (200, 201)

    bureau.refused(page, "agreement-waiting")


@pytest.mark.parametrize("done", [1, 2])
def test_a_transfer_ratio_is_asked_in_addition(empty_app: Any, empty_house: Any, done: int) -> None:
    """协议另约定过户五成：差一户不行，正好五成即可；首次登记照样必需。"""
    clauses = [{"kind": "transfer_ratio", "value": "0.50", "clause": "第九条：过户五成"}]
    bureau = bureau_of(empty_app, empty_house, empty_app.test_client(), clauses=clauses, units=2)
    page = bureau.applied()
    bureau.refused(page, "first-registration-missing", "clause-transfer-ratio")
    bureau.told()
    for place in range(done):
        body = {
            "event_id": new_number("DJ"), "unit_code": bureau.town.estate.unit_codes[place],
            "certificate_no": new_number("分证"), "registered_on": bureau_day().isoformat(),
            "owner_name": "田秀英", "owner_id_no": "11010519491231002X",
        }  # fmt: skip
        assert bureau.town.call("registration", "POST", "/transfer-registrations", body).status_code == 201

    if done == 2:
        assert bureau.approve(page).status_code == 303
    else:
        said = bureau.refused(page, "clause-transfer-ratio")
        assert "第九条：过户五成" in said and "共 4 户，已办转移登记 1 户" in said


@pytest.mark.parametrize(("days_ago", "met"), [(80, False), (100, True)])
def test_months_after_the_last_registration_are_waited_for(
    empty_app: Any, empty_house: Any, days_ago: int, met: bool
) -> None:
    """协议另约定首次登记满三个月：自最后一幢起算，未满不行。"""
    clauses = [{"kind": "months_after", "value": 3, "clause": "第十条：登记满三个月"}]
    bureau = bureau_of(empty_app, empty_house, empty_app.test_client(), clauses=clauses)
    bureau.told("1", days_ago=300)
    bureau.told("2", days_ago=days_ago)
    page = bureau.applied()

    if met:
        assert bureau.approve(page).status_code == 303
    else:
        assert "第十条：登记满三个月" in bureau.refused(page, "clause-months-after")


def test_a_clause_of_an_unknown_kind_is_never_passed_over(bureau: Bureau, house: Any) -> None:
    """协议里有不认识的条款种类，一律不予解除，逐字引用。"""
    bureau.told()
    page = bureau.applied()
    with house.connect("superuser") as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(
            """UPDATE agreement SET clauses = jsonb_set(clauses, '{release}',
               '[{"kind": "bank_consent", "value": null, "clause": "经监管银行书面同意"}]')"""
        )

    assert "经监管银行书面同意" in bureau.refused(page, "clause-unknown")


def test_all_that_is_open_is_said_at_once(bureau: Bureau) -> None:
    """多项未了时一次说全。"""
    bureau.told("1")
    bureau.town.pay("66.00", None)
    contract = bureau.town.draft()
    bureau.town.pay("350000.00", contract["notices"][0]["notice_no"])
    bureau.town.estate.open_item(chart.JUDICIAL_HOLD)
    bureau.town.estate.open_item(chart.GUARANTEE)

    bureau.refused(
        bureau.applied(),
        "first-registration-missing", "open-unmatched", "open-judicial-hold", "open-guarantee",
        "contract-drafted",
    )  # fmt: skip
