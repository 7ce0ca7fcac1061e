"""A county as outsiders and officers see it: valid numbers, supervised projects, contracts (测试用县).

Everything comes in through the doors and the pages; `County(house, app)` costs nothing until it is asked.
"""

import itertools
from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from flask import Flask
from sqlalchemy import select
from stdnum.cn import ric, uscc

from config.clock import bureau_day
from escrow.access.models import Officer
from ledger.money import Yuan
from tests.desk import Seat, bearer, hire, sit_down
from tests.fund.advancing import advance_all
from tests.fund.fund_estate import fund_of

REGION = "141130"
BANK = "ICBC"
_numbers = itertools.count(1)


def valid_uscc(number: int = 1) -> str:
    """A unified social credit code with its check character (统一社会信用代码)."""
    base = f"91{REGION}MA{number:07d}"
    return base + uscc.calc_check_digit(base)


def resident_id(number: int = 1, born: str = "19850312") -> str:
    """A resident ID with its check character (身份证号)."""
    base = f"{REGION}{born}{number % 1000:03d}"
    return base + ric.calc_check_digit(base)


def unit_code_of(parcel: int, building: int, unit: int, *, region: str = REGION) -> str:
    """A 28-character real-estate unit code (不动产单元代码)."""
    return f"{region}{parcel:06d}GB00001F{building:04d}{unit:04d}"


def new_number(prefix: str) -> str:
    """A number nobody used before in this run (业务号)."""
    return f"{prefix}{next(_numbers):08d}"


@dataclass(slots=True)
class Development:
    """A project of the county, and what was sent of it (项目)."""

    project_no: str
    account_no: str
    bank_code: str
    unit_codes: list[str]
    body: dict[str, Any]
    agreement: dict[str, Any]


@dataclass(slots=True)
class Draft:
    """A drafted contract: what was sent, and the notices issued (草拟合同)."""

    contract_no: str
    body: dict[str, Any]
    answer: dict[str, Any]

    @property
    def notices(self) -> list[str]:
        """The numbers of its notices, in the plan's order (通知书号)."""
        return [notice["notice_no"] for notice in self.answer["notices"]]


@dataclass(slots=True)
class County:
    """Outside systems, officers and projects of one house (一个县)."""

    house: Any
    app: Flask
    _tokens: dict[str, dict[str, str]] = field(default_factory=dict)
    _seats: dict[str, Seat] = field(default_factory=dict)

    # --- who calls ---

    def token(self, who: str) -> dict[str, str]:
        """Headers of a client: platform, filing, registration, or bank-<code> (接口调用方)."""
        if who not in self._tokens:
            bank_code = who.removeprefix("bank-") if who.startswith("bank-") else None
            scope = "bank" if bank_code else who
            self._tokens[who] = bearer(self.house.database, who.lower(), scope, bank_code=bank_code)
        return self._tokens[who]

    def call(self, who: str, method: str, path: str, body: Any = None, **kwargs: Any) -> Any:
        """One call at an API door (调用接口)."""
        if body is not None:
            kwargs["json"] = body
        address = f"/api/v1{path}"
        return self.app.test_client().open(address, method=method, headers=self.token(who), **kwargs)

    def put(self, who: str, path: str, body: Any) -> Any:
        """PUT as a client."""
        return self.call(who, "PUT", path, body)

    def post(self, who: str, path: str, body: Any) -> Any:
        """POST as a client."""
        return self.call(who, "POST", path, body)

    def get(self, who: str, path: str) -> Any:
        """GET as a client."""
        return self.call(who, "GET", path)

    def seat(self, username: str, *roles: str) -> Seat:
        """An officer at a browser, hired on first sight; by default a registrar (工作人员)."""
        if username not in self._seats:
            hired = hire(self.house.database, self.house.settings, username, *(roles or ("register",)))
            self._seats[username] = sit_down(self.app, hired)
        return self._seats[username]

    # --- projects ---

    def project(
        self, *, buildings: int = 1, units: int = 3, bank_code: str = BANK, region: str = REGION,
        status: str = "active", advanced: bool = True, **changed: Any,
    ) -> Development:  # fmt: skip
        """A project: `registered`, `proposed` or `active` (登记、报送协议、受理生效)."""
        at = next(_numbers)
        body = self.project_body(at, buildings=buildings, units=units, region=region) | changed
        codes = [unit["unit_code"] for building in body["buildings"] for unit in building["units"]]
        made = Development(
            f"XM{at:08d}", f"622202{at:013d}", bank_code, codes, body, self.agreement_body(at, bank_code)
        )
        answer = self.put("platform", f"/projects/{made.project_no}", body)
        assert answer.status_code == 201, answer.text
        if status in ("proposed", "active"):
            answer = self.put("platform", f"/projects/{made.project_no}/supervision", made.agreement)
            assert answer.status_code == 201, answer.text
        if status == "active":
            for username in ("accepts-one", "accepts-two"):
                answer = self.accept(made, self.seat(username))
                assert answer.status_code == 303, answer.text
            if advanced:
                self.advance(made)
        return made

    def advance(self, project: Development) -> None:
        """Every unit has its house account, and its developer has paid what is due (建账并代缴维修资金)."""
        two = [officer_id(self.house, username) for username in ("accepts-one", "accepts-two")]
        advance_all(fund_of(
            self.house, project.project_no, two, bank_code=project.bank_code, region=project.body["region"]
        ))  # fmt: skip

    def project_body(self, at: int, *, buildings: int, units: int, region: str = REGION) -> dict[str, Any]:
        """What the platform sends of a project (项目报文)."""
        return {
            "name": f"云水苑{at}期", "region": region,
            "developer": {"developer_id": valid_uscc(at), "name": f"云水置业{at}有限公司"},
            "permit": {"permit_no": f"（交）房预售证第{at:08d}号", "issued_on": "2025-09-01"},
            "buildings": [
                {
                    "building_no": str(building), "structure": "highrise", "floors": 18,
                    "units": [
                        {
                            "unit_code": unit_code_of(300_000 + at, building, unit, region=region),
                            "room_no": str(100 + unit), "area": "96.00", "use": "residential",
                        }
                        for unit in range(1, units + 1)
                    ],
                }
                for building in range(1, buildings + 1)
            ],
        }  # fmt: skip

    def agreement_body(self, at: int, bank_code: str = BANK, *, release: Any = ()) -> dict[str, Any]:
        """What the platform proposes as supervision agreement (监管协议报文)."""
        return {
            "agreement_no": f"JG{at:08d}", "bank_code": bank_code, "account_no": f"622202{at:013d}",
            "account_name": f"云水置业{at}有限公司预售资金监管专户", "signed_on": "2025-09-10",
            "clauses": {
                "quota_mode": "floor", "quotas": [{"building_no": "1", "amount": "18000000.00"}],
                "nodes": [{"node": "主体结构封顶", "locked_ratio": "0.40"}],
                "excess_use": "经核准可用于本项目", "release": list(release), "review_days": 3,
            },
        }  # fmt: skip

    def accept(self, project: Development, seat: Seat) -> Any:
        """An officer accepts the version they see on the page (受理监管协议)."""
        page = seat.get(f"/supervision/{project.project_no}").text
        return seat.post(f"/supervision/{project.project_no}/acceptance", {"digest": digest_on(page)})

    # --- contracts ---

    def contract_body(
        self, project: Development, unit: int = 0, *, price: str = "1000000.00", down: str = "350000.00"
    ) -> dict[str, Any]:
        """What the filing system sends of a drafted contract (草拟合同报文)."""
        rest = str(Yuan(price) - Yuan(down))
        today = bureau_day()
        payments = [
            {"payment_kind": "down", "amount": down, "due_on": today.isoformat(), "source": "own"},
            {
                "payment_kind": "loan", "amount": rest, "source": "loan",
                "due_on": (today + timedelta(days=60)).isoformat(),
            },
        ]  # fmt: skip
        return {
            "project_no": project.project_no, "unit_code": project.unit_codes[unit], "price": price,
            "buyers": [
                {"name": "田秀英", "id_type": "resident", "id_no": "11010519491231002X", "phone": "13800001234"}
            ],
            "payments": payments if rest != "0.00" else payments[:1],
        }  # fmt: skip

    def draft(self, project: Development, unit: int = 0, *, contract_no: str = "", **changed: Any) -> Draft:
        """A drafted contract on a unit, by default the first (草拟合同)."""
        plan = {name: changed.pop(name) for name in ("price", "down") if name in changed}
        body = self.contract_body(project, unit, **plan) | changed
        number = contract_no or new_number("HT")
        answer = self.put("filing", f"/contracts/{number}", body)
        assert answer.status_code == 201, answer.text
        return Draft(number, body, answer.json)

    def deposit(self, project: Development, notice_no: str | None, amount: str, **changed: Any) -> Any:
        """The project's bank books a credit (银行入账)."""
        body = {
            "bank_serial": new_number("B"), "account_no": project.account_no, "amount": amount,
            "value_date": bureau_day().isoformat(), "booked_at": f"{bureau_day()}T00:00:01+08:00",
            "notice_no": notice_no, "payer_name": "田秀英", "payer_account": "6217000010001234567",
            "channel": "pos", "memo": "首付款",
        }  # fmt: skip
        return self.post(f"bank-{project.bank_code}", "/deposits", body | changed)


def one_project(house: Any, app: Flask) -> SimpleNamespace:
    """A scene: a county with one active project (一个县，一个项目)."""
    county = County(house, app)
    return SimpleNamespace(county=county, made=county.project())


def officer_id(house: Any, username: str) -> int:
    """An officer's id by the name they sign in with (人员编号)."""
    with house.database.read() as session:
        return int(session.execute(select(Officer.id).where(Officer.username == username)).scalar_one())


def digest_on(page: str) -> str:
    """The digest of what an acceptance form shows (页面所示内容的摘要)."""
    return page.partition('name="digest" value="')[2].partition('"')[0]
