"""A check over the real books: what it says, what it keeps, and how its PASS is signed."""

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
from joserfc import jws
from joserfc.jwk import KeySet

from config.clock import bureau_day
from escrow.contracts.cancelling import CancellationAsked, cancel
from escrow.errors import KeyReused, NotFound
from escrow.filing.actions import find_check
from escrow.filing.rules import Decision
from escrow.filing.signing import public_keys
from ledger.money import Yuan
from tests.estate import build, counter, officers
from tests.sale import DOWN, EARNEST, LOAN, Sale, codes, row, sell, together

FEN = Yuan("0.01")


def scene_of(house, app):
    """A contract whose earnest money and down payment are due (定金与首付已到期的合同)."""
    estate = build(house, officers(house, "clerk", "reviewer"))
    return SimpleNamespace(estate=estate, sale=sell(estate))


@pytest.fixture
def sale(scene) -> Sale:
    return scene.sale


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
    assert answer.body["maintenance"] == {"required": "6912.00", "advanced": "6912.00"}
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


def test_the_loan_is_not_asked_for_before_its_day(sale):
    """贷款未到约定日，不影响备案。"""
    sale.pay_due()

    assert sale.check().body["required"] == str(EARNEST + DOWN)
    assert sale.drafted.price == EARNEST + DOWN + LOAN
