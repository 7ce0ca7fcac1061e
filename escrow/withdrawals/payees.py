"""Construction contracts and payees are entered by one officer and listed by another (白名单登记)."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from config.clock import bureau_day
from escrow.access import audit
from escrow.errors import Invalid, NotFound, Refused
from escrow.projects.models import Developer, Project
from escrow.supervision.models import SupervisedAccount
from escrow.supervision.papers import used_papers, wait_turn
from escrow.supervision.rules import AccountStatus
from escrow.withdrawals.facts import Place, of_project, place_of
from escrow.withdrawals.models import ConstructionContract, ListedPayee
from escrow.withdrawals.payee_rules import (
    ContractFacts,
    ListingStatus,
    PayeeFacts,
    PayeeKind,
    contract_refusals,
    listing_refusals,
    payee_refusals,
)
from escrow.workdays.actions import calendar
from ledger.money import Yuan

_LIVE = (ListingStatus.ENTERED, ListingStatus.LISTED)


@dataclass(frozen=True, slots=True)
class AskedContract:
    """A construction contract as handed in (施工合同)."""

    account_no: str
    contract_no: str
    contractor: str
    price: Yuan
    signed_on: date
    file_hash: str


@dataclass(frozen=True, slots=True)
class AskedPayee:
    """A payee as handed in (收款人)."""

    contract_id: int
    kind: PayeeKind
    name: str
    account_no: str
    bank_name: str
    file_hash: str


def enter_contract(session: Session, asked: AskedContract, *, officer_id: int) -> int:
    """One officer enters a construction contract (录入施工合同). Raises NotFound, Invalid, Refused."""
    place = place_of(session, asked.account_no, locked=True)
    if asked.signed_on > bureau_day():
        raise Invalid({"signed_on": "签订日期不能晚于今天。"})
    wait_turn(session, f"construction:{asked.contract_no}")
    taken = select(ConstructionContract.id).where(
        ConstructionContract.contract_no == asked.contract_no, ConstructionContract.status.in_(_LIVE)
    )
    facts = ContractFacts(
        AccountStatus(place.account.status), asked.contractor, _developer(session, place),
        session.scalar(taken) is not None,
    )  # fmt: skip
    used = used_papers(session, [asked.file_hash], place.law)
    if reasons := [*contract_refusals(facts, place.law), *used]:
        raise Refused(reasons)
    contract = ConstructionContract(
        account_id=place.account.id, contract_no=asked.contract_no, contractor=asked.contractor,
        price=asked.price, signed_on=asked.signed_on, file_hash=asked.file_hash,
        status=ListingStatus.ENTERED, entered_by=officer_id,
    )  # fmt: skip
    session.add(contract)
    session.flush()
    audit.record(
        session, "construction.entered", asked.contract_no, account_no=asked.account_no,
        contractor=asked.contractor, price=asked.price, file_hash=asked.file_hash,
    )  # fmt: skip
    return contract.id


def enter_payee(session: Session, asked: AskedPayee, *, officer_id: int) -> int:
    """One officer enters a payee under a listed contract (录入收款人). Raises NotFound or Refused."""
    contract, place = _held(session, ConstructionContract, asked.contract_id)
    facts = _payee_facts(session, place, contract, (asked.kind, asked.name, asked.account_no))
    used = used_papers(session, [asked.file_hash], place.law)
    if reasons := [*payee_refusals(facts, place.law), *used]:
        raise Refused(reasons)
    twice = select(ListedPayee.id).where(
        ListedPayee.contract_id == contract.id, ListedPayee.account_no == asked.account_no,
        ListedPayee.kind == asked.kind, ListedPayee.status.in_(_LIVE),
    )  # fmt: skip
    if session.scalar(twice) is not None:
        raise Invalid({"account_no": "这个账号已在此合同名下。"})
    payee = ListedPayee(
        account_id=contract.account_id, contract_id=contract.id, kind=asked.kind, name=asked.name,
        account_no=asked.account_no, bank_name=asked.bank_name, file_hash=asked.file_hash,
        status=ListingStatus.ENTERED, entered_by=officer_id,
    )  # fmt: skip
    session.add(payee)
    session.flush()
    audit.record(
        session, "payee.entered", payee.id, contract_no=contract.contract_no, name=asked.name,
        account_no=asked.account_no, file_hash=asked.file_hash,
    )  # fmt: skip
    return payee.id


def decide_contract(
    session: Session, account_no: str, contract_id: int, *, officer_id: int, reason: str | None = None
) -> ListingStatus:
    """Another officer registers the contract, or with a reason sends it back (施工合同复核)."""
    contract, place = _held(session, ConstructionContract, contract_id, under=account_no)
    if reasons := listing_refusals(contract.status, contract.entered_by, officer_id, place.law):
        raise Refused(reasons)
    to = _decide(session, contract, officer_id, reason)
    audit.record(session, f"construction.{to}", contract.contract_no, reason=reason)
    return to


def decide_payee(
    session: Session, account_no: str, payee_id: int, *, officer_id: int, reason: str | None = None
) -> ListingStatus:
    """Another officer lists the payee, usable some working days later, or sends it back (收款人复核)."""
    payee, place = _held(session, ListedPayee, payee_id, under=account_no)
    reasons = listing_refusals(payee.status, payee.entered_by, officer_id, place.law)
    contract = session.get_one(ConstructionContract, payee.contract_id)
    if reason is None:
        said = (payee.kind, payee.name, payee.account_no)
        reasons += payee_refusals(_payee_facts(session, place, contract, said), place.law)
    if reasons:
        raise Refused(reasons)
    if reason is None:
        days = place.law["withdrawal_payee_days"].value
        payee.usable_on = calendar(session).working_days_after(bureau_day(), days)
    to = _decide(session, payee, officer_id, reason)
    audit.record(session, f"payee.{to}", payee.id, name=payee.name, reason=reason)
    return to


def retire_payee(
    session: Session, account_no: str, payee_id: int, *, officer_id: int, reason: str
) -> None:  # fmt: skip
    """A payee is paid no more; whoever finds it out takes it off at once (停用收款人). Raises Refused."""
    payee, place = _held(session, ListedPayee, payee_id, under=account_no)
    if reasons := listing_refusals(payee.status, 0, officer_id, place.law, waits=ListingStatus.LISTED):
        raise Refused(reasons)
    payee.status, payee.retired_by, payee.reason = ListingStatus.RETIRED, officer_id, reason
    session.flush()
    audit.record(session, "payee.retired", payee.id, name=payee.name, reason=reason)


def retire_contract(
    session: Session, account_no: str, contract_id: int, *, officer_id: int, reason: str
) -> None:  # fmt: skip
    """A contract has ended: nothing is paid on it any more (停用施工合同). Raises Refused."""
    contract, place = _held(session, ConstructionContract, contract_id, under=account_no)
    if reasons := listing_refusals(contract.status, 0, officer_id, place.law, waits=ListingStatus.LISTED):
        raise Refused(reasons)
    contract.status, contract.retired_by, contract.reason = ListingStatus.RETIRED, officer_id, reason
    session.flush()
    audit.record(session, "construction.retired", contract.contract_no, reason=reason)


def _decide(session: Session, listing: Any, officer_id: int, reason: str | None) -> ListingStatus:
    to = ListingStatus.LISTED if reason is None else ListingStatus.REJECTED
    listing.status, listing.reason = to, reason
    listing.decided_by, listing.decided_at = officer_id, func.clock_timestamp()
    session.flush()
    return to


def _payee_facts(
    session: Session, place: Place, contract: ConstructionContract, said: tuple[PayeeKind, str, str]
) -> PayeeFacts:
    kind, name, account_no = said
    listed = select(ListedPayee.name).where(
        ListedPayee.account_no == account_no, ListedPayee.status == ListingStatus.LISTED
    )
    supervised = select(SupervisedAccount.account_no).where(SupervisedAccount.account_no == account_no)
    return PayeeFacts(
        contract_status=contract.status, kind=kind, name=name, contractor=contract.contractor,
        developer=_developer(session, place), account_no=account_no,
        supervised_account=session.scalar(supervised) or place.account.account_no,
        listed_name=session.scalar(listed.order_by(ListedPayee.id).limit(1)),
    )  # fmt: skip


def _developer(session: Session, place: Place) -> str:
    query = select(Developer.name).join(Project, Project.developer_pk == Developer.id)
    return session.scalars(query.where(Project.id == place.account.project_id)).one()


def _held(
    session: Session, kind: Any, listing_id: int, *, under: str | None = None
) -> tuple[Any, Place]:
    """The row under its lock, the project's account of today before it. Raises NotFound.

    `under`: an account of the project, as the address says; another project's is not found.
    """
    listed = session.scalar(select(kind.account_id).where(kind.id == listing_id))
    ours = SupervisedAccount.id.in_(of_project(listed or 0))
    is_closed = SupervisedAccount.status == AccountStatus.CLOSED
    query = select(SupervisedAccount.account_no).where(ours)
    numbers = session.scalars(query.order_by(is_closed, SupervisedAccount.id.desc())).all()
    if not numbers or under not in (None, *numbers):
        raise NotFound("这个账户没有这项登记")
    place = place_of(session, numbers[0], locked=True)
    row = select(kind).where(kind.id == listing_id).with_for_update()
    return session.scalars(row.execution_options(populate_existing=True)).one(), place
