"""A town over HTTP: a bank, the filing system and the platform at their doors,
one project under supervision."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from flask.testing import FlaskClient

from config.clock import bureau_day, now
from tests.conftest import settle
from tests.desk import bearer
from tests.estate import Estate, build, officers

_numbers = itertools.count(1)
BANK = "ABC"


@dataclass(slots=True)
class Town:
    """What the stories are told with (一座小城)."""

    client: FlaskClient
    estate: Estate
    tokens: dict[str, dict[str, str]]
    sold: int = field(default=0)

    def call(self, who: str, method: str, path: str, body: Any = None) -> Any:
        """One request of one outside system; the answer with its JSON."""
        return self.client.open(f"/api/v1{path}", method=method, json=body, headers=self.tokens[who])

    def draft(
        self, *payments: tuple[str, str, int, str], unit: int | None = None, **changed: Any
    ) -> dict[str, Any]:
        """Draft a contract: payments as (kind, amount, days until due, source)."""
        unit = self.sold if unit is None else unit
        self.sold = max(self.sold, unit + 1)
        payments = payments or (("down", "350000.00", 0, "own"), ("loan", "650000.00", 30, "loan"))
        total = sum(int(amount.replace(".", "")) for _, amount, _, _ in payments)
        body = {
            "project_no": self.estate.project_no, "unit_code": self.estate.unit_codes[unit],
            "price": f"{total // 100}.{total % 100:02d}",
            "buyers": [{"name": "田秀英", "id_type": "resident", "id_no": "11010519491231002X"}],
            "payments": [
                {"payment_kind": kind, "amount": amount, "source": source,
                 "due_on": (bureau_day() + timedelta(days=days)).isoformat()}
                for kind, amount, days, source in payments
            ],
            **changed,
        }  # fmt: skip
        contract_no = f"HT{next(_numbers):08d}"
        answer = self.call("filing", "PUT", f"/contracts/{contract_no}", body)
        assert answer.status_code == 201, answer.text
        return {**body, **answer.json, "contract_no": contract_no}

    def deposit(self, amount: str, notice_no: str | None, serial: str = "", **changed: Any) -> dict[str, Any]:
        """A deposit as the bank would report it (入账报文)."""
        return {
            "bank_serial": serial or f"B{next(_numbers):010d}", "account_no": self.estate.account_no,
            "amount": amount, "value_date": bureau_day().isoformat(), "booked_at": now().isoformat(),
            "notice_no": notice_no, "payer_name": "田秀英", "payer_account": "6217000010001234567",
            "channel": "pos", "memo": None, **changed,
        }  # fmt: skip

    def pay(self, amount: str, notice_no: str | None, **changed: Any) -> dict[str, Any]:
        """Money comes in; the bank's answer."""
        answer = self.call("bank", "POST", "/deposits", self.deposit(amount, notice_no, **changed))
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json
        return found

    def check(self, contract: dict[str, Any], **changed: Any) -> dict[str, Any]:
        """May this contract be filed?"""
        body = {
            "request_id": f"WQ{next(_numbers):08d}", "contract_no": contract["contract_no"],
            "unit_code": contract["unit_code"], "price": contract["price"], **changed,
        }  # fmt: skip
        answer = self.call("filing", "POST", "/deposit-checks", body)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json
        return found

    def file(self, contract: dict[str, Any], check_no: str) -> Any:
        """File it on a PASS."""
        body = {
            "filing_no": f"BA{next(_numbers):08d}",
            "check_no": check_no,
            "filed_on": bureau_day().isoformat(),
        }
        return self.call("filing", "POST", f"/contracts/{contract['contract_no']}/filing", body)

    def take_back(self, receipt: dict[str, Any], serial: str = "", **changed: Any) -> Any:
        """The bank reverses its own error."""
        body = {
            "bank_serial": serial or f"R{next(_numbers):010d}", "amount": receipt["amount"],
            "value_date": bureau_day().isoformat(), "reason": "柜员误记", **changed,
        }  # fmt: skip
        return self.call("bank", "POST", f"/deposits/{receipt['receipt_no']}/reversals", body)

    def contract(self, contract: dict[str, Any]) -> dict[str, Any]:
        """The contract as the filing system reads it."""
        found: dict[str, Any] = self.call("filing", "GET", f"/contracts/{contract['contract_no']}").json
        return found

    def events(self, who: str) -> list[tuple[str, str]]:
        """What one system is told, as (type, subject)."""
        settle(self.estate.house.database)
        answer = self.call(who, "GET", "/events?limit=200").json
        return [(event["type"], event["subject"]) for event in answer["items"]]


def settled(**built: Any) -> Callable[[Any, Any], SimpleNamespace]:
    """What builds the scene of a town (小城的场景)."""

    def scene_of(house: Any, app: Any) -> SimpleNamespace:
        return SimpleNamespace(town=found(house, app.test_client(), **built))

    return scene_of


def found(house: Any, client: FlaskClient, **built: Any) -> Town:
    """A town with one active project (建一座小城)."""
    estate = build(house, officers(house, "liuli", "wangyi"), bank_code=BANK, **built)
    tokens = {
        "bank": bearer(house.database, "bank-abc", "bank", bank_code=BANK),
        "other-bank": bearer(house.database, "bank-ccb", "bank", bank_code="CCB"),
        "filing": bearer(house.database, "filing", "filing"),
        "platform": bearer(house.database, "platform", "platform"),
        "registration": bearer(house.database, "registration", "registration"),
    }
    return Town(client, estate, tokens)
