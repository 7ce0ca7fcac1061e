"""一户的后来：期初导入、换了业主、改了面积、续交、灭失返还，每一步两人办理，页面写明谁在何时依何规定。"""

import re
from types import SimpleNamespace
from typing import Any

import pytest

from config.clock import bureau_day
from escrow.fund_orders import results
from escrow.instructions.results import Result
from escrow.instructions.rules import Outcome
from ledger.money import Yuan
from tests.desk import hire, sit_down
from tests.estate import file_hash, new_number
from tests.fund.fund_estate import empty_fund
from tests.fund.opening_files import booked, handed, home
from tests.sale import row

TODAY = bureau_day().isoformat()


@pytest.fixture
def desks(app: Any, house: Any) -> SimpleNamespace:
    roles = {"maker": ["cashier"], "both": ["cashier", "reviewer"], "checker": ["reviewer"],
             "auditor": ["auditor"]}  # fmt: skip
    hired = {name: hire(house.database, house.settings, name, *held) for name, held in roles.items()}
    return SimpleNamespace(**{name: sit_down(app, who) for name, who in hired.items()})


def paper(**said: str) -> dict[str, str]:
    number = new_number("依据")
    return {"document_no": number, "file_hash": file_hash(number), "note": "材料齐全", **said}


def test_the_later_life_of_a_house(house: Any, desks: SimpleNamespace) -> None:
    """余额不足的列单、出通知、续交；业主变更余额不动；面积更正；灭失返还由指令付出，户销。"""
    fund = empty_fund(house)
    rows = [{**home(0), "余额": "1000.00"}, home(1)]
    booked(fund, handed(fund, rows))
    code = rows[0]["不动产单元代码"]
    page = f"/fund/houses/{code}/changes"
    community = row(fund, "SELECT id FROM community").id

    low = desks.auditor.get(f"/fund/communities/{community}/renewals").text
    assert code in low and "5,912.00" in low and rows[1]["不动产单元代码"] not in low and "王**" in low
    notice = desks.auditor.get(f"/fund/houses/{code}/renewal-notice.pdf")
    assert notice.status_code == 200 and notice.data.startswith(b"%PDF")
    well = desks.auditor.get(f"/fund/houses/{rows[1]['不动产单元代码']}/renewal-notice.pdf")
    assert well.status_code == 409 and "不发续交通知" in well.text

    def done(kind: str, said: dict[str, str], who: Any = desks.maker) -> str:
        made = who.post(f"{page}/{kind}", said)
        assert made.status_code == 303, made.text
        address = r"/fund/houses/\w+/changes/(?:owner/)?\d+/confirm"
        assert not re.findall(address, who.get(page).text)
        [confirm] = re.findall(address, desks.checker.get(page).text)
        answer = desks.checker.post(confirm)
        assert answer.status_code == 303, answer.text
        return confirm

    wrong = desks.maker.post(f"{page}/renewal", paper(amount="5912.01", value_date=TODAY, document_no="XJ1"))
    assert wrong.status_code == 409 and "至多 5912.00 元" in wrong.text and 'value="5912.01"' in wrong.text
    done("renewal", paper(amount="5912.00", value_date=TODAY, document_no="XJ1"), desks.both)
    done("owner", {
        "kind": "transfer", "from_day": TODAY, "certificate_no": "晋（2026）交口县不动产权第1号",
        "names": "李建国；赵敏", "numbers": "11010519491231002X；G1234567",
        "file_hash": file_hash("转移登记"),
    })  # fmt: skip
    bad = desks.maker.post(f"{page}/owner", {
        "kind": "transfer", "from_day": TODAY, "certificate_no": "2号", "names": "李建国",
        "numbers": "110105194912310021", "file_hash": file_hash("又一件"),
    })  # fmt: skip
    assert bad.status_code == 422 and "身份证号校验不通过" in bad.text
    done("area", paper(area="98.00"))
    shown = desks.auditor.get(page).text
    for words in ("李**", "110105********002X", "98.00 平方米", "续交", "checker 同志", "both 同志", "本局设定"):
        assert words in shown
    assert "李建国" not in shown and "11010519491231002X" not in shown
    assert fund.disagreements() == []

    done("lost", paper(
        seller_amount="0.00", owner_name="李建国", owner_account="6217000099990000001", owner_bank="建设银行",
    ))  # fmt: skip
    [order] = re.findall(rf"{page}/\d+/orders/owner", desks.maker.get(page).text)
    assert desks.auditor.post(order).status_code == 403
    assert desks.maker.post(order).status_code == 303
    number = row(fund, "SELECT instruction_no FROM fund_order").instruction_no
    told = Result(number, Outcome.PAID, "F1", Yuan("6912.00"), "6217000099990000001", bureau_day())
    fund.do(lambda s: results.record(s, told, fund.bank_code, house.settings))
    shown = desks.auditor.get(page).text
    assert number in shown and "已销户" in shown and fund.disagreements() == []
    assert desks.maker.post(f"{page}/area", paper(area="99.00")).status_code == 409
    assert "灭失返还" in desks.auditor.get("/fund/changes").text
    assert desks.auditor.post(f"{page}/area", paper(area="99.00")).status_code == 403
