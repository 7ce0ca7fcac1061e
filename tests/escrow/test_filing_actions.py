"""A check and a filing over the real books: what is kept, what is judged again, and who waits for whom."""

import json
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
import time_machine
from joserfc import jws
from joserfc.jwk import KeySet
from sqlalchemy import text

from config.clock import BUREAU, bureau_day
from escrow.contracts.cancelling import CancellationAsked, cancel
from escrow.errors import KeyReused, NotFound, Refused
from escrow.filing.actions import find_check
from escrow.filing.rules import Decision
from escrow.filing.signing import public_keys
from ledger.money import Yuan
from tests.estate import Estate, build, counter, new_number, officers
from tests.sale import DOWN, EARNEST, LOAN, sell, usual_plan

FEN = Yuan("0.01")


@pytest.fixture
def estate(house) -> Estate:
    """One project under supervision, nothing sold yet."""
    return build(house, officers(house, "clerk", "reviewer"))


@pytest.fixture
def sale(estate):
    """A contract whose earnest money and down payment are due."""
    return sell(estate)


def codes(answer):
    return [reason["code"] for reason in answer.body["reasons"]]


def refused(sale, check_no, **changes):
    with pytest.raises(Refused) as found:
        sale.file(check_no, **changes)
    assert all(refusal.citation for refusal in found.value.refusals)
    return [refusal.code for refusal in found.value.refusals]


def row(estate, query, **values):
    with estate.house.database.read() as session:
        return session.execute(text(query), values).one()


# --- the answer (核对答复) ---


def test_money_in_the_account_passes_to_the_fen(sale):
    """到期款项少一分不通过，补上一分即通过，答复写明应存、已存、差额。"""
    sale.pay(0, EARNEST)
    sale.pay(1, DOWN - FEN)
    short = sale.check()
    sale.pay(1, FEN)
    enough = sale.check()

    assert (short.decision, codes(short)) == (Decision.FAIL, ["deposit-short"])
    assert (short.body["required"], short.body["deposited"], short.body["shortfall"]) == (
        "350000.00", "349999.99", "0.01",
    )  # fmt: skip
    assert (enough.decision, codes(enough)) == (Decision.PASS, [])
    assert (enough.body["deposited"], enough.body["shortfall"]) == ("350000.00", "0.00")


def test_an_unpaid_contract_has_no_deposit(sale):
    """一分未存，理由是未存入，并引“五是”。"""
    answer = sale.check()

    assert answer.body["reasons"] == [
        {
            "code": "deposit-missing",
            "message": "监管专户内没有此合同已确认的入账",
            "citation": "晋房屋登记清零办发〔2023〕3号 第三部分“五是”",
        }
    ]
    assert answer.body["law"] == {"region": "141130", "in_force_from": "2023-04-13"}
    assert answer.body["maintenance"] == {"required": "6912.00", "advanced": "0.00"}
    assert (answer.body["signature"], answer.body["valid_until"]) == (None, None)


def test_only_what_is_matched_counts(estate, sale):
    """存多了，多出的待认领，不计入本合同；存到别人通知书上的更不计入。"""
    other = sell(estate, unit=1)
    sale.pay(0, EARNEST + DOWN)
    other.pay(1, DOWN)

    answer = sale.check()

    assert answer.body["deposited"] == "50000.00"
    assert [receipt["amount"] for receipt in answer.body["receipts"]] == ["50000.00"]


def test_a_reversed_receipt_no_longer_counts(sale):
    """冲正之后，这笔入账不再计入。"""
    first, _ = sale.pay_due()
    before = sale.check()
    sale.reverse(first)
    after = sale.check()

    assert before.decision is Decision.PASS
    assert codes(after) == ["deposit-short"]
    assert after.body["deposited"] == str(DOWN)


def test_a_cancelled_contract_is_unknown_and_its_money_stays_named(estate, sale):
    """合同注销后不能备案，已存的钱仍列明。"""
    sale.pay_due()
    event = CancellationAsked("E1", bureau_day(), "买受人退房")
    estate.do(lambda session: cancel(session, sale.contract_no, event))

    answer = sale.check()

    assert codes(answer) == ["contract-unknown"]
    assert (answer.body["required"], answer.body["deposited"]) == ("350000.00", "350000.00")


def test_the_same_request_brings_the_same_words(sale):
    """同一请求再问，答复一字不差，哪怕钱已到账；内容不同则拒绝；别的系统用同一编号不受影响。"""
    asked = sale.asked()
    first = sale.check(asked)
    sale.pay_due()

    assert sale.check(asked) == first
    with pytest.raises(KeyReused):
        sale.check(replace(asked, price=asked.price + FEN))
    assert sale.check(asked, caller="officer:clerk").decision is Decision.PASS


def test_racing_repeats_of_one_request_get_one_answer(sale):
    """二十路同时重发同一请求，只有一个答复、一条记录。"""
    sale.pay_due()
    asked = sale.asked()
    found = together([lambda: sale.check(asked).text] * 20)

    assert len(set(found)) == 1
    assert row(sale.estate, "SELECT count(*) AS n FROM deposit_check").n == 1


def test_an_answer_is_read_again_word_for_word(estate, sale):
    """凭核对编号可以再读，一字不差；没有的编号查不到。"""
    answer = sale.check()

    assert estate.do(lambda session: find_check(session, answer.check_no)) == answer
    with pytest.raises(NotFound):
        estate.do(lambda session: find_check(session, "HD0"))


def test_a_strangers_question_is_judged_by_the_county_in_its_unit_code(sale):
    """合同、房屋都不在册的，按房屋编码的区划适用规定：郏县的不引山西文件。"""
    asked = sale.asked(contract_no="HT-0", unit_code="410425001001GB00012F00030102")
    answer = sale.check(asked)

    assert codes(answer) == ["contract-unknown", "deposit-missing", "unit-not-in-permit"]
    assert answer.body["law"]["region"] == "410425"
    assert answer.body["reasons"][1]["citation"] == "本局设定（待补依据）"


def test_every_check_leaves_the_law_it_was_judged_by_and_one_audit_row(sale):
    """每次核对都存下所据规定和一条留痕，日后可以重新核对。"""
    answer = sale.check()
    kept = row(sale.estate, "SELECT law FROM deposit_check WHERE check_no = :no", no=answer.check_no).law
    trail = row(sale.estate, "SELECT count(*) AS n FROM audit_event WHERE subject = :no", no=answer.check_no)

    assert kept["presale_funds"]["region"] == "141130"
    assert kept["presale_funds"]["provisions"]["deposit_due_within_days"]["value"] == 0
    assert kept["maintenance_fund"]["provisions"]["standard"]["value"]["frame"] == "72.00"
    assert trail.n == 1


# --- the signature (签名) ---


def test_anyone_can_verify_a_pass_offline(house, sale):
    """只凭公钥即可离线验证；改动答复任何一处都验不过。"""
    sale.pay_due()
    body = sale.check().body
    with counter(house).app_context():
        keys = KeySet.import_key_set(public_keys())

    token = jws.deserialize_compact(body["signature"], keys, algorithms=["ES256"])
    unsigned = {name: value for name, value in body.items() if name != "signature"}

    assert json.loads(token.payload) == unsigned
    assert token.headers()["kid"] == keys.keys[0].kid
    assert not any("d" in key for key in public_keys_of(house))


def public_keys_of(house):
    with counter(house).app_context():
        return public_keys()["keys"]


# --- the filing (备案) ---


@pytest.fixture
def passed(sale):
    """A contract with a living PASS."""
    receipts = sale.pay_due()
    return SimpleNamespace(sale=sale, check_no=sale.check().check_no, receipts=receipts)


def test_a_living_pass_files_the_contract(passed):
    """凭有效通过备案，合同转为已备案。"""
    filed = passed.sale.file(passed.check_no)

    assert (filed["status"], filed["check_no"]) == ("filed", passed.check_no)
    status = row(
        passed.sale.estate, "SELECT status FROM contract WHERE contract_no = :no", no=filed["contract_no"]
    )
    assert status.status == "filed"
    assert codes(passed.sale.check()) == ["unit-already-filed"]


def test_a_pass_is_used_once(passed):
    """同一通过不能备案两次。"""
    passed.sale.file(passed.check_no)

    assert refused(passed.sale, passed.check_no) == ["check-used", "unit-already-filed"]


def test_a_pass_of_another_contract_files_nothing(estate, passed):
    """甲合同的通过，乙合同不能用，哪怕乙的钱也到了。"""
    other = sell(estate, unit=1)
    other.pay_due()

    assert refused(other, passed.check_no) == ["check-other-contract"]
    assert refused(other, "HD0") == ["check-unknown"]


def test_a_failed_check_files_nothing(sale):
    """未通过的核对，即使钱随后到账，也不能凭它备案。"""
    failed = sale.check()
    sale.pay_due()

    assert refused(sale, failed.check_no) == ["check-not-passed"]


def test_a_pass_dies_with_a_new_version(passed):
    """通过之后合同改了，要重新核对。"""
    plan = usual_plan(bureau_day())
    passed.sale.redraft(payments=(*plan[:2], replace(plan[2], due_on=bureau_day() + timedelta(days=60))))

    assert refused(passed.sale, passed.check_no) == ["check-outdated"]


def test_a_pass_dies_with_its_receipt(passed):
    """通过之后钱被冲走，不能备案；重新存入也要重新核对。"""
    passed.sale.reverse(passed.receipts[0])
    assert refused(passed.sale, passed.check_no) == ["receipt-reversed", "deposit-short"]

    passed.sale.pay(0, EARNEST)
    assert refused(passed.sale, passed.check_no) == ["receipt-reversed"]
    assert passed.sale.file(passed.sale.check().check_no)["status"] == "filed"


def test_a_pass_dies_with_the_account(estate, passed):
    """通过之后账户被暂停，不能备案。"""
    with estate.house.connect("owner") as connection:
        connection.execute("UPDATE supervised_account SET status = 'suspended'")

    assert refused(passed.sale, passed.check_no) == ["account-not-active"]


def test_the_filing_day_is_today(passed):
    """备案日写昨天、明天都不行。"""
    for days in (-1, 1):
        assert refused(passed.sale, passed.check_no, filed_on=bureau_day() + timedelta(days=days)) == [
            "filed-on-not-today"
        ]


def test_a_filing_number_serves_one_contract(estate, passed):
    """备案号不能用于两份合同。"""
    number = new_number("BA")
    passed.sale.file(passed.check_no, filing_no=number)
    other = sell(estate, unit=1)
    other.pay_due()

    assert refused(other, other.check().check_no, filing_no=number) == ["filing-no-taken"]


def test_a_pass_dies_at_the_end_of_the_bureau_day(house, estate):
    """北京时间深夜的通过只到当日终了；过了零点，换一天也不能用。"""
    with time_machine.travel(datetime(2026, 11, 21, 23, 50, tzinfo=BUREAU), tick=False):
        sale = sell(estate)
        sale.pay_due()
        late = sale.check()
    assert late.body["valid_until"] == "2026-11-21T23:59:59+08:00"

    with time_machine.travel(datetime(2026, 11, 21, 15, 59, 59, tzinfo=UTC), tick=False):
        assert sale.check().decision is Decision.PASS
    with time_machine.travel(datetime(2026, 11, 22, 0, 0, tzinfo=BUREAU), tick=False):
        assert refused(sale, late.check_no) == ["check-expired"]


def test_what_was_due_tomorrow_is_due_once_tomorrow_comes(house, estate):
    """首付明日到期：今日只要定金，明日就要首付。"""
    day = bureau_day()
    earnest, down, loan = usual_plan(day)
    sale = sell(estate, plan=(earnest, replace(down, due_on=day + timedelta(days=1)), loan))
    sale.pay(0, EARNEST)
    today = sale.check()
    with time_machine.travel(datetime.now(UTC) + timedelta(days=1), tick=False):
        tomorrow = sale.check()

    assert (today.decision, today.body["required"]) == (Decision.PASS, str(EARNEST))
    assert (tomorrow.decision, tomorrow.body["required"]) == (Decision.FAIL, str(EARNEST + DOWN))


# --- races (并发) ---


def together(calls):
    """Start all calls at the same moment; the answers, a refusal as its codes."""
    gate, found = threading.Barrier(len(calls)), [None] * len(calls)

    def run(at, call):
        gate.wait()
        try:
            found[at] = call()
        except Refused as no:
            found[at] = [refusal.code for refusal in no.refusals]
        except NotFound:
            found[at] = "not-found"

    threads = [threading.Thread(target=run, args=(at, call)) for at, call in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


@pytest.mark.parametrize("attempt", range(5))
def test_a_filing_and_a_reversal_never_both_win_unseen(passed, attempt):
    """备案与冲正同时到：先备案的，合同转为有风险；先冲正的，备案被拒。没有第三种结果。"""
    filed, _ = together(
        [lambda: passed.sale.file(passed.check_no), lambda: passed.sale.reverse(passed.receipts[0])]
    )
    status = row(
        passed.sale.estate, "SELECT status FROM contract WHERE contract_no = :no", no=passed.sale.contract_no
    ).status

    if isinstance(filed, dict):
        assert status == "at-risk"
    else:
        assert filed == ["receipt-reversed", "deposit-short"]
        assert status == "drafted"


@pytest.mark.parametrize("attempt", range(3))
def test_twenty_filings_at_once_file_one_contract_once(passed, attempt):
    """二十路同时凭同一通过备案，只成一份。"""
    found = together([lambda: passed.sale.file(passed.check_no)] * 20)

    assert sum(isinstance(one, dict) for one in found) == 1
    assert row(passed.sale.estate, "SELECT count(*) AS n FROM contract_filing").n == 1


def test_one_receipt_never_supports_two_contracts(estate):
    """二十个客户端争用同一笔钱：同一流水往两份合同的通知书上报，又同时核对两份合同，至多一份得以通过。"""
    for _ in range(10):
        first, second = sell(estate, unit=0), sell(estate, unit=1)
        serial = new_number("B")
        plan = (first, second) * 5
        calls = [lambda one=one, serial=serial: one.pay(1, DOWN, serial) for one in plan]
        calls += [lambda one=one: one.check().body for one in plan]
        found = contested(calls)
        receipts = {
            receipt["receipt_no"] for sale in (first, second) for receipt in sale.check().body["receipts"]
        }

        assert len(receipts) == 1
        supported = row(
            estate, "SELECT count(DISTINCT contract_id) AS n FROM receipt_allocation s"
            " JOIN receipt r ON r.id = s.receipt_id WHERE r.bank_serial = :serial", serial=serial,
        )  # fmt: skip
        assert supported.n == 1
        assert sum(one is not None for one in found) >= 1
        for sale in (first, second):
            estate.do(lambda session, no=sale.contract_no: cancel(session, no, away()))


def away():
    return CancellationAsked(new_number("E"), bureau_day(), "测试清场")


def contested(calls):
    """Like together, but a bank serial may be refused by the books or the database as already used."""

    def quiet(call):
        try:
            return call()
        except Exception:
            return None

    return together([lambda call=call: quiet(call) for call in calls])


# --- what PostgreSQL itself refuses (数据库约束) ---


@pytest.mark.parametrize(
    ("attack", "guard"),
    [
        ("INSERT INTO contract_filing (contract_id, contract_version, filing_no, check_id, decision, filed_on)"
         " SELECT c.contract_id, c.contract_version, 'BA-X', c.id, 'fail', current_date FROM deposit_check c"
         " WHERE decision = 'fail' LIMIT 1", "needs_pass"),
        ("INSERT INTO contract_filing (contract_id, contract_version, filing_no, check_id, decision, filed_on)"
         " SELECT c.contract_id, c.contract_version, 'BA-X', c.id, 'pass', (c.valid_until AT TIME ZONE"
         " 'Asia/Shanghai')::date FROM deposit_check c WHERE decision = 'fail' LIMIT 1", "filing"),
        ("INSERT INTO contract_filing (contract_id, contract_version, filing_no, check_id, decision, filed_on)"
         " SELECT c.contract_id, c.contract_version + 1, 'BA-X', c.id, 'pass', (c.valid_until AT TIME ZONE"
         " 'Asia/Shanghai')::date FROM deposit_check c WHERE decision = 'pass'", "filing"),
        ("INSERT INTO contract_filing (contract_id, contract_version, filing_no, check_id, decision, filed_on)"
         " SELECT c.contract_id, c.contract_version, 'BA-X', c.id, 'pass', (c.valid_until AT TIME ZONE"
         " 'Asia/Shanghai')::date + 1 FROM deposit_check c WHERE decision = 'pass'", "filing_stands"),
        ("UPDATE contract SET status = 'filed'", "filed_needs_filing"),
        ("UPDATE deposit_check SET decision = 'pass'", "written"),
        ("DELETE FROM deposit_check_receipt", "written"),
        ("TRUNCATE contract_filing", "written"),
        ("INSERT INTO deposit_check (check_no, contract_no, contract_id, contract_version, decision, required,"
         " deposited, checked_at, valid_until, answer, law) SELECT 'HD-X', contract_no, contract_id,"
         " contract_version, 'pass', required, deposited, checked_at, valid_until, answer, law"
         " FROM deposit_check WHERE decision = 'pass'", "pass_stands_on_receipts"),
        ("INSERT INTO deposit_check (check_no, contract_no, contract_id, contract_version, decision, required,"
         " deposited, checked_at, valid_until, answer, law) SELECT 'HD-X', contract_no, contract_id,"
         " contract_version, 'pass', required, required - 1, checked_at, valid_until, answer, law"
         " FROM deposit_check WHERE decision = 'pass'", "pass_is_whole"),
        ("INSERT INTO deposit_check_receipt (check_id, receipt_id, contract_id, amount)"
         " SELECT c.id, r.id, c.contract_id, 1 FROM deposit_check c, receipt r WHERE c.decision = 'fail'",
         "check_counts_allocation"),
        ("INSERT INTO receipt_allocation (receipt_id, notice_id, contract_id, amount)"
         " SELECT receipt_id, notice_id, contract_id, amount FROM receipt_allocation LIMIT 1", "receipt_id"),
    ],
    ids=["凭未通过备案", "冒充通过备案", "换版本备案", "隔日备案", "直接改已备案", "改结论", "删所列入账", "清空备案",
         "凭空通过", "不足也通过", "虚列入账", "一笔两用"],
)  # fmt: skip
def test_the_database_itself_refuses(estate, passed, attack, guard):
    """绕过程序直接写库，数据库自己也不许。"""
    sell(estate, unit=1).check()
    for role in ("app", "owner"):
        with (
            estate.house.connect(role) as connection,
            pytest.raises(Exception, match=f"{guard}|permission denied"),
        ):
            connection.execute(attack)
            connection.commit()


def test_the_database_refuses_a_filing_whose_receipt_is_reversed(estate, passed):
    """绕过程序备案，所凭入账已冲正，数据库不许；账户暂停的也不许。"""
    attack = (
        "INSERT INTO contract_filing (contract_id, contract_version, filing_no, check_id, decision, filed_on)"
        " SELECT contract_id, contract_version, 'BA-X', id, 'pass', (valid_until AT TIME ZONE"
        " 'Asia/Shanghai')::date FROM deposit_check WHERE decision = 'pass'"
    )
    passed.sale.reverse(passed.receipts[1])
    with estate.house.connect("app") as connection, pytest.raises(Exception, match="reversed"):
        connection.execute(attack)
    with estate.house.connect("owner") as connection:
        connection.execute("UPDATE supervised_account SET status = 'suspended'")
        connection.commit()
        with pytest.raises(Exception, match="filed: a receipt"):
            connection.execute(attack)


def test_the_loan_is_not_asked_for_before_its_day(sale):
    """贷款未到约定日，不影响备案。"""
    sale.pay_due()

    assert sale.check().body["required"] == str(EARNEST + DOWN)
    assert sale.drafted.price == EARNEST + DOWN + LOAN
