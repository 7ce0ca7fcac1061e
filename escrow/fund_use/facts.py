"""A use under its lock, with its scope, its houses and what was said (使用申请的事实).

Order of locks: community, use, houses by id, then balances by id inside the ledger.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from config.clock import bureau_day
from config.regulations import Law, law_on
from escrow.errors import NotFound
from escrow.fund_use.models import FundUse
from escrow.fund_use.rules import Cause, Recent, Standing
from escrow.fund_use.share_rules import Bearer, Home, Share
from escrow.fund_use.vote_rules import Ballot, Voter
from escrow.maintenance.chart import Nature
from ledger.money import Yuan
from ledger.wire import ask

LAW = "maintenance_fund"
LAW_KEYS = (
    "fund_two_officers", "use_vote_quorum", "use_vote_use", "use_vote_raise", "use_by_area", "use_unsold",
    "use_excluded", "use_public_housing", "use_publication_days", "use_short", "emergency_causes",
    "emergency_cap", "emergency_house_ratio", "emergency_split_days", "emergency_filing_days",
    "use_vote_area", "use_vote_heads",
)  # fmt: skip

_PLACE = """
SELECT c.id AS community_id, c.name AS community_name, g.id AS building_id, g.building_no, f.id AS fund_id,
       f.book_id, f.account_no, c.region, d.name AS developer_name
  FROM community c JOIN fund_account f ON f.id = c.fund_account_id AND f.status = 'active'
  LEFT JOIN community_building g ON g.community_id = c.id AND g.id = %(building)s
  LEFT JOIN project p ON p.id = c.project_id LEFT JOIN developer d ON d.id = p.developer_pk
 WHERE c.id = %(community)s
"""
_SCOPE = """
SELECT s.house_id, s.unit_code, s.area, s.nature, s.bearer, b.balance, b.held,
       coalesce(g.given, 0) AS given, coalesce(g.paid, 0) AS paid
  FROM use_scope(%(community)s, %(building)s) s JOIN house_balance b ON b.house_id = s.house_id
  LEFT JOIN emergency_given(%(community)s, %(cause)s, %(since)s, 0) g ON g.house_id = s.house_id
 ORDER BY s.unit_code COLLATE "C"
"""
_SHARES = """
WITH given AS MATERIALIZED (
    SELECT g.* FROM fund_use u, emergency_given(u.community_id, u.cause, %(since)s, u.id) g
     WHERE u.id = %(use)s
)
SELECT s.house_id, h.unit_code, s.area, s.bearer, s.amount, s.from_fund, b.balance, b.held, v.ballot,
       coalesce(g.given, 0) AS given, coalesce(g.paid, 0) AS paid,
       use_head(s) AS head,
       h.status = 'built' AND h.area = s.area AS as_shared
  FROM use_share s JOIN house h ON h.id = s.house_id JOIN house_balance b ON b.house_id = s.house_id
  LEFT JOIN use_vote v ON (v.use_id, v.house_id) = (s.use_id, s.house_id)
  LEFT JOIN given g ON g.house_id = s.house_id
 WHERE s.use_id = %(use)s ORDER BY h.unit_code COLLATE "C"
"""
_RECENT = """
SELECT u.use_no, u.budget, u.approved_on FROM fund_use u
 WHERE u.community_id = %(community)s AND u.kind = 'emergency' AND u.cause = %(cause)s
   AND u.approved_on > %(since)s AND u.use_no <> %(own)s
   AND coalesce(u.community_building_id = %(building)s::integer, true)
 ORDER BY u.id
"""
_HOLD_COMMUNITY = "SELECT id FROM community WHERE id = %s FOR NO KEY UPDATE"
_HOLD_HOUSES = "SELECT id FROM house WHERE id = ANY (%s) ORDER BY id FOR NO KEY UPDATE"


@dataclass(frozen=True, slots=True)
class Place:
    """A community, or a building of it, with its fund account (使用范围)."""

    row: Any

    @property
    def law(self) -> Law:
        """The fund's law of the region today (适用规定)."""
        return law_on(bureau_day(), LAW, self.row.region)

    @property
    def since(self) -> date:
        """Emergencies approved after this day count together (合并计算起日)."""
        return bureau_day() - timedelta(days=self.law["emergency_split_days"].value)


@dataclass(frozen=True, slots=True)
class Scope:
    """The houses of a place, and which of them are sold public housing (范围内房屋)."""

    homes: list[Home]
    stands: dict[int, tuple[Yuan, ...]]
    public: list[str]

    def standing(self, shares: Sequence[Share]) -> list[Standing]:
        """Each share beside what its house has (分摊与余额)."""
        return [Standing(one, *self.stands[one.house_id]) for one in shares]


def nature_of(session: Session, use_id: int) -> Nature:
    """Of which nature its houses are (使用的房屋性质)."""
    [(nature,)] = ask(session, "SELECT use_nature(%s)", (use_id,))
    return Nature(nature)


def place_of(
    session: Session, community_id: int, building_id: int | None, *, locked: bool = False
) -> Place:  # fmt: skip
    """A community with its fund, held still where something is decided. Raises NotFound."""
    if locked:
        ask(session, _HOLD_COMMUNITY, (community_id,))
    told = {"community": community_id, "building": building_id}
    rows = ask(session, _PLACE, told, named=True)
    if not rows or (building_id is not None and rows[0].building_id is None):
        raise NotFound("没有这个小区或这一幢")
    return Place(rows[0])


def scope_of(session: Session, place: Place, cause: Cause | None) -> Scope:
    """Every house of the place as it stands now (范围内房屋现状)."""
    told = {
        "community": place.row.community_id, "building": place.row.building_id, "cause": cause,
        "since": place.since,
    }  # fmt: skip
    rows = ask(session, _SCOPE, told, named=True)
    stands = {row.house_id: _stands(row) for row in rows}
    homes = [
        Home(row.house_id, row.unit_code, row.area, Bearer(row.bearer), Yuan.from_fen(row.balance - row.held))
        for row in rows
    ]  # fmt: skip
    return Scope(homes, stands, [row.unit_code for row in rows if row.nature == Nature.PUBLIC])


def recent_of(session: Session, place: Place, cause: Cause | None, *, own: str = "") -> list[Recent]:
    """Emergency uses of the same cause over the same houses (同一事由的应急使用)."""
    told = {
        "community": place.row.community_id, "building": place.row.building_id, "cause": cause, "own": own,
        "since": place.since,
    }  # fmt: skip
    rows = ask(session, _RECENT, told, named=True)
    return [Recent(row.use_no, Yuan.from_fen(row.budget), row.approved_on) for row in rows]


def held(session: Session, use_no: str) -> tuple[FundUse, Place]:
    """A use under its lock, its community before it (锁定申请). Raises NotFound."""
    found = session.execute(
        select(FundUse.community_id, FundUse.community_building_id).where(FundUse.use_no == use_no)
    ).one_or_none()
    if found is None:
        raise NotFound("没有这件使用申请")
    place = place_of(session, *found, locked=True)
    query = select(FundUse).where(FundUse.use_no == use_no).with_for_update()
    return session.scalars(query.execution_options(populate_existing=True)).one(), place


@dataclass(frozen=True, slots=True)
class Shared:
    """The share list of a use, with what stands on each house now (分摊清册现状)."""

    rows: list[Any]

    @property
    def standing(self) -> list[Standing]:
        """Each share beside what its house has (分摊与余额)."""
        return [
            Standing(
                Share(row.house_id, row.unit_code, row.area, Bearer(row.bearer), Yuan.from_fen(row.amount),
                      Yuan.from_fen(row.from_fund)),
                *_stands(row),
            ) for row in self.rows
        ]  # fmt: skip

    @property
    def voters(self) -> list[Voter]:
        """Each house with what was said for it (逐户表决)."""
        return [
            Voter(row.unit_code, row.area, row.head, Ballot(row.ballot) if row.ballot else None)
            for row in self.rows
        ]

    @property
    def moved(self) -> list[str]:
        """Houses that are not as the list was drawn (清册之后变动的户)."""
        return [row.unit_code for row in self.rows if not row.as_shared]


def shared(session: Session, use_id: int, place: Place, *, locked: bool = False) -> Shared:
    """A use's share list; the houses held still where money is set aside (分摊清册)."""
    if locked:
        ids = ask(session, "SELECT house_id FROM use_share WHERE use_id = %s", (use_id,))
        ask(session, _HOLD_HOUSES, ([one for (one,) in ids],))
    return Shared(ask(session, _SHARES, {"use": use_id, "since": place.since}, named=True))


def _stands(row: Any) -> tuple[Yuan, ...]:
    """Balance, held, given to earlier emergencies and paid of that, in one look (余额现状)."""
    return tuple(Yuan.from_fen(fen) for fen in (row.balance, row.held, row.given, row.paid))
