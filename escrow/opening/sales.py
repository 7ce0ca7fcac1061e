"""The homes, contracts, buyers and notices an opening brings, in bulk (期初合同)."""

import hmac
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any

from sqlalchemy import func, insert, select, text, update
from sqlalchemy.orm import Session

from config.clock import bureau_day
from config.settings import Settings
from escrow.contracts.models import Contract, ContractVersion, Party, PaymentNotice
from escrow.contracts.parties import Buyer, sealed_party
from escrow.contracts.rules import ContractStatus, PaymentKind, Source
from escrow.opening.models import AccountOpening, OpeningContract
from escrow.opening.rules import Sale, Sheet
from escrow.outbox import canonical
from escrow.projects.models import Building, Unit
from ledger.money import ZERO, Yuan


@dataclass(frozen=True, slots=True)
class Homes:
    """The register's ids: buildings by number, units by code (楼盘表编号)."""

    buildings: dict[str, int]
    ids: dict[str, int]


def homes(session: Session, project_id: int, sheet: Sheet) -> Homes:
    """The register's ids; a home the register does not have yet is added to it (楼盘表)."""
    query = select(Building.building_no, Building.id).where(
        Building.project_id == project_id, Building.removed_at.is_(None)
    )
    buildings = {row.building_no: row.id for row in session.execute(query)}
    known = select(Unit.unit_code, Unit.id).where(Unit.building_id.in_(buildings.values()))
    ids = {row.unit_code: row.id for row in session.execute(known.where(Unit.removed_at.is_(None)))}
    fresh = [
        {
            "building_id": buildings[unit.building_no], "unit_code": unit.unit_code,
            "room_no": unit.room_no, "area": unit.area, "use": unit.use,
        }
        for unit in sheet.units
        if unit.unit_code not in ids
    ]  # fmt: skip
    if fresh:
        added = session.execute(insert(Unit).returning(Unit.unit_code, Unit.id), fresh)
        ids |= {row.unit_code: row.id for row in added}
    return Homes(buildings, ids)


def write_contracts(
    session: Session, project_id: int, sheet: Sheet, units: Homes, told: Settings
) -> dict[str, int]:
    """The contracts with their one version and their buyers (合同、版本、买受人)."""
    if not sheet.sales:
        return {}
    rows = [
        {
            "contract_no": sale.contract_no, "project_id": project_id, "unit_id": units.ids[unit.unit_code],
            "status": ContractStatus.DRAFTED, "version": 1, "price": sale.price,
        }
        for unit, sale in sheet.sales
    ]  # fmt: skip
    made = session.execute(insert(Contract).returning(Contract.contract_no, Contract.id), rows)
    ids = {row.contract_no: row.id for row in made}
    session.execute(insert(ContractVersion), [
        {
            "contract_id": ids[sale.contract_no], "version": 1, "price": sale.price,
            "payments": [
                {"payment_kind": kind.value, "amount": str(amount), "due_on": due_on.isoformat(),
                 "source": source.value}
                for kind, amount, due_on, source, _ in _plan(sale)
            ],
            "digest": hmac.new(told.index_key, canonical(asdict(sale)), sha256).digest(),
        }
        for _, sale in sheet.sales
    ])  # fmt: skip
    session.execute(insert(Party), [
        sealed_party((ids[sale.contract_no], sale.contract_no, 1), at, Buyer(**asdict(person)), told)
        for _, sale in sheet.sales
        for at, person in enumerate(sale.buyers, 1)
    ])  # fmt: skip
    return ids


def _plan(sale: Sale) -> list[tuple[PaymentKind, Yuan, Any, Source, Yuan]]:
    """What was paid, source by source, and what is still to come (缴款计划)."""
    loans = (Source.LOAN, Source.PROVIDENT_FUND)
    plan = [
        (PaymentKind.LOAN if one.source in loans else PaymentKind.DOWN, one.amount,
         sale.filed_on or bureau_day(), one.source, one.amount)
        for one in sale.paid
    ]  # fmt: skip
    rest = sale.price - sale.paid_in
    if rest > ZERO:
        kind = PaymentKind.LOAN if sale.rest_source in loans else PaymentKind.FINAL
        plan.append((kind, rest, sale.rest_due_on or bureau_day(), sale.rest_source, ZERO))
    return plan


_NUMBERS = text("SELECT nextval('payment_notice_no') FROM generate_series(1, :wanted)")


def write_notices(session: Session, sheet: Sheet, contracts: dict[str, int]) -> dict[tuple[int, Source], int]:
    """A notice for each part of each plan; what was paid stands as paid (通知书)."""
    plans = [(sale, at, one) for _, sale in sheet.sales for at, one in enumerate(_plan(sale))]
    if not plans:
        return {}
    numbers = session.scalars(_NUMBERS, {"wanted": len(plans)}).all()
    rows = [
        {
            "notice_no": f"JK{bureau_day():%Y%m%d}{number:04d}", "contract_id": contracts[sale.contract_no],
            "version": 1, "position": at, "payment_kind": kind, "source": source, "amount": amount,
            "paid": paid, "due_on": due_on,
        }
        for number, (sale, at, (kind, amount, due_on, source, paid)) in zip(numbers, plans, strict=True)
    ]  # fmt: skip
    wanted = PaymentNotice.id, PaymentNotice.contract_id, PaymentNotice.source, PaymentNotice.paid
    made = session.execute(insert(PaymentNotice).returning(*wanted), rows)
    return {(row.contract_id, row.source): row.id for row in made if row.paid > ZERO}


def file_contracts(
    session: Session, opening: AccountOpening, sheet: Sheet, contracts: dict[str, int]
) -> None:
    """What was filed before is filed, under its own number and day (备案)."""
    if not sheet.sales:
        return
    session.execute(insert(OpeningContract), [
        {
            "contract_id": contracts[sale.contract_no], "opening_id": opening.id, "row": unit.row,
            "filing_no": sale.filing_no, "filed_on": sale.filed_on,
        }
        for unit, sale in sheet.sales
    ])  # fmt: skip
    filed = [contracts[sale.contract_no] for _, sale in sheet.sales if sale.filing_no]
    session.execute(
        update(Contract)
        .where(Contract.id == func.any(filed))
        .values(status=ContractStatus.FILED)
        .execution_options(synchronize_session=False)
    )
