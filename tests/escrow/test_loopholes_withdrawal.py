"""The loopholes of real cases, tried on withdrawals through the doors and in raw SQL (用款环节的漏洞)."""

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace

import psycopg
import pytest

from config.clock import bureau_day
from escrow import chart
from escrow.deposits.actions import Deposit, receive
from escrow.deposits.rules import Channel as Way
from escrow.supervision.schedules import PaperKind
from ledger.errors import AccountBelowFloor
from ledger.money import Yuan
from tests.desk import bearer, staffed
from tests.estate import file_hash, new_number
from tests.noding import claimed
from tests.noding import papers as node_papers
from tests.releasing import refused_by
from tests.sale import sell
from tests.withdrawing import BUILDER, BUILDER_ACCOUNT, at_work, funded, site_of

TODAY = bureau_day().isoformat()
PAYEE = """
INSERT INTO listed_payee (account_id, contract_id, kind, name, account_no, bank_name, file_hash, status,
                          entered_by) VALUES (%s, %s, 'contractor', %s, %s, '工行', %s, 'entered', %s)
"""
LIST = """
UPDATE listed_payee SET status = 'listed', decided_by = %s, decided_at = now(),
       usable_on = (now() AT TIME ZONE 'Asia/Shanghai')::date + %s WHERE status = 'entered'
"""
ORDER = """
INSERT INTO instruction (instruction_no, kind, account_id, building_id, amount, key_amount,
    payee_name_sealed, payee_name_masked, payee_account_sealed, payee_account_masked, payee_bank,
    purpose, source_code, source_key, issued_by, expires_on, status)
SELECT 'ZL' || (%s)::text, 'withdrawal', %s, %s, 100, 0, '', '众亚实业', '', '**** 0001', '某行', '工程款',
       '2112', 'building:1', %s, current_date, 'issued'
"""


def scene_of(house, app):
    """额度六十万元，一般监管资金四十万元；窗口有人。"""
    roles = {
        "cashier1": ["cashier"], "issuer1": ["cashier"], "reviewer1": ["reviewer"], "reviewer2": ["reviewer"]
    }  # fmt: skip
    made = at_work(house, app)
    made.desks = staffed(house, app, roles)
    return made


def account(site):
    return f"/withdrawals/accounts/{site.estate.account_no}"


def applied(desk, site, amount, **changed):
    """The application page, filled in."""
    number, invoice = new_number("YS"), new_number("FP")
    form = {
        "building_no": "1", "channel": "general", "application_no": number, "applied_on": TODAY,
        "file_hash": file_hash(number), "lines": "1", "line1-payee_id": str(site.builder),
        "line1-purpose": "construction", "line1-amount": amount, "line1-progress": "1",
        "line1-invoice_no": invoice, "line1-invoice_hash": file_hash(invoice),
    }  # fmt: skip
    return desk.post(f"{account(site)}/new", form | changed)


def sql(house, statement, values=None, role="owner"):
    """What PostgreSQL refuses it by, None where it lets it pass."""
    try:
        with house.connect(role) as connection:
            connection.execute(statement, values)
            connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
    except psycopg.Error as caught:
        return refused_by(SimpleNamespace(value=caught))
    return None


def test_l5_a_node_not_proved_pays_nothing(house, people, desks):
    """L5 虚报进度：节点未核准，重点资金一分不能拨；缺监理见证的申报不受理；直接写库记释放额也不行。"""
    site = site_of(house, people, mode="draw_down")
    site.estate.put("1", "600000.00")
    refused = applied(desks.cashier1, site, "0.01", channel="key")
    assert refused.status_code == 409 and "over-node" in refused.text
    with pytest.raises(Exception, match="监理"):
        claimed(site.estate, people.clerk, "主体结构验收", proof=node_papers(PaperKind.ENGINEER))
    claimed(site.estate, people.clerk, "主体结构验收")
    assert applied(desks.cashier1, site, "0.01", channel="key").status_code == 409
    building = chart.building_key(site.estate.buildings["1"])
    with pytest.raises(Exception, match="released_by_node"):
        site.estate.move(chart.MEMO_CONTRA, chart.NODE_RELEASED, "360000.00", key=building)


def test_l6_the_bank_pays_nothing_without_an_order(house, app, site, people, desks):
    """L6 银行擅自划款：没有指令的结果不收；与指令不符即停户，此户用款全停；无用款的指令、无答复的已付写不进库。"""
    token = bearer(house.database, "bank-abc", "bank", bank_code="ABC")
    client = app.test_client()

    def told(number, **changed):
        body = {
            "outcome": "paid", "bank_serial": new_number("F"), "amount": "1000.00",
            "payee_account": BUILDER_ACCOUNT, "value_date": TODAY,
        } | changed  # fmt: skip
        return client.post(f"/api/v1/instructions/{number}/results", json=body, headers=token).status_code

    assert told(f"ZL{bureau_day().year}000009") == 404
    waiting = applied(desks.cashier1, site, "2000.00").location
    (order,) = site.issue(site.approved("1000.00")).numbers
    assert sql(house, "UPDATE instruction SET status = 'paid'") == "instruction_follows_ledger"
    values = (f"{bureau_day().year}000002", site.estate.account_id, site.estate.buildings["1"], people.issuer)
    assert sql(house, ORDER, values) == "instruction_number"
    assert told(order, payee_account="6222021410000000001") == 409
    stopped = desks.reviewer1.post(f"{waiting}/approve")
    assert stopped.status_code == 409 and "account-not-active" in stopped.text
    assert "已暂停" in applied(desks.cashier1, site, "1.00").text
    assert sql(house, ORDER, values) == "account_pays"


def test_l7_the_same_money_is_not_promised_twice(house, site, people, desks):
    """L7 超额支取：各占六成的两件，网页上第二件核准不了，直接写库也不行；账户余额不得为负。"""
    first = applied(desks.cashier1, site, "240000.00").location
    second = applied(desks.cashier1, site, "240000.00").location
    assert desks.reviewer1.post(f"{first}/approve").status_code == 303
    answer = desks.reviewer1.post(f"{second}/approve")
    assert answer.status_code == 409 and "可拨 160000.00 元" in answer.text
    building = site.estate.buildings["1"]
    entry = site.estate.move(
        chart.MEMO_CONTRA, chart.WITHDRAWAL_HOLD, "240000.00", key=chart.withdrawal_key(building, 2)
    )
    approve = (
        "UPDATE withdrawal SET status = 'approved', decided_by = %s, decided_at = now(), held = amount,"
        " key_amount = 0, levels = '[]', law = (SELECT law FROM withdrawal WHERE id = 1), hold_entry_id = %s"
        " WHERE id = 2"
    )
    assert sql(house, approve, (people.reviewer, entry.id)) == "withdrawal_stands"
    with pytest.raises(AccountBelowFloor):
        site.estate.take(chart.GENERAL_FUNDS, "400000.01", debit_key=chart.building_key(building))


def test_l8_released_money_does_not_come_back(house, site, people, desks):
    """L8 资金回流：收款人只能是备案合同的承包人，新账户冷静三个工作日，累计不超合同价；回流入账在页面上标出。"""
    form = {
        "contract_id": str(site.contract_id), "kind": "contractor", "name": "众亚实业有限公司",
        "account_no": "6222000000001111", "bank_name": "工行", "file_hash": file_hash("户一"),
    }  # fmt: skip
    assert "payee-not-contractor" in desks.cashier1.post(f"{account(site)}/payees", form).text
    said = (site.estate.account_id, site.contract_id)
    assert sql(house, PAYEE, (*said, "众亚实业", "6222000000001111", file_hash("户二"), people.cashier)) is None
    assert sql(house, LIST, (people.reviewer, 3)) == "payee_stands"
    gone = "UPDATE listed_payee SET status = 'rejected', decided_by = %s, decided_at = now(), reason = 'x'"
    assert sql(house, f"{gone} WHERE status = 'entered'", (people.reviewer,)) is None
    fresh = form | {"name": BUILDER, "account_no": "6222000000002222", "file_hash": file_hash("户三")}
    assert desks.cashier1.post(f"{account(site)}/payees", fresh).status_code == 303
    assert sql(house, LIST, (people.reviewer, 0)) == "payee_stands"
    assert sql(house, LIST, (people.reviewer, 3)) is None
    early = applied(desks.cashier1, site, "1.00", **{"line1-payee_id": newest(site)})
    assert early.status_code == 409 and "payee-too-new" in early.text
    over = applied(desks.cashier1, site, "10000.00", **{"line1-progress": "0.0001"})
    assert over.status_code == 409 and "over-progress" in over.text
    page = applied(desks.cashier1, site, "1000.00").location
    assert "资金回流" not in desks.reviewer1.get(page).text
    deposited(site, BUILDER, BUILDER_ACCOUNT)
    assert "资金回流" in desks.reviewer1.get(page).text


def newest(site):
    """The payee listed last."""
    with site.estate.house.connect() as connection:
        return str(connection.execute("SELECT max(id) FROM listed_payee").fetchone()[0])


def deposited(site, name, account_no):
    """A credit whose payer is somebody we pay."""
    said = Deposit(
        bank_serial=new_number("B"), account_no=site.estate.account_no, amount=Yuan("500.00"),
        value_date=bureau_day(), booked_at=datetime.now(UTC), payer_name=name, payer_account=account_no,
        channel=Way.TRANSFER, notice_no=None,
    )  # fmt: skip
    site.estate.do(lambda session: receive(session, said, "ABC", site.estate.house.settings))


def test_l9_money_of_a_sale_taken_back_does_not_leave(house, people, desks):
    """L9 虚假买卖（本环节）：备案后款项被冲正，本幢用款即停，网页与直接写库都签不出、核准不了。"""
    site = site_of(house, people, advanced=True)
    sale = sell(site.estate)
    receipts = sale.pay_due()
    sale.file(sale.check().check_no)
    funded(site, "250000.00")
    waiting = applied(desks.cashier1, site, "1000.00").location
    approved = site.approved("1000.00")
    sale.reverse(receipts[1])
    answer = desks.reviewer1.post(f"{waiting}/approve")
    assert answer.status_code == 409 and "filing-at-risk" in answer.text
    answer = desks.issuer1.post(f"/withdrawals/{approved}/issue")
    assert answer.status_code == 409 and sale.contract_no in answer.text
    building = site.estate.buildings["1"]
    entry = site.estate.move(
        chart.MEMO_CONTRA, chart.WITHDRAWAL_HOLD, "1000.00", key=chart.withdrawal_key(building, 1)
    )
    approve = (
        "UPDATE withdrawal SET status = 'approved', decided_by = %s, decided_at = now(), held = amount,"
        " key_amount = 0, levels = '[]', law = (SELECT law FROM withdrawal WHERE id = 2), hold_entry_id = %s"
        " WHERE id = 1"
    )
    assert sql(house, approve, (people.reviewer, entry.id)) == "withdrawal_stands"


def test_l10_a_person_is_not_paid_by_a_withdrawal(house, site, people, desks):
    """L10 借用款之名退给他人：个人不在施工合同名下，网页不收；直接写库列不进白名单，明细也写不进。"""
    form = {
        "contract_id": str(site.contract_id), "kind": "contractor", "name": "王秀兰",
        "account_no": "6217000099990000002", "bank_name": "中国银行", "file_hash": file_hash("户"),
    }  # fmt: skip
    answer = desks.cashier1.post(f"{account(site)}/payees", form)
    assert answer.status_code == 409 and "payee-not-contractor" in answer.text
    wages = desks.cashier1.post(f"{account(site)}/payees", form | {"kind": "wages"})
    assert wages.status_code == 409 and "payee-not-contractor" in wages.text
    said = (site.estate.account_id, site.contract_id)
    paid = (*said, "王秀兰", "6217000099990000002", file_hash("户二"), people.cashier)
    assert sql(house, PAYEE, paid) is None
    assert sql(house, LIST, (people.reviewer, 3)) == "payee_stands"
    assert applied(desks.cashier1, site, "1.00", **{"line1-payee_id": newest(site)}).status_code == 422
    asked = replace(site.line("1.00"), payee_id=int(newest(site)))
    with pytest.raises(Exception, match="不在有效白名单内"):
        site.enter(asked)
