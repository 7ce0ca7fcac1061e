"""What the tests of uses do again and again: an application, its publication, its votes, its approval."""

from types import SimpleNamespace
from typing import Any

from config.clock import bureau_day
from escrow.fund_use import actions, deciding
from escrow.fund_use.actions import Application, Paper
from escrow.fund_use.rules import Asked, Cause, Exclusion, PaperKind, UseKind, UseMatter
from escrow.fund_use.vote_rules import Ballot
from ledger.money import Yuan
from tests.estate import file_hash, new_number
from tests.fund.fund_estate import FundEstate, build_fund

YES, NO, ABSTAIN = Ballot.YES, Ballot.NO, Ballot.ABSTAIN


def town(
    house: Any, *, units: int = 3, buildings: int = 1, each: str = "1000.00", unsold: int = 0
) -> FundEstate:  # fmt: skip
    """Houses with owners and money; the last `unsold` of them are still the developer's."""
    estate = build_fund(house, buildings=buildings, units=units)
    owned(estate, estate.ids[: len(estate.ids) - unsold])
    if each:
        estate.deposits(dict.fromkeys(estate.ids, each))
    return estate


def owned(estate: FundEstate, ids: list[int]) -> None:
    """These houses are no developer's any more (已售的户)."""
    with estate.house.connect("superuser") as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE house SET unit_id = NULL WHERE id = ANY (%s)", (ids,))


def in_town(house: Any, app: Any) -> SimpleNamespace:
    """A scene: such a town (有业主、有余额的小区)."""
    return SimpleNamespace(estate=town(house))


def paper(kind: PaperKind, number: str = "") -> Paper:
    """A paper nobody has handed in before (材料)."""
    number = number or new_number("文")
    return Paper(kind, "测试机构", number, file_hash(number))


def asked(
    estate: FundEstate, budget: str, *, cause: Cause | None = None, building: str = "", title: str = "屋面防水",
    matter: UseMatter = UseMatter.USE, yes: tuple[Exclusion, ...] = (),
) -> Application:  # fmt: skip
    """An application as a form would give it (使用申请)."""
    kind = UseKind.EMERGENCY if cause else UseKind.ORDINARY
    papers = [paper(PaperKind.PLAN)] + ([paper(PaperKind.PROOF)] if cause else [])
    return Application(
        estate.community_id, estate.buildings[building] if building else None,
        Asked(kind, matter, cause, Yuan(budget), frozenset(yes)), title, "500101", "防水工程公司", tuple(papers),
    )  # fmt: skip


def entered(estate: FundEstate, budget: str, **told: Any) -> str:
    """One officer enters it (录入)."""
    said = asked(estate, budget, **told)
    return estate.do(lambda session: actions.enter(session, said, officer_id=estate.officers[0]))


def published(estate: FundEstate, budget: str, **told: Any) -> str:
    """And publishes it (公示)."""
    use_no = entered(estate, budget, **told)
    estate.do(lambda session: actions.publish(session, use_no, officer_id=estate.officers[0]))
    return use_no


def vote(estate: FundEstate, use_no: str, ballots: dict[str, Ballot]) -> str:
    """The owners' ballots are recorded; what came of it (登记表决)."""
    held, who = paper(PaperKind.VOTE), estate.officers[0]
    came = estate.do(lambda session: actions.vote(session, use_no, ballots, held, officer_id=who))
    return came.value


def over(estate: FundEstate, use_no: str, days: int = 7) -> None:
    """The publication began so many days ago (公示已满)."""
    with estate.house.connect("superuser") as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(
            "UPDATE fund_use SET published_on = published_on - %s, published_until = published_until - %s"
            " WHERE use_no = %s", (days, days, use_no),
        )  # fmt: skip


def voted(estate: FundEstate, budget: str, **told: Any) -> str:
    """Published long enough, everybody agrees (表决通过、公示期满)."""
    use_no = published(estate, budget, **told)
    assert vote(estate, use_no, dict.fromkeys(estate.codes, YES)) == "voted"
    over(estate, use_no)
    return use_no


def approve(estate: FundEstate, use_no: str, *, by: int = 1) -> None:
    """Another officer approves (核准)."""
    estate.do(lambda session: deciding.approve(session, use_no, officer_id=estate.officers[by]))


def approved(estate: FundEstate, budget: str, **told: Any) -> str:
    """A use whose shares are held (已核准)."""
    use_no = entered(estate, budget, **told) if told.get("cause") else voted(estate, budget, **told)
    approve(estate, use_no)
    return use_no


def row_of(estate: FundEstate, use_no: str) -> Any:
    """The application as it stands (申请现状)."""
    from sqlalchemy import text

    with estate.house.database.read() as session:
        return session.execute(text("SELECT * FROM fund_use WHERE use_no = :no"), {"no": use_no}).one()


TODAY = bureau_day()
