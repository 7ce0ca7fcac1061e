"""What was released is ordered of the bank, building by building; then the account closes (划付与销户)."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from config.clock import bureau_day
from config.regulations import Law, law_on
from config.settings import Settings
from escrow import chart
from escrow.access import audit
from escrow.errors import NotFound, Refused
from escrow.instructions.actions import Order, Payee, issue
from escrow.instructions.models import Instruction
from escrow.instructions.rules import InstructionKind, InstructionStatus
from escrow.projects.models import Developer, Project
from escrow.release.models import ReleaseApplication
from escrow.release.payout_rules import PayoutFacts, close_refusals, payout_refusals
from escrow.release.receiving import confirmed_of
from escrow.release.rules import ReleaseStatus
from escrow.release.scope import released_keys
from escrow.supervision.models import LIVING_FIRST, SupervisedAccount
from escrow.supervision.rules import AccountStatus
from escrow.withdrawals.facts import of_project
from ledger.accounts import Account, balances, lock_accounts
from ledger.money import ZERO, Yuan
from ledger.movements import Transfer


@dataclass(frozen=True, slots=True)
class _Held:
    application: ReleaseApplication
    account: SupervisedAccount
    developer: str
    developer_id: int
    law: Law


def pay_out(session: Session, release_no: str, told: Settings, *, officer_id: int) -> list[str]:
    """Order what each building still has to pay, to the account two officers settled; the orders' numbers.

    What the bank did not pay can be ordered again. Raises NotFound or Refused with every reason.
    """
    held = _held(session, release_no)
    own = confirmed_of(session, held.developer_id, locked=True)
    due = _due(session, held.account, released_keys(session, held.application))
    facts = PayoutFacts(
        status=held.application.status, approved_by=held.application.decided_by, officer_id=officer_id,
        payee=own.name if own else None, developer=held.developer,
        due=sum((amount for _, amount in due), ZERO),
    )  # fmt: skip
    reasons = payout_refusals(facts, held.law)
    if reasons or own is None:
        raise Refused(reasons)
    payee = Payee(
        own.name, own.account_no, own.bank_name, sealed=(own.name_sealed, own.account_sealed)
    )  # fmt: skip
    numbers = []
    for source, amount in due:
        order = Order(
            InstructionKind.RELEASE, held.account.id, amount, payee, f"解除监管 {release_no}",
            chart.INSTRUCT_RELEASE, _from(source, amount), chart.RELEASED_PAYABLE, source.key,
        )  # fmt: skip
        numbers.append(issue(session, order, told, officer_id=officer_id).instruction_no)
    audit.record(session, "release.paid-out", release_no, orders=numbers)
    return numbers


def close(session: Session, release_no: str, *, officer_id: int) -> None:
    """The account is empty and every order answered: it is closed (销户). Raises NotFound or Refused."""
    held = _held(session, release_no)
    open_orders = session.scalar(
        select(func.count(Instruction.id)).where(
            Instruction.account_id == held.account.id,
            Instruction.status.in_((InstructionStatus.ISSUED, InstructionStatus.UNKNOWN)),
        )
    )
    found = balances(session, held.account.book_id, codes=[chart.DEPOSITS_AT_BANK, chart.JUDICIAL_HOLD])
    left = sum((amount for one, amount in found if one.code == chart.DEPOSITS_AT_BANK), ZERO)
    frozen = sum((amount for one, amount in found if one.code == chart.JUDICIAL_HOLD), ZERO)
    if reasons := close_refusals(held.account.status, left, open_orders or 0, frozen, held.law):
        raise Refused(reasons)
    held.account.status = AccountStatus.CLOSED
    session.flush()
    audit.record(session, "release.closed", release_no, account_no=held.account.account_no)


def due_on(session: Session, application: ReleaseApplication) -> Yuan:
    """What stands as released and not yet ordered: for the page (待划付金额)."""
    account = session.scalars(_of_project(application.account_id)).one()
    found = balances(session, account.book_id, codes=[chart.RELEASED_PAYABLE])
    keys = released_keys(session, application)
    return sum((amount for one, amount in found if keys is None or one.key in keys), ZERO)


def orders_of(session: Session, application: ReleaseApplication) -> list[Instruction]:
    """The orders that pay a release, oldest first (划付指令)."""
    query = select(Instruction).where(
        Instruction.account_id.in_(of_project(application.account_id)),
        Instruction.kind == InstructionKind.RELEASE,
    )
    keys = released_keys(session, application)
    if keys is not None:
        query = query.where(Instruction.source_key.in_(keys))
    return list(session.scalars(query.order_by(Instruction.id)))


def _from(source: Account, amount: Yuan) -> Callable[[Account], list[Transfer]]:
    return lambda in_transit: [Transfer(source, in_transit, amount)]


def _due(
    session: Session, account: SupervisedAccount, keys: list[str] | None
) -> list[tuple[Account, Yuan]]:
    released = [one for one, _ in balances(session, account.book_id, codes=[chart.RELEASED_PAYABLE])]
    found = [one for one in released if keys is None or one.key in keys]
    held = lock_accounts(session, found)
    return [(one, held[one.id]) for one in found if held[one.id] > ZERO]


def _of_project(account_id: int) -> Select[SupervisedAccount]:
    """The account that pays now what was released on this one: after a change, the new (现付款账户)."""
    own = select(SupervisedAccount).where(SupervisedAccount.id.in_(of_project(account_id)))
    return own.order_by(*LIVING_FIRST).limit(1)


def _held(session: Session, release_no: str) -> _Held:
    query = (
        select(ReleaseApplication, Developer.name, Developer.id.label("developer_id"), Project.region)
        .join(SupervisedAccount, SupervisedAccount.id == ReleaseApplication.account_id)
        .join(Project, Project.id == SupervisedAccount.project_id)
        .join(Developer, Developer.id == Project.developer_pk)
        .where(ReleaseApplication.release_no == release_no)
    )
    row = session.execute(query).one_or_none()
    if row is None or row.ReleaseApplication.status is not ReleaseStatus.APPROVED:
        raise NotFound("没有这件解除监管决定")
    account = session.scalars(
        _of_project(row.ReleaseApplication.account_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    law = law_on(bureau_day(), "presale_funds", row.region)
    return _Held(row.ReleaseApplication, account, row.name, row.developer_id, law)
