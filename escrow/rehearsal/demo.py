"""Demo data of a first start (演示数据): a project in each state of life, played through the doors and pages."""

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from flask import Flask

from config.clock import bureau_day
from config.database import Database
from escrow.doors import database, settings
from escrow.rehearsal.announcing import make_up_years
from escrow.rehearsal.banking import CREDENTIALS, send_statements
from escrow.rehearsal.county import County, Course, Run, Site, Size, imagine
from escrow.rehearsal.courses import play
from escrow.rehearsal.desk import Desk, accept_supervision
from escrow.rehearsal.funding import FUND_BANK, build_houses
from escrow.rehearsal.hiring import BANKS, admit_clients, clients_work, hire_officers
from escrow.rehearsal.outgoing import Works
from escrow.rehearsal.story import Cast, expect
from escrow.rehearsal.tally import Tally
from escrow.rehearsal.wires import InsideWire, System, Timings, Unexpected

# Three for sale, one waiting for officers, one in the middle of things, one registered, one released.
SIZE = Size("141130", 7, 196)


def load(app: Flask, folder: Path) -> Iterator[str]:
    """Load the demo and write its credentials last; nothing where they are there and work (装入)."""
    path = folder / CREDENTIALS
    if _loaded(database(), path):
        sent = send_statements(database(), settings())
        yield f"演示数据已经装入，凭据在 {path}" + (f"；演示银行补报对账单 {sent} 份" if sent else "")
        return
    with database().begin() as session:
        told = {"clients": admit_clients(session), "officers": hire_officers(session, settings())}
    if made_up := make_up_years(database(), settings().region):
        yield f"{'、'.join(map(str, made_up))} 年的放假安排是演示自拟的，并非通知"
    stage = Stage(app, told)
    yield from stage.play()
    # Handed over anew: a code the demo has used would be refused to its owner, and its sessions end.
    with database().begin() as session:
        told["officers"] = hire_officers(session, settings())
    _write(path, told)
    yield f"演示数据已装入，凭据在 {path}"


def _loaded(house: Database, path: Path) -> bool:
    try:
        clients = json.loads(path.read_text())["clients"]
    except (OSError, ValueError, KeyError):
        return False
    with house.read() as session:
        return clients_work(session, clients)


def _write(path: Path, told: dict[str, Any]) -> None:
    """Whole or not at all, and for this user alone."""
    draft = path.with_suffix(".part")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(told, file, ensure_ascii=False, indent=2)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)


def _building(site: Site, building_no: str) -> list[dict[str, Any]]:
    return next(one["units"] for one in site.body["buildings"] if one["building_no"] == building_no)


@dataclass(slots=True)
class Stage:
    """The demo county and everybody who acts in it (演示现场)."""

    app: Flask
    told: dict[str, Any]
    county: County = field(init=False)
    systems: dict[str, System] = field(init=False)
    desks: dict[str, Desk] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.county = imagine(SIZE, 1, Run(int(time.time()), bureau_day(), tuple(BANKS)))
        self.systems = {
            name: System(InsideWire(self.app), one["client_id"], one["client_secret"], Timings())
            for name, one in self.told["clients"].items()
        }

    def play(self) -> Iterator[str]:
        """Each state of life in turn (逐个阶段)."""
        *for_sale, waiting, lively, registered, released = self.county.sites
        for site in self.county.sites:
            self.put(site)
        yield f"已报送 {len(self.county.sites)} 个项目与监管协议"
        for site in [*for_sale, lively, registered, released]:
            accept_supervision([self.desk("register1"), self.desk("reviewer1")], site.project_no)
        for site in self.county.sites:
            build_houses(self.desk("register1"), self.desk("reviewer1"), site)
        yield f"已开立维修资金专户（{BANKS[FUND_BANK]}），{len(self.county.sites)} 个小区已建账"
        yield f"在售 {len(for_sale)} 个，待受理 1 个（{waiting.project_no}）"
        self.sell(lively, set(Course), 16)
        yield f"有草拟、备案、风险合同与待认领款：{lively.project_no}"
        yield self.begin_works(lively)
        for site in (registered, released):
            self.sell(site, {Course.PLAIN}, 5)
            self.register(site)
        self.hand_over(registered)
        yield f"已首次登记，可申请解除监管：{registered.project_no}；一户已登记给买受人，又转让一次"
        self.release(released)
        yield f"已解除监管：{released.project_no}"

    def put(self, site: Site) -> None:
        """The platform sends the project and proposes its supervision."""
        path = f"/projects/{site.project_no}"
        expect(self.systems["platform"].ask("PUT", path, site.body), {201}, "报送项目")
        expect(self.systems["platform"].ask("PUT", f"{path}/supervision", site.agreement), {201}, "报送监管协议")

    def sell(self, site: Site, courses: set[Course], most: int) -> None:
        """So many contracts, one of each case first."""
        ours = [deal for deal in self.county.deals if deal.site is site]
        banks = {code: self.systems[f"bank-{code}"] for code in BANKS}
        cast = Cast(self.systems["filing"], banks, Tally())
        waiting = sorted(courses, key=list(Course).index)
        for place, deal in enumerate(ours[:most]):
            play(replace(deal, course=waiting[place % len(waiting)]), cast)

    def begin_works(self, site: Site) -> str:
        """Money may go out on the first day, and every officer finds something waiting."""
        works = Works(site, self.county.run.today, self.desk)
        works.node("1", approved=True)
        works.contractor(settings())
        works.withdrawal("1", "50000.00")
        works.node("4", approved=False)
        works.payee("6222600810007654321")
        works.guarantee("2", "100000.00")
        works.refund(self.cancel(site, "2"))
        self.cancel(site, "4")
        return f"有节点、收款人、用款、退款、保函等待办；一户收款人的等待期按已满计（仅演示）：{site.project_no}"

    def cancel(self, site: Site, building_no: str) -> str:
        """The filing system withdraws a contract that was filed and paid; its number."""
        ours = {unit["unit_code"] for unit in _building(site, building_no)}
        told = {
            "event_id": f"ZX{site.project_no}-{building_no}", "reason": "双方协商解除",
            "cancelled_on": self.county.run.today.isoformat(),
        }  # fmt: skip
        for deal in self.county.deals:
            path = f"/contracts/{deal.contract_no}"
            if deal.site is site and deal.body["unit_code"] in ours:
                found = self.systems["filing"].ask("GET", path)
                if found.status == 200 and found.json["status"] == "filed":
                    expect(self.systems["filing"].ask("POST", f"{path}/cancellation", told), {201}, "注销合同")
                    return deal.contract_no
        raise RuntimeError(f"演示项目 {building_no} 幢没有已备案的合同")

    def register(self, site: Site) -> None:
        """The authority has registered every building."""
        told = {
            "event_id": f"DJ{site.project_no}",
            "project_no": site.project_no, "building_nos": site.building_nos,
            "certificate_no": f"晋（{self.county.run.today.year}）交口县不动产权第{site.project_no}号",
            "registered_on": self.county.run.today.isoformat(),
        }  # fmt: skip
        expect(self.systems["registration"].ask("POST", "/first-registrations", told), {201}, "首次登记")

    def hand_over(self, site: Site) -> None:
        """A home is registered to its buyer, and then sold on: the fund's owner follows."""
        ours, other = (deal.body for deal in [one for one in self.county.deals if one.site is site][:2])
        for place, body in enumerate((ours, other), 1):
            told = {
                "event_id": f"ZY{site.project_no}-{place}", "unit_code": ours["unit_code"],
                "certificate_no": f"晋（{self.county.run.today.year}）交口县不动产权第{site.project_no}-{place}号",
                "registered_on": self.county.run.today.isoformat(),
                "owner_name": body["buyers"][0]["name"], "owner_id_no": body["buyers"][0]["id_no"],
            }  # fmt: skip
            expect(self.systems["registration"].ask("POST", "/transfer-registrations", told), {201}, "转移登记")

    def release(self, site: Site) -> None:
        """The developer's paper, entered by one officer and approved by another."""
        paper = {
            "application_no": f"JS{site.project_no}", "applied_on": self.county.run.today.isoformat(),
            "file_hash": sha256(site.project_no.encode()).hexdigest(),
        }  # fmt: skip
        account = f"/releases/accounts/{site.account_no}"
        application = self.desk("release1").fill(account, "/applications", paper)
        self.desk("reviewer2").fill(application, "/approve")
        found = self.systems["platform"].ask("GET", f"/projects/{site.project_no}")
        if found.json["status"] != "released":
            raise Unexpected("解除监管", found)

    def desk(self, username: str) -> Desk:
        """An officer, signed in once."""
        if username not in self.desks:
            one = next(officer for officer in self.told["officers"] if officer["username"] == username)
            desk = Desk(InsideWire(self.app), username, one["password"], one["totp_secret"])
            desk.sign_in()
            self.desks[username] = desk
        return self.desks[username]
