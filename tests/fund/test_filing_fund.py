"""备案前核对：山西须先缴足该户维修资金（建设单位代缴或业主自缴），昌吉不核；理由写明差多少、先办什么。"""

from dataclasses import replace
from types import SimpleNamespace

import psycopg
import pytest

from config.clock import bureau_day
from escrow.contracts.cancelling import CancellationAsked, cancel
from escrow.filing.rules import Maintenance, refusals
from ledger.money import ZERO, Yuan
from tests.builders import County
from tests.escrow.test_filing_rules import GOOD, LAW
from tests.estate import build, new_number
from tests.fund.advancing import DUE, founded, paid, people_of
from tests.releasing import refused_by
from tests.sale import codes, passed, row, sell

ASKED = Maintenance(Yuan(DUE), Yuan(DUE), "依据")


def scene_of(house, app):
    """Two homes whose maintenance fund is not paid (两户未交存)."""
    people = people_of(house)
    two = [people.clerk, people.reviewer]
    return SimpleNamespace(people=people, estate=build(house, two, buildings=1, units=2, advanced=False))


def test_one_fen_short_is_unpaid():
    """恰好缴足通过，差一分不通过；没有要求的不查；多缴的也通过。"""

    def found(**changed):
        said = refusals(replace(GOOD, maintenance=replace(ASKED, **changed)), LAW)
        return [(refusal.code, refusal.citation) for refusal in said]

    assert found() == []
    assert found(advanced=Yuan(DUE) - Yuan("0.01")) == [("maintenance-unpaid", "依据")]
    assert found(required=ZERO, advanced=ZERO) == []
    assert found(advanced=Yuan(DUE) + Yuan("0.01")) == []
    assert [one.code for one in refusals(GOOD, LAW)] == []


def test_the_refusal_says_what_is_to_be_done_first(estate, people):
    """没有专户、没有分户账、没有缴、缴不足，各有各的说法；缴足之后通过，答复载明已缴之数。"""
    sale = sell(estate)
    sale.pay_due()
    code = sale.drafted.unit_code

    def said():
        answer = sale.check()
        assert codes(answer) == ["maintenance-unpaid"]
        [why] = answer.body["reasons"]
        assert why["citation"].startswith("晋房屋登记清零办发〔2023〕3号 第三部分“一是”")
        return why["message"], answer.body["maintenance"]["advanced"]

    assert "尚未开立维修资金专户" in said()[0]
    fund = founded(estate, people)
    message, advanced = said()
    assert "尚差 6912.00 元" in message and "请在" not in message and advanced == "0.00"
    paid(fund, (code, "6911.99"))
    message, advanced = said()
    assert "尚差 6912.00 元" in message and advanced == "0.00"
    paid(fund, (code, DUE))
    answer = sale.check()
    assert (answer.decision, answer.body["maintenance"]) == ("pass", {"required": DUE, "advanced": DUE})
    assert sale.file(answer.check_no)["status"] == "filed"


def test_a_house_account_is_built_before_it_is_paid(estate, house, people):
    """同一区划有专户而此户未建分户账：理由写明先建账、缴入哪个账号。"""
    other = founded(build(house, [people.clerk, people.reviewer], advanced=False), people)
    sale = sell(estate)
    sale.pay_due()
    [why] = sale.check().body["reasons"]
    assert "尚未建立分户账" in why["message"] and other.account_no in why["message"]


def test_what_was_paid_for_a_cancelled_contract_files_no_other(estate, people):
    """前一份合同的代缴款随其注销待退，不作下一份合同的；下一份须另行代缴。"""
    fund, first = founded(estate, people), sell(estate)
    code = first.drafted.unit_code
    paid(fund, (code, DUE))
    first.pay_due()
    assert first.check().decision == "pass"
    asked = CancellationAsked(new_number("ZX"), bureau_day(), "退房")
    estate.do(lambda session: cancel(session, first.contract_no, asked))
    second = sell(estate)
    second.pay_due()
    assert codes(second.check()) == ["maintenance-unpaid"]
    paid(fund, (code, DUE))
    assert second.check().decision == "pass"


def test_changji_settles_it_at_completion_and_does_not_ask(house, app):
    """昌吉：备案时不核维修资金，依据昌州自然资发〔2022〕196号；未缴也可备案。"""
    county = County(house, app)
    project = county.project(region="652301", advanced=False)
    draft = county.draft(project)
    county.deposit(project, draft.notices[0], "350000.00")
    asked = {
        "request_id": new_number("WQ"), "contract_no": draft.contract_no,
        "unit_code": project.unit_codes[0], "price": "1000000.00",
    }  # fmt: skip
    answer = county.post("filing", "/deposit-checks", asked).json
    assert (answer["decision"], answer["maintenance"]) == ("pass", {"required": "0.00", "advanced": "0.00"})


def test_the_contract_says_what_was_advanced(house, app):
    """查询合同、合同网页、房屋接口所载的已缴之数与核对一致。"""
    county = County(house, app)
    project = county.project()
    draft = county.draft(project)
    told = county.get("filing", f"/contracts/{draft.contract_no}").json["maintenance"]
    assert told == {"required": "9216.00", "advanced": "9216.00"}
    unit = county.get("filing", f"/maintenance/units/{project.unit_codes[0]}").json
    assert (unit["due"], unit["advanced"]) == ("9216.00", "9216.00")
    page = county.seat("register1").get(f"/contracts/{draft.contract_no}").text
    assert "维修资金" in page and "9,216.00" in page


def test_the_database_files_nothing_unpaid(estate, people, house):
    """绕过程序直接写库：核对要求缴而该户未缴的，备案不得写入；通过的核对不得写成未缴足。"""
    fund, sale = founded(estate, people), sell(estate)
    paid(fund, (sale.drafted.unit_code, DUE))
    check_no = passed(sale).check_no
    kept = row(estate, "SELECT maintenance_required AS r, maintenance_advanced AS a FROM deposit_check")
    assert (kept.r, kept.a) == (691200, 691200)
    with pytest.raises(psycopg.Error) as caught, house.connect("superuser") as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("DELETE FROM house_deposit")
        connection.execute("SET session_replication_role = origin")
        connection.execute(
            "INSERT INTO contract_filing (contract_id, contract_version, filing_no, check_id, decision,"
            " filed_on) SELECT contract_id, contract_version, 'X', id, 'pass', CURRENT_DATE"
            " FROM deposit_check WHERE check_no = %s", (check_no,)
        )  # fmt: skip
    assert refused_by(caught) == "filing_stands"
    with pytest.raises(psycopg.Error) as caught, house.connect("superuser") as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE deposit_check SET maintenance_advanced = maintenance_required - 1")
    assert refused_by(caught) == "ck_deposit_check_pass_is_whole"
