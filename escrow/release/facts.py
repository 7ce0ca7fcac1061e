"""What the bureau knows of one account when its release is judged (解除监管所需的事实)."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from config.clock import bureau_day
from config.regulations import Law, law_on
from escrow import chart
from escrow.contracts.models import Contract
from escrow.contracts.rules import ContractStatus
from escrow.deposits.models import Receipt, ReceiptReversal
from escrow.projects.models import Building, Developer, Project, Unit
from escrow.registration.models import FirstRegistration, RegisteredBuilding, TransferRegistration
from escrow.registration.rules import RegistrationStatus
from escrow.release import clauses
from escrow.release.models import ReleaseApplication, ReleasedBuilding, ReleaseEvidence
from escrow.release.open_items import open_items
from escrow.release.rules import EvidenceStatus, OpenContract, ReleaseFacts, ReleaseStatus
from escrow.release.scope import Scope, building_of, of_orders, scope_of
from escrow.supervision.models import Agreement, SupervisedAccount
from escrow.supervision.rules import AgreementStatus
from escrow.supervision.takeovers import taken_over
from escrow.withdrawals.facts import of_project, open_withdrawals
from escrow.withdrawals.rules import WithdrawalStatus
from ledger.accounts import Account, balances, lock_accounts
from ledger.money import ZERO, Yuan

SUBJECT = "presale_funds"
# The law that a release is judged by and that its decision keeps (随决定存档的规定).
LAW_KEYS = (
    "release_applicant", "release_after_first_registration", "release_clauses_additional",
    "release_nothing_open", "release_two_officers", "account_active", "reversal_settled",
    "takeover_two_officers",
)  # fmt: skip

Holding = tuple[Account, Yuan]


@dataclass(frozen=True, slots=True)
class Known:
    """One account, what it holds, and the facts to judge (所知)."""

    account: Any
    holdings: list[Holding]
    building_nos: dict[str, str]  # ledger key of a building -> its number
    clauses: tuple[clauses.Clause, ...]
    facts: ReleaseFacts
    law: Law
    scope: Scope

    def payable(self) -> list[Holding]:
        """What stands on each released building and goes to the developer (各幢应转余额)."""
        funds = (chart.KEY_FUNDS, chart.GENERAL_FUNDS)
        return [(account, held) for account, held in self.holdings if account.code in funds and held != ZERO]


def known(
    session: Session, account_id: int, *, application_id: int | None = None, locked: bool = False
) -> Known:
    """Everything a release is judged by; `locked` when the caller holds the account and will post.

    Without an application of its own, the one that waits (if any) is taken as this account's.
    """
    account = _account(session, account_id)
    own, other = _applications(session, account_id, application_id)
    scope = scope_of(session, own)
    holdings = _holdings(session, account.book_id, scope, locked=locked)
    buildings = [one for one in _buildings(session, account.project_id) if scope.has(one.id)]
    units = _units(session, account.project_id, scope)
    agreed = _agreed(account)
    pending, uncovered = _withdrawals(session, account_id, scope)
    facts = ReleaseFacts(
        today=bureau_day(),
        account_status=account.status,
        application_no=own.application_no if own else None,
        other_application=other,
        agreement_no=account.agreement_no, agreement_waiting=account.agreement_waiting,
        clauses=agreed,
        papers=_papers(session, account.project_id),
        buildings=tuple(
            clauses.Building(one.building_no, one.registered_on, one.certificate_no) for one in buildings
        ),
        units=units.total, units_transferred=units.transferred,
        balances=_by_code(holdings),
        contracts=_open_contracts(session, account.project_id, holdings, scope),
        pending_reversals=_pending_reversals(session, account_id, holdings),
        pending_withdrawals=pending,
        uncovered_withdrawals=uncovered,
        items=open_items(session, account.project_id, scope),
        takeover_no=taken_over(session, account_id),
        is_partial=scope.is_partial,
        released_before=tuple(one.building_no for one in buildings if scope.is_partial and one.is_released),
    )  # fmt: skip
    names = {chart.building_key(one.id): one.building_no for one in buildings}
    law = law_on(facts.today, SUBJECT, account.region)
    return Known(account, holdings, names, agreed, facts, law, scope)


def _agreed(account: Any) -> tuple[clauses.Clause, ...]:
    """What the effective agreement asks for besides first registration."""
    return tuple(
        clauses.Clause(str(one.get("kind")), one.get("value"), str(one.get("clause") or ""))
        for one in (account.clauses or {}).get("release") or ()
    )


def _account(session: Session, account_id: int) -> Any:
    effective, waiting = aliased(Agreement), aliased(Agreement)
    query = (
        select(
            SupervisedAccount.id, SupervisedAccount.account_no, SupervisedAccount.account_name,
            SupervisedAccount.bank_code, SupervisedAccount.status, SupervisedAccount.book_id,
            Project.id.label("project_id"), Project.project_no, Project.name.label("project_name"),
            Project.region,
            Developer.name.label("developer_name"), Developer.developer_id,
            effective.agreement_no, effective.clauses, waiting.version.label("agreement_waiting"),
        )
        .join(Project, Project.id == SupervisedAccount.project_id)
        .join(Developer, Developer.id == Project.developer_pk)
        .outerjoin(
            effective, and_(effective.project_id == Project.id, effective.status == AgreementStatus.EFFECTIVE)
        )
        .outerjoin(
            waiting, and_(waiting.project_id == Project.id, waiting.status == AgreementStatus.PROPOSED)
        )
    )  # fmt: skip
    return session.execute(query.where(SupervisedAccount.id == account_id)).one()


def _holdings(session: Session, book_id: int, scope: Scope, *, locked: bool) -> list[Holding]:
    """Every account of the book that is the release's concern; under the lock, read after it."""
    orders = of_orders(session, book_id)
    found = [(one, held) for one, held in balances(session, book_id) if scope.has(building_of(one, orders))]
    if not locked:
        return found
    held = lock_accounts(session, [account for account, _ in found])
    return [(account, held[account.id]) for account, _ in found]


def _by_code(holdings: list[Holding]) -> dict[str, Yuan]:
    found: dict[str, Yuan] = {}
    for account, amount in holdings:
        found[account.code] = found.get(account.code, ZERO) + amount
    return found


def _buildings(session: Session, project_id: int) -> list[Row[Any]]:
    confirmed = and_(
        RegisteredBuilding.building_id == Building.id,
        RegisteredBuilding.status == RegistrationStatus.CONFIRMED,
    )
    query = (
        select(
            Building.id,
            Building.building_no,
            FirstRegistration.registered_on,
            FirstRegistration.certificate_no,
            ReleasedBuilding.building_id.is_not(None).label("is_released"),
        )
        .outerjoin(ReleasedBuilding, ReleasedBuilding.building_id == Building.id)
        .outerjoin(RegisteredBuilding, confirmed)
        .outerjoin(FirstRegistration, FirstRegistration.id == RegisteredBuilding.registration_id)
        .where(Building.project_id == project_id, Building.removed_at.is_(None))
        .order_by(Building.id)
    )
    return list(session.execute(query))


def _units(session: Session, project_id: int, scope: Scope) -> Any:
    query = (
        select(func.count(Unit.id).label("total"), func.count(TransferRegistration.id).label("transferred"))
        .select_from(Unit)
        .join(Building, Building.id == Unit.building_id)
        .outerjoin(TransferRegistration, TransferRegistration.unit_id == Unit.id)
        .where(Building.project_id == project_id, Unit.removed_at.is_(None))
    )
    if scope.is_partial:
        query = query.where(Building.id.in_(scope.building_ids))
    return session.execute(query).one()


def _papers(session: Session, project_id: int) -> tuple[clauses.Paper, ...]:
    """What was filed for the project's account, and for the accounts before it."""
    query = (
        select(ReleaseEvidence.kind, ReleaseEvidence.clause, ReleaseEvidence.paper_no, ReleaseEvidence.ratio)
        .join(SupervisedAccount, SupervisedAccount.id == ReleaseEvidence.account_id)
        .where(SupervisedAccount.project_id == project_id)
        .where(ReleaseEvidence.status == EvidenceStatus.CONFIRMED)
        .order_by(ReleaseEvidence.id)
    )
    return tuple(
        clauses.Paper(row.kind, row.clause, row.paper_no, row.ratio) for row in session.execute(query)
    )


def _open_contracts(
    session: Session, project_id: int, holdings: list[Holding], scope: Scope
) -> tuple[OpenContract, ...]:
    """Contracts that are not plainly filed, with what the memo account says was paid in under each."""
    paid_in = {
        account.key: amount for account, amount in holdings if account.code == chart.PAID_IN_BY_CONTRACT
    }
    query = (
        select(Contract.id, Contract.contract_no, Contract.status)
        .where(Contract.project_id == project_id, Contract.status != ContractStatus.FILED)
        .order_by(Contract.id)
    )
    if scope.is_partial:
        query = query.join(Unit, Unit.id == Contract.unit_id).where(Unit.building_id.in_(scope.building_ids))
    return tuple(
        OpenContract(row.contract_no, row.status, paid_in.get(chart.contract_key(row.id), ZERO))
        for row in session.execute(query)
    )


def _pending_reversals(session: Session, account_id: int, holdings: list[Holding]) -> tuple[str, ...]:
    """Reversals the bank took more for than the book still held, until 1301 is cleared again (未了冲正)."""
    if _by_code(holdings).get(chart.BANK_ERROR_RECEIVABLE, ZERO) == ZERO:
        return ()
    query = (
        select(Receipt.receipt_no)
        .join(ReceiptReversal, ReceiptReversal.receipt_id == Receipt.id)
        .where(Receipt.account_id.in_(of_project(account_id)), ReceiptReversal.uncovered > ZERO)
        .where(func.reversal_left(Receipt.id) > 0)
        .order_by(Receipt.id)
    )
    return tuple(session.scalars(query))


def _withdrawals(
    session: Session, account_id: int, scope: Scope
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What waits or is held for, and what is approved and not covered (在办与资金不足的用款)."""
    found: dict[bool, list[str]] = {False: [], True: []}
    for one in open_withdrawals(session, account_id):
        if not scope.has(one.building_id):
            continue
        found[one.status is WithdrawalStatus.UNCOVERED].append(one.withdrawal_no)
    return tuple(found[False]), tuple(found[True])


def _applications(
    session: Session, account_id: int, application_id: int | None
) -> tuple[ReleaseApplication | None, str | None]:
    """This application, and the paper number of another that waits (本件与另一在办申请)."""
    query = select(ReleaseApplication).where(
        ReleaseApplication.account_id == account_id,
        or_(
            ReleaseApplication.status == ReleaseStatus.ENTERED,
            (ReleaseApplication.status == ReleaseStatus.APPROVED) & ReleaseApplication.is_whole,
            ReleaseApplication.id == application_id,
        ),
    )
    live = {row.id: row for row in session.scalars(query.order_by(ReleaseApplication.id))}
    if application_id is None and live:
        application_id = next(iter(live))
    own = live.pop(application_id, None) if application_id is not None else None
    other = next((one for one in live.values() if one.status is not ReleaseStatus.REJECTED), None)
    return own, other.application_no if other else None
