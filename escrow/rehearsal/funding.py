"""The maintenance fund of a rehearsed county: its account, its houses, the developer's advance (维修资金演练)."""

import re

from config.clock import bureau_day
from escrow.rehearsal.county import Deal, Site
from escrow.rehearsal.desk import Desk
from escrow.rehearsal.hiring import BANKS
from escrow.rehearsal.wires import Answer, System, Unexpected

# The demo's fund account is kept at the first of its banks (维修资金专户所在银行).
FUND_BANK = next(iter(BANKS))
DONE = frozenset({200, 201})


def build_houses(maker: Desk, checker: Desk, site: Site) -> None:
    """One officer proposes the site's house accounts, another builds them; the fund account first (建账)."""
    path = f"/fund/projects/{site.project_no}"
    fund_id = _fund_on(maker.get(path))
    if fund_id is None:
        _open_fund(maker, checker, str(site.body["region"]))
        fund_id = _fund_on(maker.get(path))
    batch = maker.fill(path, path, {"fund_id": fund_id})
    checker.fill(batch, "/confirm")


def advance(deal: Deal, filing: System, bank: System) -> None:
    """The developer pays for the buyer what its home's first deposit lacks (代缴). Raises Unexpected."""
    code = deal.body["unit_code"]
    asked = filing.ask("GET", f"/maintenance/units/{code}", door="/maintenance/units/{}")
    if asked.status != 200:
        raise Unexpected("查询维修资金", asked)
    unit = asked.json
    if unit["fund_account_no"] is None or unit["advanced"] == unit["due"]:
        return
    credit = {
        "bank_serial": f"W{deal.contract_no}", "account_no": unit["fund_account_no"], "amount": unit["due"],
        "value_date": bureau_day().isoformat(), "payer_kind": "developer",
        "payer_name": deal.site.body["developer"]["name"],
        "units": [{"unit_code": code, "amount": unit["due"]}],
    }  # fmt: skip
    found = bank.ask("POST", "/maintenance/deposits", credit)
    if found.status not in DONE or found.json["matched"] != unit["due"]:
        raise Unexpected("代缴维修资金", found)


def _fund_on(page: Answer) -> str | None:
    """The fund account that the page offers, of this bank (页面可选的专户)."""
    found = re.search(rf'<option value="(\d+)"[^>]*>[^<]*（{FUND_BANK}）', page.text)
    return found and found.group(1)


def _open_fund(maker: Desk, checker: Desk, region: str) -> None:
    where = maker.fill("/fund", "/fund/accounts", {
        "account_no": f"62229901{region}{FUND_BANK}01", "account_name": "住宅专项维修资金专户",
        "bank_code": FUND_BANK, "region": region, "document_no": f"交财维修〔{bureau_day().year}〕1号",
    })  # fmt: skip
    checker.fill(where, "/open")
