"""What waits on the demo's first day: a contractor that may be paid, work for every officer (演示待办)."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256

from sqlalchemy import create_engine, text

from config.settings import Settings
from escrow.rehearsal.county import Site
from escrow.rehearsal.desk import Desk, links_of
from escrow.rehearsal.wires import Unexpected

BUILDER, BUILDER_NO = "山西交口宏基建筑工程有限公司", "91140105MA0HXYT18X"
ENGINEER, ENGINEER_NO = "吕梁诚信工程监理有限公司", "91141182MA0GDKF29J"
# The doors leave no way around the waiting days of a new payee, nor does PostgreSQL but for the owner of its
# tables: in the demo alone they are counted as over, so that the first day has somebody to pay.
_AGE = (
    "ALTER TABLE listed_payee DISABLE TRIGGER USER",
    "UPDATE listed_payee SET entered_at = entered_at - interval '10 days',"
    " decided_at = decided_at - interval '10 days', usable_on = current_date - 3 WHERE status = 'listed'",
    "ALTER TABLE listed_payee ENABLE TRIGGER USER",
)


@dataclass(frozen=True, slots=True)
class Works:
    """One project under construction, and who may be asked to a desk (在建项目)."""

    site: Site
    today: date
    desk: Callable[[str], Desk]

    @property
    def account(self) -> str:
        return f"/withdrawals/accounts/{self.site.account_no}"

    def node(self, building_no: str, *, approved: bool) -> None:
        """The next node of a building with its papers; approved by another officer, or left waiting."""
        page = f"/projects/{self.site.project_no}/buildings/{building_no}"
        register = self.desk("register1")
        [entry] = [link for link in links_of(register.get(page).text) if link.endswith("/nodes/new")]
        claim = register.fill(entry, "/nodes", self._papers(building_no))
        if approved:
            told = {"site_checked_on": self.today.isoformat()}
            self.desk("reviewer1").fill(claim, "/approval", told)

    def _papers(self, building_no: str) -> dict[str, str]:
        developer = self.site.body["developer"]
        firms = {
            "declaration": (developer["name"], developer["developer_id"], "赵开明"),
            "contractor": (BUILDER, BUILDER_NO, "钱大勇"), "engineer": (ENGINEER, ENGINEER_NO, "孙立群"),
        }  # fmt: skip
        seen, told = (self.today - timedelta(days=2)).isoformat(), dict[str, str]()
        for name in (*firms, "photo1", "acceptance"):
            told[f"{name}-file_hash"], told[f"{name}-dated_on"] = self._hash(f"{name} {building_no}"), seen
        for name, (firm, number, signer) in firms.items():
            told |= {f"{name}-firm": firm, f"{name}-firm_no": number, f"{name}-signer": signer}
        return told | {"photo1-note": f"{building_no} 幢东南角", "acceptance-note": f"结验 {building_no} 号"}

    def contractor(self, settings: Settings) -> None:
        """A construction contract and its contractor, each by two officers, the waiting days over."""
        cashier, reviewer = self.desk("cashier1"), self.desk("reviewer1")
        contract = {
            "contract_no": f"SG{self.site.project_no}", "contractor": BUILDER, "price": "3800000.00",
            "signed_on": (self.today - timedelta(days=60)).isoformat(), "file_hash": self._hash("施工合同"),
        }  # fmt: skip
        cashier.fill(self.account, "/contracts", contract)
        reviewer.fill(self.account, "/decision", {"decision": "confirm"})
        self.payee("6222600810001234567")
        reviewer.fill(self.account, "/decision", {"decision": "confirm"})
        engine = create_engine(settings.owner_url)
        with engine.begin() as owner:
            for statement in _AGE:
                owner.execute(text(statement))
        engine.dispose()

    def payee(self, account_no: str) -> None:
        """The contractor's account, entered and left for another officer."""
        told = {
            "contract_id": self._option("contract_id"), "kind": "contractor", "name": BUILDER,
            "account_no": account_no, "bank_name": "工商银行交口支行", "file_hash": self._hash(account_no),
        }  # fmt: skip
        self.desk("cashier1").fill(self.account, "/payees", told)

    def withdrawal(self, building_no: str, amount: str) -> None:
        """An application for money, entered and left for another officer."""
        told = {
            "building_no": building_no, "channel": "general", "application_no": f"YK{building_no}-1 号",
            "applied_on": self.today.isoformat(), "file_hash": self._hash(f"用款 {building_no}"),
            "line1-payee_id": self._option("line1-payee_id", "/new"), "line1-purpose": "construction",
            "line1-amount": amount, "line1-progress": "0.4", "line1-invoice_no": f"{time.time_ns():020d}",
            "line1-invoice_hash": self._hash("发票"),
        }  # fmt: skip
        self.desk("cashier1").fill(f"{self.account}/new", "/new", told)

    def guarantee(self, building_no: str, amount: str) -> None:
        """A bank's guarantee, entered and left for another officer."""
        told = {
            "building_no": building_no, "guarantee_no": f"BH{self.site.project_no}", "issuer": "建设银行吕梁分行",
            "amount": amount, "valid_until": (self.today + timedelta(days=360)).isoformat(),
            "file_hash": self._hash("保函"),
        }  # fmt: skip
        self.desk("register1").fill(f"/accounts/{self.site.account_no}/measures", "/guarantees", told)

    def refund(self, contract_no: str) -> None:
        """Everything a cancelled contract was paid, asked back and left for another officer."""
        page = f"/refunds/contracts/{contract_no}"
        found = self.desk("cashier1").get(page)
        rows = re.findall(r"<td>(RZ\d+)</td>.*?([\d,]+\.\d\d)</span></td>\s*</tr>", found.text, re.S)
        told = {f"{receipt_no}-amount": left.replace(",", "") for receipt_no, left in rows if left != "0.00"}
        if not told:
            raise Unexpected("合同没有可退的入账", found)
        paper = {
            "application_no": f"TS{contract_no}", "applied_on": self.today.isoformat(),
            "file_hash": self._hash("退款"),
        }  # fmt: skip
        self.desk("cashier1").fill(page, page, told | paper)

    def _option(self, name: str, onward: str = "") -> str:
        found = self.desk("cashier1").get(self.account + onward)
        listed = re.search(rf'<select[^>]*name="{name}".*?value="(\d+)"', found.text, re.S)
        if listed is None:
            raise Unexpected(f"没有可选的 {name}", found)
        return listed[1]

    def _hash(self, said: str) -> str:
        return sha256(f"{self.site.project_no} {said}".encode()).hexdigest()
