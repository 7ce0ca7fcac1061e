"""A fund account with a community of houses, ready for money (维修资金试验账).

`build_fund(house)` opens everything past the pages: a fund account by two officers, a project in the
register, its community, buildings and house accounts. What the rooms do with it they test themselves.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from config.clock import bureau_day
from escrow.maintenance import chart
from escrow.maintenance.actions import AskedAccount, enter_account, open_fund
from escrow.maintenance.batches import confirm, propose
from escrow.maintenance.books import accounts_of
from escrow.maintenance.chart import Nature
from escrow.maintenance.models import Community, CommunityBuilding, FundAccount, House
from escrow.maintenance.rules import HouseStatus
from escrow.projects.actions import AskedBuilding, AskedProject, AskedUnit
from escrow.projects.actions import register as register_project
from escrow.projects.models import Building, Project, Unit
from escrow.projects.rules import Structure, UnitUse
from ledger.journal import Draft, Entry, post, post_many
from ledger.money import Yuan
from ledger.movements import Movement, Transfer
from tests.estate import USCC, counter, new_number, officers

T = TypeVar("T")
REGION = "141130"
_numbers = itertools.count(1)


@dataclass(slots=True)
class FundEstate:
    """One fund account of a fresh house with its houses (试验用专户)."""

    house: Any
    account_no: str
    officers: list[int]
    fund_id: int = 0
    book_id: int = 0
    community_id: int = 0
    project_no: str = ""
    bank_code: str = ""
    buildings: dict[str, int] = field(default_factory=dict)
    houses: dict[str, int] = field(default_factory=dict)
    natures: dict[int, Nature] = field(default_factory=dict)

    @property
    def codes(self) -> list[str]:
        """The unit codes of its houses, in the order they were built (各户单元代码)."""
        return list(self.houses)

    @property
    def ids(self) -> list[int]:
        """The ids of its houses (各户)."""
        return list(self.houses.values())

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """One transaction as the application, inside the application."""
        with counter(self.house).app_context(), self.house.database.begin() as session:
            yield session

    def do(self, unit: Callable[[Session], T]) -> T:
        """Run a unit of work as a door would."""
        with counter(self.house).app_context():
            return self.house.database.transact(unit)

    def move(
        self, movement: Movement, *lines: tuple[tuple[str, str], tuple[str, str], str],
        on: date | None = None, reference: str = "",
    ) -> Entry:  # fmt: skip
        """Post along a movement of the chart: lines of ((code, key), (code, key), amount) (记一张凭证)."""
        with self.begin() as session:
            held = accounts_of(session, self.book_id, [one for line in lines for one in line[:2]])
            transfers = [Transfer(held[debit], held[credit], Yuan(amount)) for debit, credit, amount in lines]
            return post(
                session, movement, transfers, reference=reference or new_number("T"),
                effective_on=on or bureau_day(),
            )  # fmt: skip

    def advance(self, house_id: int, amount: str, *, on: date | None = None) -> Entry:
        """The developer has paid for a house, its buyer owes it (M1 代缴)."""
        key, nature = chart.house_key(house_id), self.natures[house_id]
        return self.move(
            chart.ADVANCE, ((chart.BANK[nature], ""), (chart.DEPOSITS[nature], key), amount),
            ((chart.CLAIM, key), (chart.CLAIM_CONTRA, ""), amount), on=on,
        )  # fmt: skip

    def deposit(self, house_id: int, amount: str, *, on: date | None = None) -> Entry:
        """The owner has paid (M3 业主交存)."""
        return self.deposits({house_id: amount}, on=on)[0]

    def deposits(self, amounts: dict[int, str], *, on: date | None = None) -> list[Entry]:
        """Many owners have paid, an entry each (批量交存)."""
        with self.begin() as session:
            wanted = [(code, "") for code in chart.BANK.values()]
            wanted += [(chart.DEPOSITS[self.natures[one]], chart.house_key(one)) for one in amounts]
            held = accounts_of(session, self.book_id, wanted)
            return post_many(session, [
                Draft(
                    chart.OWNER_DEPOSIT,
                    [Transfer(
                        held[chart.BANK[self.natures[one]], ""],
                        held[chart.DEPOSITS[self.natures[one]], chart.house_key(one)], Yuan(amount),
                    )],
                    new_number("T"), on or bureau_day(),
                )
                for one, amount in amounts.items()
            ])  # fmt: skip

    def opened(self, day: date) -> None:
        """As if its fund account had been opened so long ago (专户早已开立)."""
        with self.house.connect("superuser") as connection:
            connection.execute("SET session_replication_role = replica")
            connection.execute("UPDATE fund_account SET opened_on = %s WHERE id = %s", (day, self.fund_id))

    def without_papers(self) -> None:
        """From here on money may leave the fund account though no paper says so (撤去出账防线)."""
        with self.house.connect("owner") as connection:
            connection.execute(
                "CREATE OR REPLACE FUNCTION public.fund_outflow_papers(of_entry bigint) RETURNS boolean"
                " LANGUAGE sql STABLE AS 'SELECT true'"
            )
            connection.execute("ALTER TABLE ledger.journal_entry DISABLE TRIGGER entry_by_step")

    def stands(self, house_id: int) -> tuple[str, str, str]:
        """Balance, held and owed of a house (分户余额、占用、待归还)."""
        with self.house.database.read() as session:
            query = text("SELECT balance, held, owed FROM house_balance WHERE house_id = :id")
            row = session.execute(query, {"id": house_id}).one()
        return tuple(str(Yuan.from_fen(fen)) for fen in row)  # type: ignore[return-value]

    def disagreements(self) -> list[tuple[str, str]]:
        """I7: what does not agree between house, building, community and fund (各级不符)."""
        with self.house.database.read() as session:
            return [tuple(row) for row in session.execute(text("SELECT * FROM fund_disagreements()"))]


def build_fund(
    house: Any, *, buildings: int = 2, units: int = 3, area: str = "96.00", region: str = REGION,
    natures: Sequence[Nature] = (), two: list[int] | None = None, bank_code: str = "",
) -> FundEstate:  # fmt: skip
    """A fund account with one community, its houses built (开立专户并建账); natures go round the houses."""
    at = next(_numbers)
    two = two or officers(house, f"maker{at}", f"checker{at}")
    bank = bank_code or f"BK{at}"
    estate = FundEstate(house, f"62229900{at:010d}", two, project_no=f"WX{at:06d}", bank_code=bank)
    asked = AskedAccount(estate.account_no, f"维修资金专户{at}", bank, region, f"专户〔2026〕{at}号")
    estate.fund_id = estate.do(lambda session: enter_account(session, asked, officer_id=two[0]))
    estate.do(lambda session: open_fund(session, estate.fund_id, officer_id=two[1]))
    turn = itertools.cycle(natures or (Nature.COMMODITY,))
    homes = {
        str(b): [(f"{region}{500_000 + at}GB00001F{b:04d}{u:04d}", next(turn)) for u in range(1, units + 1)]
        for b in range(1, buildings + 1)
    }
    asked_project = _register(estate, homes, area, region)
    estate.do(lambda session: register_project(session, asked_project))
    if any(nature is Nature.COMMODITY for here in homes.values() for _, nature in here):
        batch_no = estate.do(lambda session: propose(
            session, estate.project_no, estate.fund_id, "安居苑", officer_id=two[0]))  # fmt: skip
        estate.do(lambda session: confirm(session, batch_no, officer_id=two[1]))
    with brought_by_nobody(house):
        estate.do(lambda session: _build(session, estate, homes, area))
    return estate


@contextmanager
def brought_by_nobody(house: Any) -> Iterator[None]:
    """Old houses may stand here though no opening brought them (撤去期初防线)."""
    for word in ("DISABLE", "ENABLE"):
        with house.connect("owner") as connection:
            connection.execute(f"ALTER TABLE house {word} TRIGGER house_of_opening")
        if word == "DISABLE":
            yield


def empty_fund(house: Any, *, region: str = REGION, two: list[int] | None = None) -> FundEstate:
    """A fund account with nothing under it yet (空专户)."""
    at = next(_numbers)
    two = two or officers(house, f"maker{at}", f"checker{at}")
    fund = FundEstate(house, f"62229902{at:010d}", two, bank_code=f"EK{at}")
    asked = AskedAccount(
        fund.account_no, f"维修资金专户{at}", fund.bank_code, region, f"专户〔2026〕{at}号"
    )
    fund.fund_id = fund.do(lambda session: enter_account(session, asked, officer_id=two[0]))
    fund.do(lambda session: open_fund(session, fund.fund_id, officer_id=two[1]))
    with house.database.read() as session:
        fund.book_id = session.get_one(FundAccount, fund.fund_id).book_id or 0
    return fund


def fund_of(
    house: Any, project_no: str, two: list[int], *, bank_code: str = "ABC", region: str = REGION
) -> FundEstate:
    """The houses of a project get their accounts, in the fund account of its bank and region (建账)."""
    at = next(_numbers)
    fund = FundEstate(house, f"62229901{at:010d}", two, project_no=project_no, bank_code=bank_code)
    with house.database.read() as session:
        known = session.scalar(
            select(FundAccount).where(FundAccount.bank_code == bank_code, FundAccount.region == region)
        )
    if known is None:
        asked = AskedAccount(fund.account_no, f"维修资金专户{at}", bank_code, region, f"专户〔2026〕{at}号")
        fund.fund_id = fund.do(lambda session: enter_account(session, asked, officer_id=two[0]))
        fund.do(lambda session: open_fund(session, fund.fund_id, officer_id=two[1]))
    else:
        fund.fund_id, fund.account_no = known.id, known.account_no
    batch_no = fund.do(
        lambda session: propose(session, fund.project_no, fund.fund_id, "测试苑", officer_id=two[0])
    )
    fund.do(lambda session: confirm(session, batch_no, officer_id=two[1]))
    with house.database.read() as session:
        fund.book_id = session.get_one(FundAccount, fund.fund_id).book_id or 0
        rows = session.scalars(
            select(House).join(Unit, Unit.id == House.unit_id).join(Building, Building.id == Unit.building_id)
            .join(Project, Project.id == Building.project_id)
            .where(Project.project_no == project_no).order_by(House.id)
        )  # fmt: skip
        fund.houses = {home.unit_code: home.id for home in rows}
        known = session.scalar(select(Community.id).join(Project).where(Project.project_no == project_no))
        fund.community_id = known or 0
    fund.natures = dict.fromkeys(fund.houses.values(), Nature.COMMODITY)
    return fund


def _register(
    estate: FundEstate, homes: dict[str, list[tuple[str, Nature]]], area: str, region: str
) -> AskedProject:
    """The commodity homes, as the platform sends them; public housing is older than any register."""
    return AskedProject(
        estate.project_no, f"安居苑{estate.project_no}", region, USCC, "测试置业", None,
        tuple(
            AskedBuilding(number, Structure.FRAME, 6, tuple(
                AskedUnit(code, code[-2:], Decimal(area), UnitUse.RESIDENTIAL)
                for code, nature in here if nature is Nature.COMMODITY
            )) for number, here in homes.items()
        ),
    )  # fmt: skip


def _build(
    session: Session, estate: FundEstate, homes: dict[str, list[tuple[str, Nature]]], area: str
) -> None:
    """What the batch did not build: public housing, as an opening would bring it; then learn every id."""
    project = session.scalars(select(Project).where(Project.project_no == estate.project_no)).one()
    estate.book_id = session.get_one(FundAccount, estate.fund_id).book_id or 0
    community = session.scalars(select(Community).where(Community.project_id == project.id)).one_or_none()
    if community is None:
        community = Community(
            fund_account_id=estate.fund_id, name=project.name, region=project.region, project_id=project.id
        )
        session.add(community)
        session.flush()
    estate.community_id = community.id
    for number, here in homes.items():
        stood = session.scalars(select(CommunityBuilding).where(
            CommunityBuilding.community_id == community.id, CommunityBuilding.building_no == number
        )).one_or_none()  # fmt: skip
        if stood is None:
            stood = CommunityBuilding(
                community_id=community.id, building_no=number, structure=Structure.FRAME
            )
            session.add(stood)
            session.flush()
        estate.buildings[number] = stood.id
        session.add_all(
            House(
                community_building_id=stood.id, unit_code=code, room_no=code[-2:], area=Decimal(area),
                use=UnitUse.RESIDENTIAL, nature=nature, status=HouseStatus.BUILT, built_by=estate.officers[1],
            )
            for code, nature in here if nature is Nature.PUBLIC
        )  # fmt: skip
        session.flush()
    for number in homes:
        rows = session.scalars(
            select(House).where(House.community_building_id == estate.buildings[number])
            .order_by(House.unit_code)
        ).all()
        estate.houses |= {home.unit_code: home.id for home in rows}
        estate.natures |= {home.id: home.nature for home in rows}
