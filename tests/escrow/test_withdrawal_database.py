"""What PostgreSQL itself refuses of withdrawals, whoever is connected (数据库层面的用款约束)."""

import json
from itertools import product

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from config.clock import bureau_day
from config.regulations import law_on
from escrow import chart
from escrow.instructions.actions import Order, Payee, issue
from escrow.instructions.rules import InstructionKind
from escrow.supervision import takeovers
from escrow.supervision.books import account_of
from escrow.withdrawals.facts import LAW_KEYS
from escrow.withdrawals.payee_rules import LISTING_STEPS, ListingStatus
from escrow.withdrawals.rules import STEPS, WithdrawalStatus
from ledger.accounts import balance
from ledger.money import Yuan
from ledger.movements import Transfer
from tests.estate import file_hash, new_number
from tests.releasing import refused_by
from tests.sale import row
from tests.withdrawing import BUILDER, BUILDER_ACCOUNT, at_work, funded, site_of

ROLES = ["app", "owner"]
LAW = law_on(bureau_day(), "presale_funds", "141130").stored(LAW_KEYS)
APPROVE = """
UPDATE withdrawal SET status = 'approved', decided_by = %(who)s, decided_at = now(), held = %(held)s,
       key_amount = amount - %(held)s, levels = '[]', law = %(law)s, hold_entry_id = %(entry)s
 WHERE withdrawal_no = %(number)s
"""
REVIEW = "UPDATE withdrawal SET status = 'reviewed', reviewed_by = %s, reviewed_at = now()"
LINE = """
INSERT INTO withdrawal_line (withdrawal_id, account_id, payee_id, purpose, amount, progress, invoice_no,
                             invoice_hash)
SELECT w.id, w.account_id, {payee}, '{purpose}', {amount}, 1, '{invoice}', '{file}' FROM withdrawal w
 WHERE withdrawal_no = '{number}'
"""


scene_of = at_work


def run(house, statement, values=None, role="app"):
    with house.connect(role) as connection:
        connection.execute(statement, values)
        connection.execute("SET CONSTRAINTS ALL IMMEDIATE")


def refused(house, constraint, statement, values=None, role="app"):
    with pytest.raises(psycopg.Error) as caught:
        run(house, statement, values, role)
    denied = isinstance(caught.value, psycopg.errors.InsufficientPrivilege) and role == "app"
    assert denied or refused_by(caught) == constraint, caught.value


def held(site, number, amount):
    """P9 posted by itself."""
    one = row(site.estate, "SELECT id, building_id FROM withdrawal WHERE withdrawal_no = :n", n=number)
    key = chart.withdrawal_key(one.building_id, one.id)
    return site.estate.move(chart.MEMO_CONTRA, chart.WITHDRAWAL_HOLD, amount, key=key).id


def approval(site, number, amount, **changed):
    """The values of an approval by hand, its hold posted."""
    said = {"who": site.people.reviewer, "held": int(amount.replace(".", "")), "law": json.dumps(LAW),
            "number": number}  # fmt: skip
    if "entry" not in changed:
        said["entry"] = held(site, number, amount)
    return said | changed


@pytest.fixture(scope="module")
def paid_for(struck):
    """A house with an application approved, where nothing that is tried stays (已核准一件)."""
    struck.site.approved("1000.00")
    return struck.site.estate.house


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("UPDATE withdrawal SET amount = amount + 1", "withdrawal_steps"),
        ("UPDATE withdrawal SET entered_by = entered_by + 1", "withdrawal_steps"),
        ("UPDATE withdrawal SET held = held - 1, key_amount = key_amount + 1", "withdrawal_steps"),
        ("UPDATE withdrawal SET court_order_no = 'x', court_order_hash = repeat('c', 64)",
         "withdrawal_steps"),
        ("UPDATE withdrawal SET court_order_no = 'x', court_order_hash = repeat('c', 64),"
         " court_order_by = decided_by", "ck_withdrawal_another_attaches"),
        ("DELETE FROM withdrawal", "written_once"),
        ("TRUNCATE withdrawal CASCADE", "written_once"),
        ("UPDATE withdrawal_line SET amount = amount + 1", "written_once"),
        ("UPDATE withdrawal_line SET payee_id = payee_id + 1", "written_once"),
        ("DELETE FROM withdrawal_line", "written_once"),
        ("UPDATE withdrawal_order SET line_id = line_id", "written_once"),
        ("UPDATE listed_payee SET account_no = '6222000000000000'", "listing_steps"),
        ("UPDATE listed_payee SET usable_on = usable_on - 1", "listing_steps"),
        ("DELETE FROM listed_payee", "written_once"),
        ("UPDATE construction_contract SET price = price * 2", "listing_steps"),
        ("DELETE FROM construction_contract", "written_once"),
    ],
)  # fmt: skip
def test_what_is_approved_is_not_changed_by_hand(paid_for, statement, constraint, role):
    """核准之后，金额、明细、占用、收款账号、合同价都不得改写、删除，应用角色与库主一样。"""
    refused(paid_for, constraint, statement, role=role)


def test_who_entered_or_reviewed_cannot_approve_in_plain_sql(house, site, people):
    """纯 SQL 也不能由录入人核准，一级复核人不能作二级，录入人不能作一级。"""
    number = site.enter("1000.00")
    refused(house, "ck_withdrawal_two_officers", REVIEW, (people.cashier,))
    values = approval(site, number, "1000.00")
    refused(house, "ck_withdrawal_another_decides", APPROVE, values | {"who": people.cashier})
    run(house, REVIEW, (people.reviewer,))
    refused(house, "ck_withdrawal_another_decides", APPROVE, values)
    run(house, APPROVE, values | {"who": people.second})


def test_more_than_is_payable_is_not_approved_in_plain_sql(house, site):
    """两件合计超过可拨额：第二件纯 SQL 也核准不了；占用与金额不符、挪用别件凭证的也不行。"""
    first, second = site.enter("300000.00"), site.enter("300000.00")
    values = approval(site, first, "300000.00")
    refused(house, "withdrawal_follows_ledger", APPROVE, values | {"entry": held(site, second, "300000.00")})
    refused(house, "withdrawal_stands", APPROVE, values)


def test_the_second_that_does_not_fit_is_refused_by_the_database(house, site):
    """先核准的占住额度，后一件的占用凭证虽已记账，数据库仍不许核准。"""
    site.approved("300000.00")
    number = site.enter("100000.00")
    building = chart.building_key(site.estate.buildings["1"])
    site.estate.take(chart.GENERAL_FUNDS, "0.01", debit_key=building)
    refused(house, "withdrawal_stands", APPROVE, approval(site, number, "100000.00"))


def test_the_hold_is_exactly_what_is_asked(house, site):
    """占用须恰为核准的一般资金，少一分也不行；没有凭证不行。"""
    number = site.enter("1000.00")
    values = approval(site, number, "1000.00")
    less = {"held": 99999, "law": values["law"]}
    refused(house, "withdrawal_stands", APPROVE, values | less | {"held": 0, "entry": None})
    refused(house, "withdrawal_follows_ledger", APPROVE, values | less)
    refused(house, "withdrawal_follows_ledger", APPROVE, values | {"entry": None})


def test_splitting_needs_its_second_level_in_plain_sql(house, people):
    """拆分：第二笔 0.99 倍限额起，纯 SQL 也须两级；伪造放宽的规定也没用。"""
    site = funded(site_of(house, people), general="30000000.00")
    site.approved("4950000.00")
    number = site.enter("4950000.00", who=people.issuer)
    values = approval(site, number, "4950000.00")
    refused(house, "withdrawal_stands", APPROVE, values)
    forged = json.loads(values["law"])
    forged["provisions"]["withdrawal_second_level"]["value"] = 99999
    refused(house, "withdrawal_stands", APPROVE, values | {"law": json.dumps(forged)})
    refused(house, "withdrawal_stands", APPROVE, values | {"law": "{}"})
    run(house, REVIEW + " WHERE id = 2", (people.second,))
    run(house, APPROVE, values)


def test_takeover_needs_its_second_level_in_plain_sql(house, site, people):
    """接管之后纯 SQL 也不能一级核准，接管前一级核准的也签不出。"""
    before, number = site.approved("1.00"), site.enter("1000.00")
    order = takeovers.Order(site.estate.account_no, "交住建发〔2026〕9号", "停工", file_hash("接管"))
    made = site.estate.do(lambda s: takeovers.enter(s, order, officer_id=people.clerk))
    site.estate.do(lambda s: takeovers.decide(s, site.estate.account_no, made, officer_id=people.reviewer))
    refused(house, "withdrawal_stands", APPROVE, approval(site, number, "1000.00"))
    assert by_hand(site, before) == "withdrawal_order_stands"


ORDERS = [
    ({}, None),
    ({"who": "reviewer"}, "withdrawal_order_stands"),
    ({"amount": "999.99"}, "withdrawal_order_stands"),
    ({"payee": Payee("众亚实业有限公司", BUILDER_ACCOUNT, "工商银行交口支行")}, "withdrawal_order_stands"),
    ({"payee": Payee(BUILDER, "6222021410000000000", "工商银行交口支行")}, "withdrawal_order_stands"),
    ({"tied": False}, "withdrawal_behind_order"),
]


@pytest.mark.parametrize(("changed", "constraint"), ORDERS)
def test_an_order_says_what_its_line_says(site, changed, constraint):
    """拨付指令须有用款明细，金额、收款人、账号与白名单一致，签发人不是核准人；如实的照收，一笔只签一次。"""
    number = site.approved("1000.00")
    assert by_hand(site, number, **changed) == constraint
    if constraint is None:
        assert by_hand(site, number) == "withdrawal_order_stands"


def test_an_application_not_approved_has_no_order(site):
    """未核准、已撤销的用款，直接写库也签不出指令。"""
    assert by_hand(site, site.enter("1000.00")) == "withdrawal_order_stands"


def test_under_a_hold_or_short_of_money_nothing_is_ordered_by_hand(site):
    """冻结之后没有附决定、款项被冲走之后，直接写库也签不出；附了决定的可以。"""
    number = site.approved("300000.00")
    site.estate.move(chart.MEMO_CONTRA, chart.JUDICIAL_HOLD, "100000.01", key="hold:0")
    assert by_hand(site, number) == "withdrawal_order_stands"
    site.estate.do(lambda s: s.execute(text(
        "UPDATE withdrawal SET court_order_no = 'x', court_order_hash = repeat('c', 64), court_order_by = :w"
    ), {"w": site.people.third}))  # fmt: skip
    building = chart.building_key(site.estate.buildings["1"])
    site.approved("100000.00", court_order_no="y", court_order_hash=file_hash("另一决定"))
    site.estate.take(chart.GENERAL_FUNDS, "0.01", debit_key=building)
    assert by_hand(site, number) == "withdrawal_order_stands"
    site.estate.put("1", "0.01", chart.GENERAL_FUNDS)
    assert by_hand(site, number) is None


def by_hand(site, number, *, who="issuer", amount="", payee=None, tied=True):
    """Order the first line without the room's own judgement; what PostgreSQL refused it by."""
    one = row(
        site.estate, "SELECT w.id, w.building_id, l.id AS line, l.amount FROM withdrawal w"
        " JOIN withdrawal_line l ON l.withdrawal_id = w.id WHERE w.withdrawal_no = :n", n=number,
    )  # fmt: skip
    asked = Yuan(amount) if amount else Yuan.from_fen(one.amount)
    key, book = chart.building_key(one.building_id), site.estate.book_id

    def unit(session):
        def transfers(in_transit):
            hold = account_of(session, book, chart.WITHDRAWAL_HOLD, key=f"{key}:withdrawal:{one.id}")
            general = account_of(session, book, chart.GENERAL_FUNDS, key=key)
            found = [Transfer(general, in_transit, asked)]
            if balance(session, hold) >= asked:
                found.append(Transfer(hold, account_of(session, book, chart.MEMO_CONTRA), asked))
            return found

        order = Order(
            InstructionKind.WITHDRAWAL, site.estate.account_id, asked,
            payee or Payee(BUILDER, BUILDER_ACCOUNT, "工商银行交口支行"), "进度款", chart.INSTRUCT_PAYMENT,
            transfers, chart.GENERAL_FUNDS, key, building_id=one.building_id,
        )  # fmt: skip
        made = issue(session, order, site.estate.house.settings, officer_id=getattr(site.people, who))
        if tied:
            ids = {"order": made.id, "line": one.line}
            session.execute(text("INSERT INTO withdrawal_order VALUES (:order, :line)"), ids)

    try:
        site.estate.do(unit)
    except DBAPIError as error:
        return error.orig.diag.constraint_name
    return None


def line(site, number, **changed):
    invoice = new_number("FP")
    said = {"payee": site.builder, "purpose": "construction", "amount": 100, "invoice": invoice,
            "file": file_hash(invoice), "number": number}  # fmt: skip
    return LINE.format(**said | changed)


def test_a_line_pays_the_listed_for_what_they_do(house, site, people):
    """明细：白名单外、他户、用途与账户不符、超合同价、用过的发票或文件、事后补加，都不收。"""
    used = site.line("1000.00")
    number = site.enter(used)
    refused(house, "withdrawal_line_stands", line(site, number, purpose="wages"))
    refused(house, "withdrawal_line_stands", line(site, number, payee=site.wages))
    refused(house, "withdrawal_within_contract", line(site, number, amount=9000000001))
    refused(house, "invoice_once", line(site, number, invoice=used.invoice_no))
    refused(house, "invoice_once", line(site, number, file=used.invoice_hash))
    refused(house, "withdrawal_whole", line(site, number))
    other = site_of(house, people, price="1.00")
    refused(house, "payee_of_project", line(site, number, payee=other.builder))
    run(house, "UPDATE listed_payee SET status = 'retired', retired_by = 1, reason = 'x' WHERE id = %s",
        (site.builder,))  # fmt: skip
    refused(house, "withdrawal_line_stands", line(site, number))


PAYEE = """
INSERT INTO listed_payee (account_id, contract_id, kind, name, account_no, bank_name, file_hash, status,
                          entered_by)
SELECT account_id, id, '{kind}', '{name}', '{account_no}', '工行', '{file}', 'entered', {who}
  FROM construction_contract
"""
LIST = """
UPDATE listed_payee SET status = 'listed', decided_by = %s, decided_at = now(),
       usable_on = (now() AT TIME ZONE 'Asia/Shanghai')::date + %s WHERE status = 'entered'
"""


@pytest.mark.parametrize(
    ("changed", "who", "days", "constraint"),
    [
        ({}, "reviewer", 3, None),
        ({}, "cashier", 3, "ck_listed_payee_two_officers"),
        ({}, "reviewer", 0, "payee_stands"),
        ({"name": "众亚实业有限公司"}, "reviewer", 3, "payee_stands"),
        ({"name": "测试置业有限公司"}, "reviewer", 3, "payee_stands"),
        ({"kind": "wages", "name": "众亚实业农民工工资专户"}, "reviewer", 3, "payee_stands"),
        ({"kind": "wages", "name": f"{BUILDER}工资专户"}, "reviewer", 3, None),
        ({"account_no": "self"}, "reviewer", 3, "payee_stands"),
    ],
)
def test_the_whitelist_stands_in_plain_sql(house, site, people, changed, who, days, constraint):
    """白名单：一人不能自录自核，不能当日可付，只列承包人与其工资专户，不列开发企业与监管账户。"""
    said = {"kind": "contractor", "name": BUILDER, "account_no": "6222000099998888",
            "file": file_hash("户"), "who": people.cashier} | changed  # fmt: skip
    if said["account_no"] == "self":
        said["account_no"] = site.estate.account_no
    run(house, PAYEE.format(**said))
    values = (getattr(people, who), days)
    if constraint is None:
        return run(house, LIST, values)
    return refused(house, constraint, LIST, values)


FORCED = {
    "entered": "reviewed_by = NULL, reviewed_at = NULL, decided_by = NULL, decided_at = NULL, held = NULL,"
    " key_amount = NULL, levels = NULL, law = NULL, hold_entry_id = NULL, issued_by = NULL,"
    " revoked_by = NULL, revoke_entry_id = NULL, reason = NULL",
    "reviewed": "reviewed_by = {second}, reviewed_at = now()",
    "approved": "{approved}", "uncovered": "{approved}", "issued": "{approved}, issued_by = {issuer}",
    "rejected": "decided_by = {reviewer}, decided_at = now(), reason = 'x'",
    "revoked": "{approved}, revoked_by = {second}, reason = 'x', revoke_entry_id = {entry}",
    "closed": "{approved}, issued_by = {issuer}, revoked_by = {second}, reason = 'x'",
}
APPROVED = (
    "decided_by = {reviewer}, decided_at = now(), held = amount, key_amount = 0, levels = '[]', law = '{{}}',"
    " hold_entry_id = {entry}"
)


def test_every_illegal_step_of_a_withdrawal_is_refused(house, site, people):
    """用款状态表之外的每一步，数据库都不许；先由超级用户布置每种现状，再逐一尝试。"""
    number = site.enter("1000.00")
    known = vars(people) | {"entry": held(site, number, "1000.00")}
    illegal = [pair for pair in product(WithdrawalStatus, repeat=2) if pair not in STEPS]
    for before, to in illegal:
        values = FORCED[before].format(**known, approved=APPROVED.format(**known))
        set_up(house, f"UPDATE withdrawal SET {FORCED['entered']}, status = 'entered'")
        set_up(house, f"UPDATE withdrawal SET {values}, status = '{before}'")
        refused(house, "withdrawal_steps", "UPDATE withdrawal SET status = %s", (to.value,), "owner")


@pytest.mark.parametrize("table", ["construction_contract", "listed_payee"])
def test_every_illegal_step_of_a_listing_is_refused(house, site, people, table):
    """施工合同与收款人的登记，状态表之外的每一步都不许，也不能一进来就有效。"""
    states = {
        "entered": "decided_by = NULL, decided_at = NULL, retired_by = NULL, reason = NULL",
        "listed": f"decided_by = {people.reviewer}, decided_at = now(), retired_by = NULL, reason = NULL",
        "rejected": f"decided_by = {people.reviewer}, decided_at = now(), retired_by = NULL, reason = 'x'",
        "retired": f"decided_by = {people.reviewer}, decided_at = now(), retired_by = 1, reason = 'x'",
    }
    for before, to in product(ListingStatus, repeat=2):
        if (before, to) in LISTING_STEPS:
            continue
        set_up(house, f"UPDATE {table} SET {states[before]}, status = '{before}' WHERE id = 1")
        statement = f"UPDATE {table} SET status = %s WHERE id = 1"
        if before is to:
            statement = statement.replace("SET status", "SET entered_by = entered_by + 1, status")
        refused(house, "listing_steps", statement, (to.value,), "owner")
    new = json.dumps({"id": 99, "status": "listed", "file_hash": file_hash("另一份")})
    copy = f"INSERT INTO {table} SELECT (jsonb_populate_record(t, '{new}')).* FROM {table} t LIMIT 1"
    refused(house, "listing_steps", copy, role="owner")


def set_up(house, statement):
    with house.connect("superuser") as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(statement)
