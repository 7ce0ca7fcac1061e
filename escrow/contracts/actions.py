"""A contract is drafted with its notices, or changed (草拟合同). Lock, look, judge, write."""

import hmac
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any

from sqlalchemy import func, insert, select, text, update
from sqlalchemy.orm import Session

from config.clock import bureau_day
from config.regulations import law_on
from config.settings import Settings
from escrow.access import audit
from escrow.contracts.models import Contract, ContractVersion, PaymentNotice
from escrow.contracts.parties import Buyer, write_parties
from escrow.contracts.rules import (
    ContractStatus,
    DraftFacts,
    Earlier,
    Held,
    Planned,
    account_refusals,
    draft_refusals,
    kept,
)
from escrow.errors import Invalid, Refused
from escrow.outbox import canonical
from escrow.projects.models import UNIT_STANDING, Building, Project, Unit
from escrow.projects.rules import UnitStatus
from escrow.supervision.models import LIVING_FIRST, SupervisedAccount
from escrow.supervision.rules import AccountStatus
from ledger.money import Yuan

LAW = "presale_funds"


@dataclass(frozen=True, slots=True)
class Asked:
    """The drafted contract as the filing system sends it (草拟合同)."""

    contract_no: str
    project_no: str
    unit_code: str
    price: Yuan
    buyers: tuple[Buyer, ...]
    payments: tuple[Planned, ...]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a contract belongs, held still (合同所在)."""

    project_id: int
    region: str
    account_status: AccountStatus | None
    unit_id: int | None
    unit_status: UnitStatus | None


def draft(session: Session, asked: Asked, settings: Settings) -> tuple[dict[str, Any], bool]:
    """Take a drafted contract and issue its notices (草拟合同、签发缴款通知书); the answer, and whether it is new.

    The same facts again bring the same answer before any rule is asked. Changed facts make a new version:
    notices that money came in on stay, every other one is void and replaced. Raises Invalid or Refused.
    """
    place = _hold(session, asked)
    contract = locked_contract(session, asked.contract_no)
    digest = hmac.new(settings.index_key, canonical(asdict(asked)), sha256).digest()
    if contract and _latest_digest(session, contract) == digest:
        _reissue(session, contract, asked, place)
        return _answer(session, asked, contract.version), False

    held = _held_notices(session, contract) if contract else ()
    facts = _facts(session, asked, place, contract, held)
    if reasons := draft_refusals(facts, law_on(bureau_day(), LAW, place.region)):
        raise Refused(reasons)
    if place.unit_id is None:
        raise RuntimeError("a contract is of a unit")

    if contract:
        contract.version, contract.price = contract.version + 1, asked.price
        written = contract
        void_unpaid(session, contract.id)
    else:
        written = Contract(
            contract_no=asked.contract_no, project_id=place.project_id, unit_id=place.unit_id,
            status=ContractStatus.DRAFTED, version=1, price=asked.price,
        )  # fmt: skip
        session.add(written)
    session.flush()
    _write_version(session, written, asked, digest)
    write_parties(session, written, asked.buyers, settings)
    _issue(session, written, asked, kept(held, asked.payments))
    audit.record(
        session, "contract.changed" if contract else "contract.drafted", asked.contract_no,
        version=written.version, unit_code=asked.unit_code, price=asked.price, payments=len(asked.payments),
    )  # fmt: skip
    return _answer(session, asked, written.version), contract is None


# --- shared with the cancellation ---


def locked_contract(session: Session, contract_no: str) -> Contract | None:
    """The contract, locked and as it stands under the lock (锁定合同)."""
    query = select(Contract).where(Contract.contract_no == contract_no)
    return session.scalar(query.with_for_update(key_share=True).execution_options(populate_existing=True))


def void_unpaid(session: Session, contract_id: int) -> None:
    """What nobody has paid on is asked for no more (作废未缴款的通知书)."""
    void = update(PaymentNotice).where(
        PaymentNotice.contract_id == contract_id,
        PaymentNotice.voided_at.is_(None),
        PaymentNotice.paid == Yuan(0),
    )
    session.execute(
        void.values(voided_at=func.clock_timestamp()).execution_options(synchronize_session=False)
    )


# --- locking and looking ---


def _hold(session: Session, asked: Asked) -> _Place:
    """Whoever brings the same contract number waits; then account and unit are held, in this order."""
    session.execute(
        select(func.pg_advisory_xact_lock(func.hashtextextended(f"contract:{asked.contract_no}", 0)))
    )
    query = select(Project.id, Project.region).where(Project.project_no == asked.project_no)
    project = session.execute(query).one_or_none()
    if project is None:
        raise Invalid({"project_no": "没有这个项目。"})
    account = (
        select(SupervisedAccount.status)
        .where(SupervisedAccount.project_id == project.id)
        .order_by(*LIVING_FIRST)
        .limit(1)
    )
    status = session.scalar(account.with_for_update(read=True))
    unit = (
        select(Unit.id)
        .join(Building, Building.id == Unit.building_id)
        .where(
            Unit.unit_code == asked.unit_code, Building.project_id == project.id, Unit.removed_at.is_(None)
        )
    )
    unit_id = session.scalar(unit.with_for_update(key_share=True, of=Unit))
    standing = None
    if unit_id is not None:
        found = session.scalar(select(UNIT_STANDING.c.status).where(UNIT_STANDING.c.unit_id == unit_id))
        standing = UnitStatus(str(found))
    return _Place(project.id, project.region, status, unit_id, standing)


def _latest_digest(session: Session, contract: Contract) -> bytes | None:
    return session.scalar(
        select(ContractVersion.digest).where(
            ContractVersion.contract_id == contract.id, ContractVersion.version == contract.version
        )
    )


def _held_notices(session: Session, contract: Contract) -> tuple[Held, ...]:
    """The notices that money has come in on, held still until this transaction ends."""
    query = (
        select(PaymentNotice)
        .where(PaymentNotice.contract_id == contract.id, PaymentNotice.voided_at.is_(None))
        .order_by(PaymentNotice.id)
        .with_for_update(key_share=True)
    )
    return tuple(
        Held(one.id, one.notice_no, Planned(one.payment_kind, one.amount, one.due_on, one.source))
        for one in session.scalars(query)
        if one.paid != Yuan(0)
    )


_RELEASED = text(
    "SELECT true FROM released_building r JOIN unit u ON u.building_id = r.building_id WHERE u.id = :unit_id"
)


def _facts(
    session: Session, asked: Asked, place: _Place, contract: Contract | None, held: tuple[Held, ...]
) -> DraftFacts:
    taken = select(Contract.contract_no).where(
        Contract.unit_id == place.unit_id,
        Contract.status != ContractStatus.CANCELLED,
        Contract.contract_no != asked.contract_no,
    )
    earlier = None
    if contract:
        same_unit = (contract.project_id, contract.unit_id) == (place.project_id, place.unit_id)
        earlier = Earlier(contract.status, same_unit, held)
    return DraftFacts(
        contract_no=asked.contract_no,
        unit_code=asked.unit_code,
        plan=asked.payments,
        account_status=place.account_status,
        in_register=place.unit_id is not None,
        is_registered=place.unit_status is UnitStatus.REGISTERED,
        taken_by=session.scalar(taken),
        earlier=earlier,
        is_released=bool(session.scalar(_RELEASED, {"unit_id": place.unit_id})),
    )


# --- writing ---


def _write_version(session: Session, contract: Contract, asked: Asked, digest: bytes) -> None:
    payments = [
        {
            "payment_kind": payment.payment_kind.value, "amount": str(payment.amount),
            "due_on": payment.due_on.isoformat(), "source": payment.source.value,
        }
        for payment in asked.payments
    ]  # fmt: skip
    session.execute(
        insert(ContractVersion).values(
            contract_id=contract.id,
            version=contract.version,
            price=asked.price,
            payments=payments,
            digest=digest,
        )
    )


_NUMBERS = text("SELECT nextval('payment_notice_no') FROM generate_series(1, :wanted)")


def _issue(session: Session, contract: Contract, asked: Asked, places: dict[int, Held]) -> None:
    """A notice for every payment that has none yet, under a number never used again (签发)."""
    day = bureau_day()
    wanted = len(asked.payments) - len(places)
    numbers = iter(session.scalars(_NUMBERS, {"wanted": wanted}).all() if wanted else ())
    rows = []
    for position, payment in enumerate(asked.payments):
        if notice := places.get(position):
            session.execute(
                update(PaymentNotice).where(PaymentNotice.id == notice.notice_id).values(position=position)
            )
            continue
        rows.append(
            {
                "notice_no": f"JK{day:%Y%m%d}{next(numbers):04d}", "contract_id": contract.id,
                "version": contract.version, "position": position, "payment_kind": payment.payment_kind,
                "source": payment.source, "amount": payment.amount, "due_on": payment.due_on,
            }
        )  # fmt: skip
    if rows:
        session.execute(insert(PaymentNotice), rows)


def _reissue(session: Session, contract: Contract, asked: Asked, place: _Place) -> None:
    """The filing system asks again for what a change of account voided: new numbers, same payments (重新签发)."""
    held = _held_notices(session, contract)
    living = sum((notice.planned.amount for notice in held), Yuan(0))
    query = select(PaymentNotice.id).where(
        PaymentNotice.contract_id == contract.id, PaymentNotice.voided_at.is_(None)
    )
    unpaid = len(session.scalars(query).all()) > len(held)
    if unpaid or living == contract.price or contract.status is ContractStatus.CANCELLED:
        return
    if reasons := account_refusals(place.account_status, law_on(bureau_day(), LAW, place.region)):
        raise Refused(reasons)
    _issue(session, contract, asked, kept(held, asked.payments))
    audit.record(session, "contract.reissued", contract.contract_no, version=contract.version)


def _answer(session: Session, asked: Asked, version: int) -> dict[str, Any]:
    """The contract as it was drafted, with the notices of its plan: the same however often it is asked."""
    query = (
        select(
            PaymentNotice.notice_no, PaymentNotice.payment_kind, PaymentNotice.amount, PaymentNotice.due_on
        )
        .join(Contract, Contract.id == PaymentNotice.contract_id)
        .where(Contract.contract_no == asked.contract_no)
        .where(PaymentNotice.voided_at.is_(None) | (PaymentNotice.version == version))
        .where(PaymentNotice.account_change_id.is_(None))
        .order_by(PaymentNotice.position, PaymentNotice.id)
    )
    return {
        "contract_no": asked.contract_no, "project_no": asked.project_no, "unit_code": asked.unit_code,
        "status": ContractStatus.DRAFTED.value, "version": version, "price": str(asked.price),
        "notices": [
            {
                "notice_no": notice.notice_no, "payment_kind": notice.payment_kind.value,
                "amount": str(notice.amount), "due_on": notice.due_on.isoformat(),
            }
            for notice in session.execute(query)
        ],
    }  # fmt: skip
