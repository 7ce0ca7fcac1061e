"""Whose account receives released money is settled by two officers beforehand (开发企业收款账户)."""

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import psycopg
import pytest

from config.clock import bureau_day
from escrow.errors import Invalid, Refused
from escrow.instructions.models import Instruction
from escrow.release.actions import Applied, enter
from escrow.release.payout import pay_out
from escrow.release.receiving import ReceivingAsked, decide_receiving, enter_receiving, retire_receiving
from tests import withdrawing
from tests.estate import build, file_hash, new_number
from tests.releasing import approved, named, receiving, refused_by

FORGED = """
INSERT INTO receiving_account (developer_id, name, account_no, name_sealed, account_sealed, bank_name,
       paper_no, dated_on, file_hash, status, entered_by, decided_by, decided_at)
SELECT id, name, '6222', 'x', 'x', '某行', 'x', current_date, repeat('a', 64), %(status)s, %(one)s, %(other)s,
       CASE WHEN %(other)s::integer IS NOT NULL THEN now() END FROM developer
"""
ORDER = """
INSERT INTO instruction (instruction_no, kind, account_id, building_id, amount, key_amount, payee_name_sealed,
       payee_name_masked, payee_account_sealed, payee_account_masked, payee_bank, purpose, source_code,
       source_key, issued_by, expires_on, status)
SELECT 'ZL2026000009', 'release', a.id, NULL, 10000, 0, {name_sealed}, {name}, {sealed}, {number}, {bank},
       '划付', '2501', 'building:1', %(who)s, current_date, 'issued'
  FROM supervised_account a, receiving_account r
"""


def scene_of(house, app):
    """One building with money, registered (一幢有钱，已登记)."""
    people = named(house)
    found = build(house, [people.clerk, people.reviewer], buildings=1, units=1)
    found.put("1", "100.00")
    found.register("1")
    return SimpleNamespace(people=people, estate=found)


def asked(estate, **changed):
    number = new_number("SK")
    said = ReceivingAsked(
        estate.account_no, "6222021410001112223", "农业银行交口支行", number, bureau_day(), file_hash(number)
    )
    return replace(said, **changed)


def entered(estate, officer_id, **changed):
    what = asked(estate, **changed)
    told = estate.house.settings
    return estate.do(lambda session: enter_receiving(session, what, told, officer_id=officer_id))


def decided(estate, entry, officer_id, reason=None):
    return estate.do(lambda session: decide_receiving(session, entry, officer_id=officer_id, reason=reason))


def retired_by(estate, entry, officer_id):
    estate.do(lambda session: retire_receiving(session, entry, officer_id=officer_id, reason="账户注销"))


def released(estate, people):
    number = new_number("SQ")
    paper = Applied(estate.account_no, number, bureau_day(), file_hash(number))
    release_no = estate.do(lambda session: enter(session, paper, officer_id=people.handler))
    approved(estate, release_no, people.chief)
    return release_no


def paid_out(estate, release_no, officer_id):
    told = estate.house.settings
    return estate.do(lambda session: pay_out(session, release_no, told, officer_id=officer_id))


def codes(unit):
    with pytest.raises(Refused) as refused:
        unit()
    assert all(refusal.citation for refusal in refused.value.refusals)
    return [refusal.code for refusal in refused.value.refusals]


def test_released_money_goes_to_the_account_two_officers_settled(house, estate, people):
    """一人登记、另一人确认之后，划付自动付到这个账户；签发人不填户名、账号、开户行。"""
    release_no = released(estate, people)
    assert codes(lambda: paid_out(estate, release_no, people.other)) == ["payee-not-registered"]
    entry = entered(estate, people.handler)
    assert codes(lambda: paid_out(estate, release_no, people.other)) == ["payee-not-registered"]
    decided(estate, entry, people.chief)
    assert len(paid_out(estate, release_no, people.other)) == 1
    with house.database.read() as session:
        [order] = session.query(Instruction)
    assert order.payee_name_masked == "测试置业有限公司"
    assert (order.payee_account_masked, order.payee_bank) == ("6222021410001112223", "农业银行交口支行")


def test_one_officer_alone_settles_nothing(estate, people):
    """登记人不能自己确认，也不能自己退回；退回写理由；确认、退回之后不能再决定。"""
    entry = entered(estate, people.handler)
    assert codes(lambda: decided(estate, entry, people.handler)) == ["same-officer"]
    assert codes(lambda: decided(estate, entry, people.handler, "账号有误")) == ["same-officer"]
    decided(estate, entry, people.chief, "账号有误")
    assert codes(lambda: decided(estate, entry, people.chief)) == ["already-decided"]
    again = entered(estate, people.handler)
    decided(estate, again, people.chief)
    assert codes(lambda: decided(estate, again, people.chief)) == ["already-decided"]


def test_a_retired_account_is_paid_no_more(estate, people):
    """停用即时生效：之后不能划付；先停用旧的，才能登记新的；停用须写理由，只停用一次。"""
    release_no = released(estate, people)
    entry = receiving(estate, people.handler, people.chief)
    assert codes(lambda: entered(estate, people.handler, account_no="62220001")) == ["receiving-live"]
    retired_by(estate, entry, people.other)
    assert codes(lambda: paid_out(estate, release_no, people.other)) == ["payee-not-registered"]
    retired = lambda: retired_by(estate, entry, people.other)  # noqa: E731 - said once
    assert codes(retired) == ["already-decided"]
    assert entered(estate, people.handler, account_no="62220001")


def test_the_account_is_the_developers_own(empty_house):
    """监管账户、白名单收款人的账户，都不能登记作开发企业的收款账户。"""
    staff = withdrawing.people_of(empty_house)
    site = withdrawing.site_of(empty_house, staff)
    own = codes(lambda: entered(site.estate, staff.clerk, account_no=site.estate.account_no))
    assert own == ["account-is-supervised"]
    builder = codes(lambda: entered(site.estate, staff.clerk, account_no=withdrawing.BUILDER_ACCOUNT))
    assert builder == ["account-of-another"]


def test_its_paper_is_new_and_dated(estate, people):
    """证明文件不得用过，日期不能晚于今天。"""
    with pytest.raises(Invalid) as refused:
        entered(estate, people.handler, dated_on=bureau_day() + timedelta(days=1))
    assert "dated_on" in refused.value.errors
    used = file_hash(new_number("用过"))
    entry = entered(estate, people.handler, file_hash=used)
    decided(estate, entry, people.chief, "不清晰")
    assert codes(lambda: entered(estate, people.handler, file_hash=used)) == ["file-reused"]


@pytest.mark.parametrize("role", ["app", "owner"])
def test_the_register_is_not_written_by_hand(house, estate, people, role):
    """纯 SQL：直接插入已确认的、自己确认自己登记的、确认之后改账号、删除，都不行。"""
    entry = entered(estate, people.handler)
    said = {"status": "confirmed", "one": people.handler, "other": people.chief}
    refused(house, role, "receiving_steps", FORGED, said)
    alone = "UPDATE receiving_account SET status = 'confirmed', decided_by = entered_by, decided_at = now()"
    refused(house, role, "ck_receiving_account_two_officers", alone)
    decided(estate, entry, people.chief)
    refused(house, role, "receiving_steps", "UPDATE receiving_account SET account_no = '6222'")
    refused(house, role, "receiving_steps", "UPDATE receiving_account SET status = 'entered'")
    refused(house, role, "written_once", "DELETE FROM receiving_account")
    refused(house, role, "uq_receiving_account_live", FORGED, {**said, "status": "entered", "other": None})


WHOLE = {
    "name": "r.name", "number": "r.account_no", "bank": "r.bank_name", "name_sealed": "r.name_sealed",
    "sealed": "r.account_sealed",
}  # fmt: skip


@pytest.mark.parametrize("changed", [
    {"name": "'别家公司'"}, {"number": "'6222021410009999999'"}, {"bank": "'别行'"}, {"sealed": "'x'"},
    {"name_sealed": "'x'"},
])  # fmt: skip
def test_an_order_in_plain_sql_goes_nowhere_else(house, estate, people, changed):
    """纯 SQL 签发的划付：户名、账号、开户行、给银行看的密文，有一处不是登记的，数据库即拒绝。"""
    released(estate, people)
    receiving(estate, people.handler, people.chief)
    order = ORDER.format(**{**WHOLE, **changed})
    refused(house, "app", "release_payee_stands", order, {"who": people.other})


def test_an_order_in_plain_sql_waits_for_the_second_officer(house, estate, people):
    """只登记未确认、已经停用的账户，纯 SQL 也付不出去；已确认的，被拒的理由不再是收款人。"""
    released(estate, people)
    entry = entered(estate, people.handler)
    order, who = ORDER.format(**WHOLE), {"who": people.other}
    refused(house, "app", "release_payee_stands", order, who)
    decided(estate, entry, people.chief)
    refused(house, "app", "instruction_number", order, who)
    retired_by(estate, entry, people.other)
    refused(house, "app", "release_payee_stands", order, who)


def refused(house, role, constraint, statement, values=None):
    with pytest.raises(psycopg.Error) as caught, house.connect(role) as connection:
        connection.execute(statement, values)
    denied = isinstance(caught.value, psycopg.errors.InsufficientPrivilege) and role == "app"
    assert denied or refused_by(caught) == constraint, caught.value
