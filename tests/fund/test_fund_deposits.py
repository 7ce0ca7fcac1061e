"""维修资金入账：一笔多户，合户的入户、不合的另列，分文不差；各级合计时时相符。"""

from datetime import date, timedelta

import pytest

from config.clock import bureau_day
from escrow.advances.actions import FundDeposit
from escrow.contracts.cancelling import CancellationAsked, cancel
from escrow.errors import Invalid, NotFound
from escrow.maintenance.actions import AskedAccount, enter_account
from escrow.maintenance.reading import units_seen
from tests.estate import build, new_number, sold
from tests.fund.advancing import DUE, OWNER, fates, founded, held, line, paid, people_of, refused, unpaid
from tests.fund.fund_estate import FundEstate
from tests.sale import together

scene_of = unpaid(buildings=2, units=3)


def cancelled(estate, contract_no):
    asked = CancellationAsked(new_number("ZX"), bureau_day(), "退房")
    estate.do(lambda session: cancel(session, contract_no, asked))


def test_a_developer_pays_for_a_batch_in_one_line(estate, fund):
    """一笔代缴三户：借银行存款、贷各户交存收入，备查各户待收回；分户、楼幢、小区、专户相符。"""
    for _ in range(2):
        sold(estate)
    answer = paid(fund, *[(code, DUE) for code in estate.unit_codes[:3]])
    assert (answer["status"], answer["matched"], answer["unmatched"]) == ("confirmed", "20736.00", "0.00")
    assert answer["receipt_no"].startswith("WX2")
    assert fates(answer) == [("booked", DUE, None)] * 3
    for code in estate.unit_codes[:3]:
        assert fund.stands(fund.houses[code]) == (DUE, "0.00", DUE)
    assert fund.disagreements() == []
    assert held(fund)["100101", ""] == "20736.00"
    assert held(fund)["9199", ""] == "20736.00"


def test_what_fits_is_booked_and_what_does_not_stands_apart_with_its_reason(estate, fund, people):
    """一笔之中：足额的入户，多缴的一分应退，没有的房屋待认领，注销合同的应退，非本户的另列；合计等于金额。"""
    fine, over, cancelled_unit, again = estate.unit_codes[:4]
    sold(estate)
    sold(estate)
    number, _ = sold(estate)
    cancelled(estate, number)
    paid(fund, (again, DUE))
    unknown = fine[:-4] + "9999"
    answer = paid(
        fund, (fine, DUE), (over, "6912.01"), (cancelled_unit, DUE), (again, DUE), (unknown, "1.00")
    )
    assert fates(answer) == [
        ("booked", DUE, None), ("partly_booked", DUE, "over-due"), ("overpaid", "0.00", "contract-cancelled"),
        ("overpaid", "0.00", "already-paid"), ("unclaimed", "0.00", "unit-unknown"),
    ]  # fmt: skip
    assert (answer["status"], answer["matched"]) == ("partly_matched", "13824.00")
    assert all(one["reason"]["citation"] for one in answer["units"] if one["reason"])
    stands = {code: amount for (code, key), amount in held(fund).items() if key.startswith("apart:")}
    assert set(stands) == {"2901", "2903"}
    assert held(fund)["100101", ""] == "34561.01"
    assert fund.disagreements() == []


def test_what_is_paid_for_no_home_goes_back(estate, fund):
    """非住宅不建分户账：所缴不等建账，写明不属交存范围，应退。"""
    shop = f"{fund.codes[0][:-4]}0099"
    with fund.house.connect("superuser") as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(
            "INSERT INTO unit SELECT (r).* FROM ("
            "SELECT jsonb_populate_record(u, jsonb_build_object('id', 9999, "
            "'unit_code', %s::text, 'room_no', 'S1', 'use', 'other')) AS r FROM unit u LIMIT 1) n",
            (shop,),
        )
    assert fates(paid(fund, (shop, "100.00"), (fund.codes[0], DUE))) == [
        ("overpaid", "0.00", "nothing-due"), ("booked", DUE, None),
    ]  # fmt: skip
    assert fates(paid(fund, (shop, "1.00"), payer=OWNER)) == [("overpaid", "0.00", "nothing-due")]
    assert fund.disagreements() == []


def test_a_short_payment_is_set_apart(estate, fund):
    """不足额的另列待认领，理由写明应缴与尚差，户上一分不记；随后足额缴来的照常入户。"""
    code = estate.unit_codes[0]
    sold(estate)
    answer = paid(fund, (code, "6911.99"))
    assert (answer["status"], fates(answer)) == ("unmatched", [("unclaimed", "0.00", "short-paid")])
    assert fund.stands(fund.houses[code]) == ("0.00", "0.00", "0.00")
    assert fates(paid(fund, (code, DUE))) == [("booked", DUE, None)]
    assert fund.stands(fund.houses[code]) == (DUE, "0.00", DUE)


def test_a_buyer_who_pays_after_the_advance_is_to_get_it_back(estate, fund):
    """建设单位已代缴，业主又缴入专户：不入户，列应退多缴款，一分不少。"""
    code = estate.unit_codes[0]
    sold(estate)
    paid(fund, (code, DUE))
    answer = paid(fund, (code, DUE), payer=OWNER)
    assert fates(answer) == [("overpaid", "0.00", "already-advanced")]
    assert answer["status"] == "unmatched"
    assert fund.stands(fund.houses[code]) == (DUE, "0.00", DUE)


def test_money_that_names_no_unit_waits(estate, fund):
    """建设单位不报房屋的是单位预交（2902），业主不报房屋的待认领（2901）。"""
    assert paid(fund, amount="50000.00")["status"] == "unmatched"
    assert paid(fund, amount="100.00", payer=OWNER)["units"] == []
    by_code = {code: amount for (code, key), amount in held(fund).items() if key}
    assert by_code == {"2902": "50000.00", "2901": "100.00"}


def test_a_line_that_contradicts_itself_or_is_anothers_is_not_booked(estate, fund):
    """合计不符、一户列两次、起息日在明天或专户开立之前、别家银行、没有这个专户：不予入账，什么也不留下。"""
    code = estate.unit_codes[0]
    for wrong in (
        line(fund, (code, DUE), amount="6912.01"), line(fund, (code, "1.00"), (code, "2.00")),
        line(fund, (code, DUE), value_date=bureau_day() + timedelta(days=1)),
        line(fund, (code, DUE), value_date=bureau_day() - timedelta(days=1)),
    ):  # fmt: skip
        with pytest.raises(Invalid):
            _send(fund, wrong)
    with pytest.raises(NotFound):
        _send(fund, line(fund, (code, DUE)), bank_code="ICBC")
    fund.account_no = "6222999999999999"
    with pytest.raises(NotFound):
        _send(fund, line(fund, (code, DUE)))
    assert held(fund) == {}


def _send(fund, deposit: FundDeposit, bank_code="ABC"):
    from escrow.advances.actions import receive

    return fund.do(lambda session: receive(session, deposit, bank_code, fund.house.settings))


def test_an_account_that_nobody_opened_takes_no_money(empty_house):
    """只录入、未经另一人确认的专户不收款，说明依据。"""
    people = people_of(empty_house)
    estate = build(empty_house, [people.clerk, people.reviewer], units=1, advanced=False)
    asked = AskedAccount("6222990099999999", "未确认专户", "ABC", "141130", "专户〔2026〕9号")
    estate.do(lambda session: enter_account(session, asked, officer_id=people.clerk))

    fund = FundEstate(empty_house, asked.account_no, [])
    assert refused(paid, fund, (estate.unit_codes[0], DUE)) == ["fund-not-active"]


def test_what_is_told_late_counts_on_the_first_open_day(estate, fund, house):
    """起息日早于已日结之日的，记在其后第一天；标准仍按起息日的规定。"""
    from ledger.journal import close_day

    yesterday = bureau_day() - timedelta(days=1)
    with house.database.begin() as session:
        close_day(session, fund.book_id, yesterday)
    fund.opened(date(2026, 1, 5))
    paid(fund, (estate.unit_codes[0], DUE), value_date=date(2026, 1, 5))
    with house.connect("reader") as connection:
        [(on,)] = connection.execute("SELECT effective_on FROM ledger.journal_entry ORDER BY id DESC LIMIT 1")
        [(paid_on,)] = connection.execute("SELECT paid_on FROM house_deposit")
    assert (on, paid_on) == (bureau_day(), date(2026, 1, 5))


def test_two_lines_for_one_house_at_once_pay_it_once(estate, fund):
    """两家同时为同一户缴足额：一笔入户，一笔应退，合计不差。"""
    code = estate.unit_codes[0]
    found = together([lambda: paid(fund, (code, DUE)), lambda: paid(fund, (code, DUE))])
    assert sorted(fates(one)[0][0] for one in found) == ["booked", "overpaid"]
    assert fund.stands(fund.houses[code])[0] == DUE
    assert fund.disagreements() == []


def test_a_line_of_two_thousand_units_is_booked_at_once(house, people):
    """大社区一笔代缴两千户：先有过一笔一户的，也在五秒之内整笔入账，逐户相符。"""
    town = build(house, [people.clerk, people.reviewer], buildings=4, units=501, advanced=False)
    fund = founded(town, people)
    with house.database.read() as session:
        due = {code: str(seen.due.amount) for code, seen in units_seen(session, town.unit_codes).items()}
    small, *large = due.items()
    paid(fund, small)

    answer = paid(fund, *large)
    assert len(answer["units"]) == 2003 and {one["status"] for one in answer["units"]} == {"booked"}
    assert fund.disagreements() == []
