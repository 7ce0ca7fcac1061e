"""Applications and registers for reading, with who handled them, in one query each (用款查询)."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, and_, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from config.clock import bureau_day
from config.settings import Settings
from escrow import chart
from escrow.access.models import Officer
from escrow.access.sealing import mask_account, unseal
from escrow.deposits.models import Receipt
from escrow.projects.models import Building, Developer, Project
from escrow.supervision.funds import LEVELS, limits_from
from escrow.supervision.levels import Position
from escrow.supervision.limits import LIMIT_CODES, Limits
from escrow.supervision.measure_models import CourtHold
from escrow.supervision.measures import HoldStatus
from escrow.supervision.models import SupervisedAccount
from escrow.supervision.takeovers import taken_over
from escrow.withdrawals.facts import Place, holds_on, of_project, paying_no
from escrow.withdrawals.models import ConstructionContract, ListedPayee, Withdrawal, WithdrawalLine
from escrow.withdrawals.payee_rules import ListingStatus
from escrow.withdrawals.rules import WAITING, WithdrawalStatus
from ledger.accounts import balances
from ledger.money import ZERO

_ENTERER, _REVIEWER, _DECIDER = aliased(Officer), aliased(Officer), aliased(Officer)
_ISSUER, _REVOKER = aliased(Officer), aliased(Officer)
_FUNDS = {chart.KEY_FUNDS: "key_funds", chart.GENERAL_FUNDS: "general", **LEVELS}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which applications are asked for (查询条件)."""

    status: WithdrawalStatus | None = None
    find: str = ""
    overdue: bool = False
    account_id: int | None = None
    before: int | None = None


def withdrawals(session: Session, wanted: Wanted, *, limit: int) -> list[Row[Any]]:
    """Newest first, from a key backwards (用款清单)."""
    query = _withdrawals().order_by(Withdrawal.id.desc()).limit(limit)
    if wanted.status is not None:
        query = query.where(Withdrawal.status == wanted.status)
    if wanted.find:
        known = (SupervisedAccount.account_no, Project.project_no, Withdrawal.application_no)
        query = query.where(or_(*(column == wanted.find for column in known)))
    if wanted.overdue:
        query = query.where(_is_overdue())
    if wanted.account_id is not None:
        query = query.where(Withdrawal.account_id == wanted.account_id)
    if wanted.before is not None:
        query = query.where(Withdrawal.id < wanted.before)
    return list(session.execute(query))


def withdrawal(session: Session, withdrawal_no: str) -> Any:
    """One application, None when there is no such number (用款)."""
    query = _withdrawals().where(Withdrawal.withdrawal_no == withdrawal_no)
    return session.execute(query).one_or_none()


def overdue_count(session: Session) -> int:
    """Applications that wait beyond their review deadline (逾期未复核件数)."""
    return session.scalar(select(func.count(Withdrawal.id)).where(_is_overdue())) or 0


def _is_overdue() -> Any:
    return and_(Withdrawal.status.in_(WAITING), Withdrawal.review_by < bureau_day())


def lines(session: Session, withdrawal_id: int) -> list[Row[Any]]:
    """Each payment of an application with its payee and contract (用款明细)."""
    query = (
        select(WithdrawalLine, ListedPayee, ConstructionContract)
        .join(ListedPayee, ListedPayee.id == WithdrawalLine.payee_id)
        .join(ConstructionContract, ConstructionContract.id == ListedPayee.contract_id)
        .where(WithdrawalLine.withdrawal_id == withdrawal_id)
        .order_by(WithdrawalLine.id)
    )
    return list(session.execute(query))


def round_trips(session: Session, one: Withdrawal, told: Settings, days: int) -> list[Row[Any]]:
    """Credits of the developer's accounts that came from a payee of this application (回流往来).

    A fact for whoever reviews it, not a refusal. Payers are sealed: the last digits narrow, the rest is read.
    """
    paid = [row.ListedPayee.account_no for row in lines(session, one.id)]
    own = select(Project.developer_pk).join(SupervisedAccount, SupervisedAccount.project_id == Project.id)
    query = (
        select(
            Receipt.receipt_no, Receipt.amount, Receipt.value_date, Receipt.payer_account_sealed,
            SupervisedAccount.account_no,
        )
        .join(SupervisedAccount, SupervisedAccount.id == Receipt.account_id)
        .join(Project, Project.id == SupervisedAccount.project_id)
        .where(
            Project.developer_pk == own.where(SupervisedAccount.id == one.account_id).scalar_subquery(),
            Receipt.value_date > bureau_day() - timedelta(days=days),
            Receipt.payer_account_masked.in_([mask_account(account_no) for account_no in paid]),
        )
        .order_by(Receipt.id.desc())
        .limit(100)
    )  # fmt: skip
    rows: list[Row[Any]] = list(session.execute(query))
    return [row for row in rows if unseal(row.payer_account_sealed, told) in paid]


# --- one account: who may be paid, and how much ---


def account_named(session: Session, number: str) -> str | None:
    """The account found by its own or its project's number (按账号或项目编号查找)."""
    query = select(SupervisedAccount.account_no).join(Project, Project.id == SupervisedAccount.project_id)
    named = or_(SupervisedAccount.account_no == number, Project.project_no == number)
    return session.scalar(query.where(named).order_by(SupervisedAccount.id.desc()).limit(1))


def project_of(session: Session, place: Place) -> Any:
    """The project and developer behind an account (所属项目)."""
    query = select(Project.project_no, Project.name, Developer.name.label("developer_name"))
    query = query.join(Developer, Developer.id == Project.developer_pk)
    return session.execute(query.where(Project.id == place.account.project_id)).one()


def over_account(session: Session, place: Place) -> dict[str, Any]:
    """What stands over an account and its payments, for a page's first lines (账户上的措施)."""
    return {
        "holds": holds_on(session, place.account.id), "takeover_no": taken_over(session, place.account.id),
        "paying_no": paying_no(session, place.account.id),
    }  # fmt: skip


def contracts(session: Session, account_id: int) -> list[Row[Any]]:
    """The project's construction contracts, newest first, with what is committed on each (施工合同)."""
    committed = (
        select(func.sum(WithdrawalLine.amount))
        .join(Withdrawal, Withdrawal.id == WithdrawalLine.withdrawal_id)
        .join(ListedPayee, ListedPayee.id == WithdrawalLine.payee_id)
        .where(ListedPayee.contract_id == ConstructionContract.id)
        .where(func.line_counts(WithdrawalLine.id, Withdrawal.status))
        .correlate(ConstructionContract)
        .scalar_subquery()
    )
    query = _handled(ConstructionContract).add_columns(committed.label("committed"))
    found = query.where(ConstructionContract.account_id.in_(of_project(account_id)))
    return list(session.execute(found.order_by(ConstructionContract.id.desc()).limit(200)))


def payees(session: Session, account_id: int, *, only_listed: bool = False) -> list[Row[Any]]:
    """The payees of the account's project, newest first (收款人)."""
    query = (
        _handled(ListedPayee)
        .add_columns(ConstructionContract.contract_no)
        .join(ConstructionContract, ConstructionContract.id == ListedPayee.contract_id)
        .where(ListedPayee.account_id.in_(of_project(account_id)))
    )
    if only_listed:
        both = (ListedPayee.status, ConstructionContract.status)
        query = query.where(*(status == ListingStatus.LISTED for status in both))
    return list(session.execute(query.order_by(ListedPayee.id.desc()).limit(500)))


def _handled(kind: Any) -> Any:
    return (
        select(
            kind, _ENTERER.full_name.label("enterer"), _DECIDER.full_name.label("decider"),
            _REVOKER.full_name.label("retirer"),
        )
        .join(_ENTERER, _ENTERER.id == kind.entered_by)
        .outerjoin(_DECIDER, _DECIDER.id == kind.decided_by)
        .outerjoin(_REVOKER, _REVOKER.id == kind.retired_by)
    )  # fmt: skip


def buildings(session: Session, place: Place) -> list[Row[Any]]:
    """The buildings of the account's project (楼幢)."""
    query = select(Building.id, Building.building_no).where(
        Building.project_id == place.account.project_id, Building.removed_at.is_(None)
    )
    return list(session.execute(query.order_by(Building.id)))


def limits_by_building(session: Session, place: Place) -> list[tuple[str, Limits]]:
    """What each building may pay now, out of one look at the book (各幢可拨付额度)."""
    holdings = balances(session, place.account.book_id, (*LIMIT_CODES, *_FUNDS))
    found = {(account.code, account.key): amount for account, amount in holdings}
    shown = []
    for row in buildings(session, place):
        key = chart.building_key(row.id)
        held = {name: found.get((code, key), ZERO) for code, name in _FUNDS.items() if code != chart.QUOTA}
        now = Position(mode=place.mode, quota=found.get((chart.QUOTA, key)), **held)
        counted = [one for one in holdings if one[0].code in LIMIT_CODES]
        shown.append((row.building_no, limits_from(counted, now, row.id)))
    return shown


def _withdrawals() -> Any:
    return (
        select(
            Withdrawal, Project.project_no, Project.name.label("project_name"),
            Building.building_no, SupervisedAccount.account_no,
            _ENTERER.full_name.label("enterer"), _REVIEWER.full_name.label("reviewer"),
            _DECIDER.full_name.label("decider"), _ISSUER.full_name.label("issuer"),
            _REVOKER.full_name.label("revoker"), _is_overdue().label("is_overdue"),
            exists()
            .where(CourtHold.account_id == Withdrawal.account_id, CourtHold.status == HoldStatus.IN_FORCE)
            .label("is_frozen"),
        )
        .join(SupervisedAccount, SupervisedAccount.id == Withdrawal.account_id)
        .join(Project, Project.id == SupervisedAccount.project_id)
        .join(Building, Building.id == Withdrawal.building_id)
        .join(_ENTERER, _ENTERER.id == Withdrawal.entered_by)
        .outerjoin(_REVIEWER, _REVIEWER.id == Withdrawal.reviewed_by)
        .outerjoin(_DECIDER, _DECIDER.id == Withdrawal.decided_by)
        .outerjoin(_ISSUER, _ISSUER.id == Withdrawal.issued_by)
        .outerjoin(_REVOKER, _REVOKER.id == Withdrawal.revoked_by)
    )  # fmt: skip
