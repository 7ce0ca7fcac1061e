"""维修资金使用网页：录入、公示、表决、核准各看得见分母与依据；填错所填仍在；公示可打印。"""

import re
from types import SimpleNamespace

from tests.desk import hire, sit_down, staffed
from tests.estate import file_hash, new_number
from tests.fund.use_paying import ACCOUNT, answered, paid
from tests.fund.using import approved, over, town


def scene_of(house, app):
    """A town, one home of it unsold, and people at their desks (小区与窗口)."""
    roles = {"maker": ["register"], "checker": ["reviewer"], "auditor": ["auditor"]}
    return SimpleNamespace(desks=staffed(house, app, roles), estate=town(house, unsold=1))


def filled(**changed):
    number = new_number("FA")
    return {
        "kind": "ordinary", "matter": "use", "cause": "", "building": "", "title": "屋面防水", "works": "500101",
        "contractor": "吕梁防水工程公司", "budget": "90.00", "in_warranty": "no", "operator_pipes": "no",
        "by_persons": "no", "manager_duty": "no", "plan_issuer": "业主委员会", "plan_no": number,
        "plan_hash": file_hash(number), "proof_issuer": "", "proof_no": "", "proof_hash": "", **changed,
    }  # fmt: skip


def paper(prefix, **more):
    number = new_number("YJ")
    said = {"issuer": "业主委员会", "document_no": number, "file_hash": file_hash(number), **more}
    return {f"{prefix}-{name}": value for name, value in said.items()}


def entered(desks, estate, **changed):
    answer = desks.maker.post(f"/fund/communities/{estate.community_id}/uses", filled(**changed))
    assert answer.status_code == 303, answer.text
    return answer.location


def test_the_four_questions_are_asked_one_by_one(desks, estate):
    """四项逐项提问，不预选；不答的退回，答“是”的依第二十五条不予受理，所填仍在。"""
    page = f"/fund/communities/{estate.community_id}/uses"
    blank = desks.maker.get(f"{page}/new").text
    assert len(re.findall(r'<option[^>]*value="">请选择', blank)) >= 4 and "逐项回答" in blank
    unanswered = desks.maker.post(page, filled(by_persons=""))
    assert unanswered.status_code == 422 and "请选择一项" in unanswered.text
    said = filled(in_warranty="yes", manager_duty="yes")
    refused = desks.maker.post(page, said)
    assert refused.status_code == 409 and refused.text.count("第165号）第二十五条") == 2
    assert f'value="{said["plan_no"]}"' in refused.text
    lacking = desks.maker.post(page, filled(kind="emergency"))
    assert lacking.status_code == 422 and "应急使用须填写" in lacking.text
    assert desks.auditor.get(f"{page}/new").status_code == 403


def test_from_entering_to_holding_on_the_pages(desks, estate):
    """录入、公示、登记表决、核准：每一步在页面上，表决写明分子分母与依据，经手人与时间都在。"""
    page = entered(desks, estate)
    shown = desks.auditor.get(page).text
    assert "建设单位（未售）" in shown and "30.00" in shown and "尚不能核准" in shown
    assert desks.maker.post(f"{page}/publication").status_code == 303
    ballots = "\n".join(f"{code} {said}" for code, said in zip(estate.codes, ("同意", "同意", "反对"), strict=True))
    half = desks.maker.post(f"{page}/votes", paper("vote", ballots=ballots.replace("反对", "不知道")))
    assert half.status_code == 422 and "第 3 行" in half.text and estate.codes[0] in half.text
    assert desks.maker.post(f"{page}/votes", paper("vote", ballots=ballots)).status_code == 303
    shown = desks.auditor.get(page).text
    for said in ("参与表决业主人数", "范围内全部业主人数", "66.66%", "民法典 第二百七十八条", "公示须满 7 日"):
        assert said in shown
    assert desks.checker.post(f"{page}/approval").status_code == 409
    over(estate, page.rpartition("/")[2])
    assert "核准，逐户占用" not in desks.maker.get(page).text
    assert "核准，逐户占用" in desks.checker.get(page).text
    assert desks.checker.post(f"{page}/approval").status_code == 303
    shown = desks.auditor.get(page).text
    assert all(said in shown for said in ("maker 同志", "checker 同志", "维修资金使用核准", "所据规定"))
    assert [estate.stands(one)[1] for one in estate.ids] == ["30.00", "30.00", "0.00"]


def test_it_is_found_from_the_house_and_the_community(desks, estate):
    """小区页、分户账页点得到；一户看得到自己分摊了多少；清单可只看一个小区。"""
    page = entered(desks, estate)
    number = page.rpartition("/")[2]
    only = f"/fund/uses?community={estate.community_id}"
    assert only in desks.auditor.get(f"/fund/communities/{estate.community_id}").text
    for path in ("/fund/uses", only, f"/fund/houses/{estate.codes[0]}/uses"):
        assert number in desks.auditor.get(path).text
    assert f"/fund/houses/{estate.codes[0]}/uses" in desks.auditor.get(f"/fund/houses/{estate.codes[0]}").text
    assert desks.auditor.get("/fund/uses/SY0").status_code == 404


def test_the_notice_is_a_paper(desks, estate):
    """公示可打印为 PDF，打印留痕。"""
    page = entered(desks, estate)
    answer = desks.auditor.get(f"{page}/notice")
    assert answer.mimetype == "application/pdf" and answer.data.startswith(b"%PDF")
    assert "打印维修资金使用公示" in desks.auditor.get(page).text


def test_an_emergency_on_the_pages(desks, estate):
    """应急：附鉴定录入，另一人核准，列表标待备案，备案之后写明日期；退回的说明理由。"""
    number = new_number("JD")
    proof = {"proof_issuer": "电梯检验所", "proof_no": number, "proof_hash": file_hash(number)}
    page = entered(desks, estate, kind="emergency", cause="elevator", **proof)
    assert "公示</button>" not in desks.maker.get(page).text
    assert "维修资金使用待核准" in desks.checker.get("/").text
    assert desks.checker.post(f"{page}/approval").status_code == 303
    assert "待备案" in desks.auditor.get("/fund/uses").text
    assert "应急使用待事后备案" in desks.maker.get("/").text
    assert desks.maker.post(f"{page}/filing", paper("filing", document_no="")).status_code == 422
    assert desks.maker.post(f"{page}/filing", paper("filing")).status_code == 303
    assert "待备案" not in desks.auditor.get(page).text
    other = entered(desks, estate)
    assert desks.checker.post(f"{other}/end", {"reason": ""}).status_code == 422
    assert desks.checker.post(f"{other}/end", {"reason": "预算重复"}).status_code == 303
    shown = desks.auditor.get(other).text
    assert "预算重复" in shown and re.search(r"checker 同志，\d{4}", shown)


def test_from_the_advance_to_the_final_account_on_the_pages(desks, estate, app, house):
    """预付、验收、结算：录入人不见复核，复核人不见签发；指令付讫之后页面写明凭证与结算总价；填错所填仍在。"""
    use_no = approved(estate, "90.00")
    page = f"/fund/uses/{use_no}"
    said = paper("advance", amount="30.01", account_no=ACCOUNT, bank="工商银行交口支行")
    over_ratio = desks.maker.post(f"{page}/advance", said)
    assert over_ratio.status_code == 409 and "30.00" in over_ratio.text and 'value="30.01"' in over_ratio.text
    said["advance-amount"] = "30.00"
    assert desks.maker.post(f"{page}/advance", said).status_code == 303
    assert "复核预付" not in desks.maker.get(page).text and "复核预付 30.00 元" in desks.checker.get(page).text
    [confirm] = re.findall(r"/fund/uses/\w+/payments/\d+/confirm", desks.checker.get(page).text)
    assert desks.checker.post(confirm).status_code == 303
    assert "签发付款指令" not in desks.checker.get(page).text
    assert "维修资金使用付款待复核" not in desks.checker.get("/").text
    cashier = sit_down(app, hire(house.database, house.settings, "teller", "cashier"))
    assert "维修资金使用付款待签发" in cashier.get("/").text
    [order] = re.findall(r"/fund/uses/\w+/payments/\d+/order", cashier.get(page).text)
    issued = cashier.post(order)
    assert issued.status_code == 303 and "维修工程预付" in cashier.get(issued.location).text
    answered(estate, issued.location.rpartition("/")[2], "paid", "30.00")
    assert desks.maker.post(f"{page}/acceptance", paper("acceptance")).status_code == 303
    final = paper(
        "final", amount="90.00", account_no=ACCOUNT, bank="工商银行交口支行", review_issuer="造价所",
        review_no="", review_hash="",
    )  # fmt: skip
    half = desks.maker.post(f"{page}/final", final)
    assert half.status_code == 422 and "一并填写" in half.text
    assert desks.maker.post(f"{page}/final", final | {"final-review_issuer": ""}).status_code == 303
    [reject] = re.findall(r"/fund/uses/\w+/payments/\d+/reject", desks.checker.get(page).text)
    assert desks.checker.post(reject, {"reason": "发票不符"}).status_code == 303
    shown = desks.auditor.get(page).text
    assert all(said in shown for said in ("发票不符", "验收报告", "维修工程验收", "***2333"))
    paid(estate, use_no, "final", "90.00", "30.00")
    shown = desks.auditor.get(page).text
    assert "已结算" in shown and "结算总价" in shown
    assert [estate.stands(one)[:2] for one in estate.ids] == [("970.00", "0.00")] * 2 + [("1000.00", "0.00")]


def test_an_end_on_the_pages(desks, estate):
    """终止：录入、另一人复核，占用解除，页面说明理由。"""
    page = f"/fund/uses/{approved(estate, '90.00')}"
    assert desks.maker.post(f"{page}/ending", paper("end")).status_code == 303
    [confirm] = re.findall(r"/fund/uses/\w+/payments/\d+/confirm", desks.checker.get(page).text)
    assert desks.checker.post(confirm).status_code == 303
    assert "未施工，终止" in desks.auditor.get(page).text
    assert [estate.stands(one)[1] for one in estate.ids] == ["0.00"] * 3
