"""An approved opening becomes contracts, receipts and entries, in bulk and in one transaction (期初入账, P26)."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count

from sqlalchemy import insert
from sqlalchemy.orm import Session

from config.clock import bureau_day, now
from config.settings import Settings
from escrow import chart
from escrow.access.sealing import mask_account, mask_name, seal
from escrow.contracts.rules import Source
from escrow.deposits.models import Receipt, ReceiptAllocation
from escrow.deposits.rules import Channel
from escrow.opening.models import AccountOpening
from escrow.opening.rules import BuildingRow, Sheet
from escrow.opening.sales import Homes, file_contracts, homes, write_contracts, write_notices
from escrow.supervision.books import accounts_of
from escrow.supervision.funds import position
from escrow.supervision.levels import Position, into
from escrow.supervision.models import SupervisedAccount
from ledger.accounts import Account
from ledger.journal import Draft, Entry, post_many
from ledger.money import ZERO, Yuan
from ledger.movements import Transfer

# So many entries to a statement: each is judged by the database as it ends.
_BATCH = 500
_CHANNELS = {
    Source.OWN: Channel.COUNTER, Source.LOAN: Channel.LOAN, Source.PROVIDENT_FUND: Channel.PROVIDENT_FUND,
}  # fmt: skip
UNCLAIMED = "期初待认领款"


@dataclass(slots=True)
class Book:
    """The account being opened, its ledger accounts, and where each building stands meanwhile (在建账)."""

    session: Session
    opening: AccountOpening
    account: SupervisedAccount
    opened: dict[tuple[str, str], Account]
    positions: dict[int, Position]

    def of(self, code: str, key: str = "") -> Account:
        """An account of the book (科目账户)."""
        return self.opened[code, key]


@dataclass(frozen=True, slots=True)
class Credit:
    """One sum that came in before, as it will be booked (一笔期初缴存)."""

    row: int
    amount: Yuan
    source: Source
    payer_name: str
    payer_account: str
    building_id: int | None = None
    contract_id: int | None = None
    notice_id: int | None = None


def steps_of(sheet: Sheet) -> int:
    """How much there is to do, in steps that take about as long as each other (总步数)."""
    return len(sheet.sales) + sum(len(sale.paid) for _, sale in sheet.sales) + 1


def book(
    session: Session, opening: AccountOpening, sheet: Sheet, told: Settings,
    tell: Callable[[int], None] = lambda done: None,
) -> None:  # fmt: skip
    """Everything the file says, booked (期初入账). The caller holds project and account and has judged it."""
    account = session.get_one(SupervisedAccount, opening.account_id)
    units = homes(session, account.project_id, sheet)
    contracts = write_contracts(session, account.project_id, sheet, units, told)
    notices = write_notices(session, sheet, contracts)
    file_contracts(session, opening, sheet, contracts)
    tell(len(contracts))
    credits_ = list(_credits(opening, sheet, units, contracts, notices))
    place = _opened(session, opening, account, units, credits_, sheet)
    entries: list[Entry] = []
    for start in range(0, len(credits_), _BATCH):
        batch = enumerate(credits_[start : start + _BATCH], start + 1)
        entries += post_many(session, [_draft(place, number, one) for number, one in batch])
        tell(len(contracts) + len(entries))
    _receipts(session, place, credits_, entries, told)
    outs = [one for one in sheet.buildings if one.key_paid + one.general_paid > ZERO]
    post_many(session, [_paid_out(place, one, units.buildings[one.building_no]) for one in outs])


# --- the book ---


def _credits(
    opening: AccountOpening, sheet: Sheet, units: Homes, contracts: dict[str, int],
    notices: dict[tuple[int, Source], int],
) -> Iterator[Credit]:  # fmt: skip
    for unit, sale in sheet.sales:
        contract_id = contracts[sale.contract_no]
        for one in sale.paid:
            yield Credit(
                unit.row, one.amount, one.source, one.payer_name, one.payer_account,
                units.buildings[unit.building_no], contract_id, notices[contract_id, one.source],
            )  # fmt: skip
    if opening.unmatched > ZERO:
        yield Credit(0, opening.unmatched, Source.OWN, UNCLAIMED, UNCLAIMED)


def _opened(
    session: Session, opening: AccountOpening, account: SupervisedAccount, units: Homes,
    credits_: Sequence[Credit], sheet: Sheet,
) -> Book:  # fmt: skip
    """Every account the opening touches, opened at once, and each building's level."""
    touched = {one.building_id for one in credits_ if one.building_id is not None}
    touched |= {units.buildings[one.building_no] for one in sheet.buildings}
    keys = [chart.building_key(one) for one in sorted(touched)]
    wanted = [(code, "") for code in (chart.DEPOSITS_AT_BANK, chart.UNMATCHED, chart.MEMO_CONTRA)]
    wanted += [(code, key) for key in keys for code in (chart.KEY_FUNDS, chart.GENERAL_FUNDS)]
    spent = (one for one in sheet.buildings if one.key_paid > ZERO)
    wanted += [(chart.KEY_PAID, chart.building_key(units.buildings[one.building_no])) for one in spent]
    contracts = {one.contract_id for one in credits_ if one.contract_id is not None}
    wanted += [(chart.PAID_IN_BY_CONTRACT, chart.contract_key(one)) for one in contracts]
    opened = accounts_of(session, account.book_id, wanted)
    positions = {one: position(session, account.book_id, one, locked=True) for one in sorted(touched)}
    return Book(session, opening, account, opened, positions)


def _draft(place: Book, number: int, one: Credit) -> Draft:
    """DR 1101 CR 2111, 2112 or 2101; DR 8199 CR 8101 (P26)."""
    bank, transfers = place.of(chart.DEPOSITS_AT_BANK), list[Transfer]()
    if one.building_id is None or one.contract_id is None:
        transfers.append(Transfer(bank, place.of(chart.UNMATCHED), one.amount))
    else:
        key, stood = chart.building_key(one.building_id), place.positions[one.building_id]
        split = into(stood, one.amount)
        for code, amount in ((chart.KEY_FUNDS, split.key_funds), (chart.GENERAL_FUNDS, split.general)):
            if amount > ZERO:
                transfers.append(Transfer(bank, place.of(code, key), amount))
        place.positions[one.building_id] = replace(
            stood, key_funds=stood.key_funds + split.key_funds, general=stood.general + split.general
        )
        paid_in = place.of(chart.PAID_IN_BY_CONTRACT, chart.contract_key(one.contract_id))
        transfers.append(Transfer(place.of(chart.MEMO_CONTRA), paid_in, one.amount))
    return _entry(place, f"in:{number}", transfers, f"第 {one.row} 行" if one.row else UNCLAIMED)


def _paid_out(place: Book, row: BuildingRow, building_id: int) -> Draft:
    """What had left the building: out of the bank's account, key funds as its level then asks (已拨付)."""
    stood, key = place.positions[building_id], chart.building_key(building_id)
    draws = stood.quota is not None and stood.mode == "draw_down"
    out, noted = row.key_paid + row.general_paid, row.key_paid if draws else ZERO
    # Both kinds together, divided anew by the level as it is afterwards.
    key_left = replace(stood, general=stood.general - out, key_paid=stood.key_paid + noted).key_due
    bank = place.of(chart.DEPOSITS_AT_BANK)
    locked, free = place.of(chart.KEY_FUNDS, key), place.of(chart.GENERAL_FUNDS, key)
    from_key = min(stood.key_funds - key_left, out)
    freed = stood.key_funds - key_left - from_key
    parts = [(locked, free, freed), (locked, bank, from_key), (free, bank, out - from_key)]
    if noted > ZERO:
        parts.append((place.of(chart.MEMO_CONTRA), place.of(chart.KEY_PAID, key), noted))
    transfers = [Transfer(debit, credit, amount) for debit, credit, amount in parts if amount > ZERO]
    return _entry(place, f"out:{building_id}", transfers, f"{row.building_no} 幢导入前已拨付")


def _entry(place: Book, what: str, transfers: list[Transfer], memo: str) -> Draft:
    number = place.opening.opening_no
    return Draft(
        chart.OPENING, transfers, f"opening:{number}:{what}", place.opening.as_of, group=number, memo=memo
    )


def _receipts(
    session: Session, place: Book, credits_: Sequence[Credit], entries: Iterable[Entry], told: Settings
) -> None:
    """Each sum stands as a receipt, so that checks, refunds and claims find it like any other (入账)."""
    numbered = list(zip(count(1), credits_, entries, strict=False))
    if not numbered:
        return
    at = now()
    rows = [
        {
            "receipt_no": f"RZ{bureau_day(entry.booked_at):%Y%m%d}{entry.entry_no}",
            "account_id": place.account.id, "bank_code": place.account.bank_code,
            "bank_serial": f"{place.opening.opening_no}-{number}", "amount": one.amount,
            "value_date": place.opening.as_of, "bank_booked_at": at,
            "payer_name_sealed": seal(one.payer_name, told), "payer_name_masked": mask_name(one.payer_name),
            "payer_account_sealed": seal(one.payer_account, told),
            "payer_account_masked": mask_account(one.payer_account), "channel": _CHANNELS[one.source],
            "memo": "期初导入", "entry_id": entry.id, "booked_at": entry.booked_at,
        }
        for number, one, entry in numbered
    ]  # fmt: skip
    made = session.execute(insert(Receipt).returning(Receipt.id, Receipt.entry_id), rows)
    ids = {row.entry_id: row.id for row in made}
    allocated = [
        {
            "receipt_id": ids[entry.id], "notice_id": one.notice_id, "contract_id": one.contract_id,
            "amount": one.amount,
        }
        for _, one, entry in numbered
        if one.contract_id is not None
    ]  # fmt: skip
    if allocated:
        session.execute(insert(ReceiptAllocation), allocated)
