"""维修资金使用：两户已备案、一户未售；公示、表决、核准、预付、验收、结算，钱只凭银行答复走，分文对得上。"""

from types import SimpleNamespace
from typing import Any

from config.clock import bureau_day
from tests.desk import bearer, staffed
from tests.estate import Estate, file_hash, filed, new_number, pay, sold
from tests.fund.advancing import BANK, DUE, held, paid, unpaid
from tests.fund.fund_estate import FundEstate
from tests.fund.using import over

ACCOUNT = "6222000011112222333"


def scene_of(house: Any, app: Any) -> SimpleNamespace:
    """两户代缴、付款、备案；第三户未售；窗口有人。"""
    roles = {"maker": ["register"], "checker": ["reviewer"], "teller": ["cashier"], "auditor": ["auditor"]}
    made = unpaid(units=3)(house, app)
    for code in made.estate.unit_codes[:2]:
        number, [notice] = sold(made.estate)
        paid(made.fund, (code, DUE))
        pay(made.estate, notice)
        filed(made.estate, number)
    made.desks = staffed(house, app, roles)
    return made


def paper(prefix: str, **more: str) -> dict[str, str]:
    number = new_number("文")
    told = {"issuer": "业主委员会", "document_no": number, "file_hash": file_hash(number), **more}
    return {f"{prefix}-{name}": value for name, value in told.items()}


def application(**changed: str) -> dict[str, str]:
    number = new_number("方案")
    return {
        "kind": "ordinary", "matter": "use", "cause": "", "building": "", "title": "屋面防水翻修",
        "works": "500101", "contractor": "吕梁防水工程公司", "budget": "600.00", "in_warranty": "no",
        "operator_pipes": "no", "by_persons": "no", "manager_duty": "no", "plan_issuer": "业主委员会",
        "plan_no": number, "plan_hash": file_hash(number), "proof_issuer": "", "proof_no": "",
        "proof_hash": "", **changed,
    }  # fmt: skip


def test_a_roof_is_mended_out_of_the_houses_it_covers(
    app: Any, house: Any, estate: Estate, fund: FundEstate, desks: SimpleNamespace
) -> None:
    """六百元三户各二百：未售一户建设单位承担；先预付二百，结算五百七十，再付一百八十，多占用的各退十元。"""
    bank = bearer(house.database, "bank-abc", "bank", bank_code=BANK)
    page = enter(house, estate, desks)
    ballots = "\n".join(f"{code} 同意" for code in estate.unit_codes[:2])
    assert desks.maker.post(f"{page}/publication").status_code == 303
    assert desks.maker.post(f"{page}/votes", paper("vote", ballots=ballots)).status_code == 303
    shown = desks.auditor.get(page).text
    assert "66.66%" in shown and "100.00%" in shown and "建设单位（未售）" in shown
    assert desks.checker.post(f"{page}/approval").status_code == 409
    over(fund, page.rpartition("/")[2])
    assert desks.checker.post(f"{page}/approval").status_code == 303
    assert [fund.stands(one)[:2] for one in fund.ids] == [(DUE, "200.00")] * 2 + [("0.00", "0.00")]

    account = {"account_no": ACCOUNT, "bank": "工商银行交口支行"}
    pays(app, bank, desks, page, paper("advance", amount="200.00", **account), "200.00")
    assert [fund.stands(one)[:2] for one in fund.ids[:2]] == [("6812.00", "100.00")] * 2
    assert desks.maker.post(f"{page}/acceptance", paper("acceptance")).status_code == 303
    final = paper("final", amount="570.00", review_issuer="", review_no="", review_hash="", **account)
    pays(app, bank, desks, page, final, "180.00")
    assert [fund.stands(one)[:2] for one in fund.ids] == [("6722.00", "0.00")] * 2 + [("0.00", "0.00")]
    shown = desks.auditor.get(page).text
    assert "已结算" in shown and "570.00" in shown and "maker 同志" in shown and "checker 同志" in shown
    books = held(fund)
    assert books["100101", ""] == "13444.00" and not [key for code, key in books if code in ("9201", "9299")]
    assert fund.disagreements() == []
    assert "屋面防水翻修" in desks.auditor.get(f"/fund/houses/{estate.unit_codes[0]}/uses").text


def test_what_a_house_cannot_bear_is_not_taken_from_its_neighbour(
    house: Any, estate: Estate, fund: FundEstate, desks: SimpleNamespace
) -> None:
    """保修期内的录入就不受理；分摊超过一户余额的，核准时点名那一户，谁也不占用。"""
    row = community(house)
    refused = desks.maker.post(f"/fund/communities/{row}/uses", application(in_warranty="yes"))
    assert refused.status_code == 409 and "第二十五条" in refused.text
    page = enter(house, estate, desks, budget="20736.03")
    desks.maker.post(f"{page}/publication")
    ballots = "\n".join(f"{code} 同意" for code in estate.unit_codes[:2])
    desks.maker.post(f"{page}/votes", paper("vote", ballots=ballots))
    over(fund, page.rpartition("/")[2])
    refused = desks.checker.post(f"{page}/approval")
    assert refused.status_code == 409 and "house-short" in refused.text
    assert f"{estate.unit_codes[0]}（分摊" in refused.text
    assert [fund.stands(one)[1] for one in fund.ids] == ["0.00"] * 3
    assert desks.checker.post(f"{page}/end", {"reason": "先续筹"}).status_code == 303


def community(house: Any) -> int:
    with house.connect("reader") as connection:
        [(found,)] = connection.execute("SELECT max(id) FROM community").fetchall()
    return int(found)


def enter(house: Any, estate: Estate, desks: SimpleNamespace, **changed: str) -> str:
    answer = desks.maker.post(f"/fund/communities/{community(house)}/uses", application(**changed))
    assert answer.status_code == 303, answer.text
    return str(answer.location)


def pays(app: Any, bank: Any, desks: SimpleNamespace, page: str, form: dict[str, str], amount: str) -> None:
    """录入、复核、签发；银行读到收款人全文，答复已付。"""
    kind = next(iter(form)).partition("-")[0]
    assert desks.maker.post(f"{page}/{kind}", form).status_code == 303
    last = desks.checker.get(page).text.rpartition("/confirm")[0].rpartition("/")[2]
    assert desks.checker.post(f"{page}/payments/{last}/confirm").status_code == 303
    number = desks.teller.post(f"{page}/payments/{last}/order").location.rpartition("/")[2]
    client = app.test_client()
    told = client.get(f"/api/v1/instructions/{number}", headers=bank).json
    assert (told["payee_name"], told["payee_account"], told["amount"]) == ("吕梁防水工程公司", ACCOUNT, amount)
    said = {
        "outcome": "paid", "bank_serial": new_number("B"), "amount": amount, "payee_account": ACCOUNT,
        "value_date": bureau_day().isoformat(), "reason": None,
    }  # fmt: skip
    assert client.post(f"/api/v1/instructions/{number}/results", json=said, headers=bank).status_code == 201
