"""A whole county through the doors of a running server (演练)."""

import json
import sys
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config.clock import bureau_day
from escrow.rehearsal.county import County, Deal, Run, Site, Size, imagine
from escrow.rehearsal.courses import play
from escrow.rehearsal.desk import Desk, accept_supervision
from escrow.rehearsal.funding import build_houses
from escrow.rehearsal.story import Cast, expect
from escrow.rehearsal.table import table
from escrow.rehearsal.tally import Tally, yuan
from escrow.rehearsal.watching import peak_memory, verified
from escrow.rehearsal.wires import HttpWire, System, Timings, Unexpected

BANK = "bank-"
MOST_FAULTS = 200


@dataclass(frozen=True, slots=True)
class Stage:
    """Which server, with whose credentials, at how many windows (演练环境)."""

    url: str
    credentials: Path
    clients: int


@dataclass(slots=True)
class Performance:
    """One county being played (一场演练)."""

    stage: Stage
    county: County
    told: dict[str, Any] = field(repr=False)
    timings: Timings = field(default_factory=Timings)
    tally: Tally = field(default_factory=Tally)
    seats: threading.local = field(default_factory=threading.local)
    wires: list[HttpWire] = field(default_factory=list)
    seated: dict[str, Desk] = field(default_factory=dict)

    def wire(self) -> HttpWire:
        """A new connection, closed with all others at the end."""
        self.wires.append(HttpWire(self.stage.url))
        return self.wires[-1]

    def hang_up(self) -> None:
        """Every connection is closed."""
        for wire in self.wires:
            wire.hang_up()

    def systems(self) -> dict[str, System]:
        """This window's own connections, one to each outside system."""
        found: dict[str, System] | None = getattr(self.seats, "systems", None)
        if found is None:
            found = {
                name: System(self.wire(), one["client_id"], one["client_secret"], self.timings)
                for name, one in self.told["clients"].items()
            }
            self.seats.systems = found
        return found

    def run(self, memory: list[dict[str, int]]) -> float:
        """Act by act; how long the contracts took, in seconds."""
        self.together(self.county.sites, "报送项目", self.put)
        self.accept()
        begun = time.monotonic()
        self.together(self.county.deals, "合同、缴存、核对、备案", self.sell)
        seconds = time.monotonic() - begun
        memory.append(peak_memory(self.stage.url))
        self.compare()
        return seconds

    def put(self, site: Site) -> None:
        """The platform sends a project and proposes its supervision."""
        platform = self.systems()["platform"]
        path = f"/projects/{site.project_no}"
        expect(platform.ask("PUT", path, site.body, door="/projects/{}"), {201}, "报送项目")
        found = platform.ask("PUT", f"{path}/supervision", site.agreement, door="/projects/{}/supervision")
        expect(found, {201}, "报送监管协议")

    def accept(self) -> None:
        """Two officers accept every agreement on the pages."""
        desks = self.desks()
        for site in self.each(self.county.sites, "受理监管协议"):
            accept_supervision(desks, site.project_no)
        maker, checker = (self.desk(role) for role in ("register", "reviewer"))
        for site in self.each(self.county.sites, "维修资金建账"):
            build_houses(maker, checker, site)

    def desks(self) -> list[Desk]:
        """The first two officers who may accept, signed in."""
        able = [one for one in self.told["officers"] if {"register", "reviewer"} & set(one["roles"])][:2]
        if len(able) < 2:
            raise ValueError("凭据文件中没有两名可以受理监管协议的人员")
        return [self.sit_down(one) for one in able]

    def desk(self, role: str) -> Desk:
        """The last officer of this role, signed in."""
        able = [one for one in self.told["officers"] if role in one["roles"]]
        if not able:
            raise ValueError(f"凭据文件中没有岗位 {role} 的人员")
        return self.sit_down(able[-1])

    def sit_down(self, one: dict[str, Any]) -> Desk:
        """An officer signed in, once."""
        if one["username"] not in self.seated:
            desk = Desk(self.wire(), one["username"], one["password"], one["totp_secret"])
            desk.sign_in()
            self.seated[one["username"]] = desk
        return self.seated[one["username"]]

    def sell(self, deal: Deal) -> None:
        """One contract, whatever comes; what is not as it should be is noted and the county goes on."""
        systems = self.systems()
        banks = {name.removeprefix(BANK): one for name, one in systems.items() if name.startswith(BANK)}
        try:
            play(deal, Cast(systems["filing"], banks, self.tally))
        except (Unexpected, RuntimeError, OSError, KeyError, ValueError) as wrong:
            self.tally.fault(f"{deal.contract_no}（{deal.course}）：{wrong}")

    def compare(self) -> None:
        """What the books say of every account against what was sent."""
        for site in self.each(self.county.sites, "核对账户余额"):
            bank = self.systems()[BANK + site.bank]
            asked = bank.ask("GET", f"/accounts/{site.account_no}", door="/accounts/{}")
            found = expect(asked, {200}, "查询账户")
            for name, sent in (("book_balance", self.tally.held), ("unmatched", self.tally.unmatched)):
                booked, due = found.json[name], yuan(sent[site.account_no])
                if booked != due:
                    self.tally.fault(f"账户 {site.account_no} {name} 账面 {booked}，报送 {due}")

    def each(self, things: list[Any], what: str) -> Iterable[Any]:
        """One after another, with a bar."""
        for place, thing in enumerate(things, start=1):
            yield thing
            bar(what, place, len(things))

    def together(self, things: list[Any], what: str, act: Callable[[Any], None]) -> None:
        """All of them at as many windows as asked, with a bar; stops when far too much has gone wrong."""
        done, lock = 0, threading.Lock()

        def one(thing: Any) -> None:
            nonlocal done
            if len(self.tally.faults) < MOST_FAULTS:
                act(thing)
            with lock:
                done += 1
                bar(what, done, len(things))

        with ThreadPoolExecutor(self.stage.clients) as windows:
            for outcome in [windows.submit(one, thing) for thing in things]:
                outcome.result()


def perform(size: Size, seed: int, stage: Stage) -> bool:
    """Play a county and print what came of it; whether everything was as it should be (演练)."""
    told = json.loads(stage.credentials.read_text())
    banks = tuple(name.removeprefix(BANK) for name in told["clients"] if name.startswith(BANK))
    county = imagine(size, seed, Run(int(time.time()), bureau_day(), banks))
    performance = Performance(stage, county, told)
    memory = [peak_memory(stage.url)]
    try:
        seconds = performance.run(memory)
    finally:
        performance.hang_up()
    checks_pass, lines = verified()
    for line in [*table(performance.tally, performance.timings, seconds, memory), *lines]:
        sys.stdout.write(line + "\n")
    return checks_pass and not performance.tally.faults


def bar(what: str, done: int, total: int) -> None:
    """A progress bar on stderr; on a terminal in place, elsewhere at every tenth (进度)."""
    if sys.stderr.isatty():
        full = 30 * done // total
        shown = "█" * full + "·" * (30 - full)
        sys.stderr.write(f"\r{what} [{shown}] {done}/{total}" + "\n" * (done == total))
    elif done == total or done * 10 // total != (done - 1) * 10 // total:
        sys.stderr.write(f"{what} {done}/{total}\n")
    sys.stderr.flush()
