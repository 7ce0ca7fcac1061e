"""银行报送的续交与自筹：老房屋、新房屋一样，首期缴足而余额不足的作续交，议定筹集的补足分摊；多的另列应退。"""

from types import SimpleNamespace

import psycopg
import pytest

from config.clock import bureau_day
from escrow.advances.apart_rules import DecisionKind
from escrow.advances.deciding import ClaimAsked, claim, confirm
from escrow.fund_use.rules import UseMatter
from escrow.maintenance.reading import unit_seen
from ledger.money import Yuan
from tests.builders import County
from tests.fund.advancing import DEVELOPER, DUE, OWNER, fates, paid, refused
from tests.fund.fund_estate import empty_fund
from tests.fund.opening_files import booked, handed, home
from tests.fund.ordering import evidence
from tests.fund.using import NO, YES, approve, published, vote, voted
from tests.releasing import refused_by
from tests.sale import row


@pytest.fixture
def old(house):
    """老小区四户：一户低于首期三成，一户恰好三成，一户未缴首期，一户宽裕。"""
    fund = empty_fund(house)
    said = [
        {**home(0), "余额": "1000.00"}, {**home(1), "余额": "2073.60"},
        {**home(2), "首期交存额": "0.00", "余额": "0.00"}, {**home(3), "余额": "7000.00"},
    ]  # fmt: skip
    booked(fund, handed(fund, said))
    codes = [one["不动产单元代码"] for one in said]
    found = row(
        fund, "SELECT json_object_agg(h.unit_code, h.id) AS ids, max(b.community_id) AS community"
        " FROM house h JOIN community_building b ON b.id = h.community_building_id",
    )  # fmt: skip
    fund.community_id, fund.houses = found.community, {code: found.ids[code] for code in codes}
    return SimpleNamespace(fund=fund, codes=codes, ids=fund.ids)


def seen(fund, code):
    with fund.house.database.read() as session:
        one = unit_seen(session, code)
    return str(one.balance), str(one.paid), str(one.outstanding)


def test_the_bank_reports_a_renewal_of_an_old_house(old, app):
    """低于三成的，业主所缴作续交入户，首期仍是首期；补到首期为止，多的应退；恰好三成的不收。"""
    fund, (low, well, *_) = old.fund, old.codes
    said = {
        "bank_serial": "XJ1", "account_no": fund.account_no, "amount": "2000.00", "payer_kind": "owner",
        "value_date": bureau_day().isoformat(), "payer_name": "王秀英",
        "units": [{"unit_code": low, "amount": "2000.00"}],
    }  # fmt: skip
    county = County(fund.house, app)
    answer = county.post(f"bank-{fund.bank_code}", "/maintenance/deposits", said)
    assert (answer.status_code, answer.json["status"]) == (201, "confirmed")
    assert county.post(f"bank-{fund.bank_code}", "/maintenance/deposits", said).status_code == 200
    assert seen(fund, low) == ("3000.00", "6912.00", "0.00")
    assert row(fund, "SELECT movement FROM ledger.journal_entry ORDER BY id DESC LIMIT 1").movement == "M16"
    assert fates(paid(fund, (low, "1.00"), payer=OWNER)) == [("overpaid", "0.00", "already-paid")]
    assert fates(paid(fund, (well, "1.00"), payer=OWNER)) == [("overpaid", "0.00", "already-paid")]
    assert fund.disagreements() == []


def test_one_line_renews_one_house_and_pays_anothers_first_deposit(old):
    """同一笔里一户续交、一户首期、一户多缴：各归各的；建设单位不续交。"""
    fund, (low, _, unpaid, _) = old.fund, old.codes
    assert fates(paid(fund, (low, "10.00"), payer=DEVELOPER)) == [("overpaid", "0.00", "already-paid")]
    found = fates(paid(fund, (low, "6000.00"), (unpaid, DUE), payer=OWNER))
    assert found == [("partly_booked", "5912.00", "renewal-over"), ("booked", DUE, None)]
    assert seen(fund, low) == ("6912.00", "6912.00", "0.00")
    assert seen(fund, unpaid) == (DUE, DUE, "0.00")
    assert fund.disagreements() == []


def test_unidentified_money_is_claimed_as_a_renewal(old):
    """不明入账查明是续交的，两人认领入户，同样不计首期。"""
    fund, low = old.fund, old.codes[0]
    paid(fund, amount="500.00", payer=OWNER)
    apart = row(fund, "SELECT max(id) AS id FROM apart_money").id
    asked = ClaimAsked(apart, OWNER, ((low, Yuan("500.00")),), evidence())
    number = fund.do(lambda s: claim(s, asked, officer_id=fund.officers[0]))
    assert fund.do(lambda s: confirm(s, number, officer_id=fund.officers[1])) is DecisionKind.CLAIM
    assert seen(fund, low) == ("1500.00", "6912.00", "0.00") and fund.disagreements() == []


def test_a_renewal_that_does_not_fit_is_not_written(old):
    """直接写库：余额够的户、建设单位付的，写不成续交。"""
    fund, (_, _, unpaid, rich) = old.fund, old.codes
    paid(fund, (unpaid, DUE), payer=OWNER)
    write = (
        "INSERT INTO house_deposit (house_id, payer_kind, is_advance, is_renewal, amount, due, receipt_id,"
        " entry_id, paid_on) SELECT %s, %s, false, true, 1, 1, receipt_id, entry_id, paid_on"
        " FROM house_deposit WHERE NOT is_renewal"
    )
    for payer, why in ((OWNER, "house_deposit_stands"), (DEVELOPER, "ck_house_deposit_renewal_by_owner")):
        with pytest.raises(psycopg.errors.CheckViolation) as found, fund.house.connect() as connection:
            connection.execute(write, (fund.houses[rich], payer.value))
        assert refused_by(found) == why


def test_owners_pay_in_what_a_use_lacks_before_it_is_approved(old):
    """议定使用并筹集：四分之三同意；缺的户交入专户之前不核准、点名缺多少；交齐即核准，逐户占用。"""
    fund, (low, _, unpaid, _) = old.fund, old.codes
    paid(fund, (unpaid, DUE), payer=OWNER)
    few = published(fund, "8400.00", matter=UseMatter.RAISE)
    assert vote(fund, few, dict.fromkeys(old.codes, YES) | {unpaid: NO}) == "failed"
    use_no = voted(fund, "8400.00", matter=UseMatter.RAISE)
    assert refused(approve, fund, use_no) == ["house-short"]
    found = paid(fund, (low, "1100.00"), (old.codes[1], "26.40"), payer=OWNER)
    assert [one["status"] for one in found["units"]] == ["booked", "booked"]
    approve(fund, use_no)
    assert [fund.stands(one)[1] for one in old.ids] == ["2100.00"] * 4
    assert fates(paid(fund, (old.codes[1], "1.00"), payer=OWNER)) == [("overpaid", "0.00", "already-paid")]
    assert seen(fund, low)[1] == "6912.00" and fund.disagreements() == []
