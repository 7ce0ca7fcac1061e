"""An approved file becomes communities, houses, owners and opening balances, in one transaction (期初入账)."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from config.settings import Settings
from escrow.fund_opening.models import FundOpening, HouseOpening
from escrow.fund_opening.rules import HouseRow
from escrow.houses.owner_models import HouseOwner, OwnerChange
from escrow.houses.owner_rules import OwnerKind, OwnerStatus
from escrow.houses.owners import sealed_owners
from escrow.maintenance import chart
from escrow.maintenance.books import accounts_of
from escrow.maintenance.chart import Nature
from escrow.maintenance.models import Community, CommunityBuilding, FundAccount, House
from escrow.maintenance.rules import HouseStatus
from ledger.accounts import Account
from ledger.journal import Draft, post_many
from ledger.money import ZERO
from ledger.movements import Transfer

_BATCH = 500


def book(
    session: Session, opening: FundOpening, fund: FundAccount, rows: Sequence[HouseRow], told: Settings,
    tell: Callable[[int, int], None],
) -> None:  # fmt: skip
    """Houses as the file has them, one entry for each community, and who owns them (期初入账)."""
    buildings = _buildings(session, fund, rows)
    ids = dict[str, int]()
    for batch in _batches(rows):
        ids |= _houses(session, opening, batch, buildings)
        tell(len(ids), 2 * len(rows))
    opened = dict[tuple[str, str], Account]()
    for batch in _batches(rows):
        wanted = [_account(one, ids) for one in batch if one.balance > ZERO]
        opened |= accounts_of(session, fund.book_id or 0, wanted)
    _entries(session, opening, fund, rows, ids, opened)
    tell(len(rows) + len(rows) // 2, 2 * len(rows))
    _owners(session, opening, rows, ids, told)


def _buildings(
    session: Session, fund: FundAccount, rows: Sequence[HouseRow]
) -> dict[tuple[str, str], int]:
    """Communities and buildings, opened where an earlier opening has not brought them (小区、楼幢)."""
    of_fund = (Community.fund_account_id == fund.id) & Community.project_id.is_(None)
    known = {one.name: one.id for one in session.scalars(select(Community).where(of_fund))}
    for name in dict.fromkeys(one.community for one in rows):
        if name not in known:
            made = Community(fund_account_id=fund.id, name=name, region=fund.region)
            session.add(made)
            session.flush()
            known[name] = made.id
    names = {known[one.community]: one.community for one in rows}
    stood = session.scalars(select(CommunityBuilding).where(CommunityBuilding.community_id.in_(names)))
    found = {(names[one.community_id], one.building_no): one.id for one in stood}
    fresh = {(one.community, one.building_no): one.structure for one in rows}
    new = [
        {"community_id": known[community], "building_no": number, "structure": structure}
        for (community, number), structure in fresh.items() if (community, number) not in found
    ]  # fmt: skip
    if new:
        query = insert(CommunityBuilding).returning(
            CommunityBuilding.id, CommunityBuilding.community_id, CommunityBuilding.building_no
        )
        for one in session.execute(query, new):
            found[names[one.community_id], one.building_no] = one.id
    return found


_FIRST_DUE = text("""
UPDATE house h SET first_due = o.first_paid, first_due_on = :as_of, first_due_standard = '',
       first_due_citation = :citation
  FROM house_opening o WHERE o.house_id = h.id AND h.id = ANY (:ids) AND o.first_paid > 0
""")


def _houses(
    session: Session, opening: FundOpening, rows: Sequence[HouseRow], buildings: dict[tuple[str, str], int]
) -> dict[str, int]:
    """House accounts with what was paid as first deposit, by the file (分户账)."""
    made = session.execute(
        insert(House).returning(House.id, House.unit_code),
        [
            {
                "community_building_id": buildings[one.community, one.building_no],
                "unit_code": one.unit_code, "room_no": one.room_no, "area": one.area, "use": one.use,
                "nature": one.nature, "status": HouseStatus.BUILT, "built_by": opening.decided_by,
            }
            for one in rows
        ],
    )  # fmt: skip
    ids = {row.unit_code: row.id for row in made}
    session.execute(
        insert(HouseOpening),
        [
            {
                "house_id": ids[one.unit_code], "opening_id": opening.id, "row": one.row,
                "first_paid": one.first_paid, "balance": one.balance,
            }
            for one in rows
        ],
    )  # fmt: skip
    source = _cited(opening.law, "fund_opening")
    citation = f"期初导入 {opening.opening_no} 所载首期交存额；{source}"
    told = {"as_of": opening.as_of, "citation": citation, "ids": list(ids.values())}
    session.execute(_FIRST_DUE, told)
    return ids


def _cited(kept: dict[str, Any] | None, key: str) -> str:
    """What a decision cited when it was made (存档依据)."""
    return str((kept or {})["provisions"][key]["citation"])


def _account(one: HouseRow, ids: dict[str, int]) -> tuple[str, str]:
    return chart.NET_ASSETS[one.nature], chart.house_key(ids[one.unit_code])


def _entries(
    session: Session, opening: FundOpening, fund: FundAccount, rows: Sequence[HouseRow],
    ids: dict[str, int], opened: dict[tuple[str, str], Account],
) -> None:  # fmt: skip
    """DR 1001 CR 3001, 3002 house by house, an entry for each community; CR 3101 what is of no house (M0)."""
    aside = {
        Nature.COMMODITY: opening.undistributed_commodity, Nature.PUBLIC: opening.undistributed_public,
    }  # fmt: skip
    wanted = [(code, "") for code in chart.BANK.values()]
    wanted += [(chart.UNDISTRIBUTED[nature], "") for nature, amount in aside.items() if amount > ZERO]
    opened |= accounts_of(session, fund.book_id or 0, wanted)
    by_community = defaultdict[str, list[Transfer]](list)
    for one in rows:
        if one.balance > ZERO:
            bank = opened[chart.BANK[one.nature], ""]
            by_community[one.community].append(Transfer(bank, opened[_account(one, ids)], one.balance))
    drafts = [
        _draft(opening, f"{at}", transfers, f"{name} 期初余额 {len(transfers)} 户")
        for at, (name, transfers) in enumerate(by_community.items(), 1)
    ]
    left = [
        Transfer(opened[chart.BANK[nature], ""], opened[chart.UNDISTRIBUTED[nature], ""], amount)
        for nature, amount in aside.items() if amount > ZERO
    ]  # fmt: skip
    if left:
        drafts.append(_draft(opening, "undistributed", left, "期初待分配累计收益"))
    post_many(session, drafts)


def _draft(opening: FundOpening, what: str, transfers: list[Transfer], memo: str) -> Draft:
    number = opening.opening_no
    return Draft(
        chart.OPENING, transfers, f"fund-opening:{number}:{what}", opening.as_of, group=number, memo=memo
    )


def _owners(
    session: Session, opening: FundOpening, rows: Sequence[HouseRow], ids: dict[str, int], told: Settings
) -> None:
    """Who owns each house, where the file says so, sealed (业主)."""
    owned = {ids[one.unit_code]: one for one in rows if one.owners}
    for batch in _batches(list(owned.items())):
        changes = [
            {
                "house_id": house_id, "kind": OwnerKind.OPENING, "from_day": opening.as_of,
                "opening_id": opening.id, "status": OwnerStatus.CONFIRMED, "entered_by": opening.entered_by,
                "decided_by": opening.decided_by, "decided_at": opening.decided_at, "law": opening.law,
            }
            for house_id, _ in batch
        ]  # fmt: skip
        query = insert(OwnerChange).returning(OwnerChange.id, OwnerChange.house_id)
        people = list[dict[str, Any]]()
        for made in session.execute(query, changes):
            one = owned[made.house_id]
            people += sealed_owners(made.id, (one.unit_code, opening.opening_no), one.owners, told)
        session.execute(insert(HouseOwner), people)


def _batches(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for at in range(0, len(rows), _BATCH):
        yield rows[at : at + _BATCH]
