"""What a bank's answer to a transfer does to the two accounts of a change (监管账户变更的划转). Under the locks.

Paid: what the old account's set of books holds is carried into the new one's, under one event group; the old
account closes and the new one is the project's. Not paid, or returned: the old one goes on.
"""

from datetime import date, datetime

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from escrow import chart
from escrow.access import audit
from escrow.contracts.models import Contract, PaymentNotice
from escrow.contracts.rules import ContractStatus
from escrow.deposits.facts import open_day as day_in
from escrow.instructions.models import Instruction, OnwardOrder
from escrow.instructions.rules import InstructionKind, InstructionStatus
from escrow.projects.models import Building
from escrow.supervision.actions import Proposal
from escrow.supervision.books import account_of, accounts_of, open_set
from escrow.supervision.change_models import AccountChange
from escrow.supervision.change_rules import ChangeStatus
from escrow.supervision.measure_models import Takeover
from escrow.supervision.measures import OrderStatus
from escrow.supervision.models import Agreement, SupervisedAccount
from escrow.supervision.rules import AccountStatus
from escrow.supervision.suspensions import causes
from escrow.supervision.switching import name_account
from ledger.accounts import Account, balances, lock_accounts
from ledger.journal import Draft, post, post_many
from ledger.money import ZERO, Yuan
from ledger.movements import Transfer

MONEY = (chart.KEY_FUNDS, chart.GENERAL_FUNDS)
LEVELS = (chart.QUOTA, chart.NODE_RELEASED, chart.KEY_PAID)
# Contracts are carried so many to an entry; a building's money and its level always in one.
_BATCH = 500


def follow(session: Session, instruction: Instruction, account: SupervisedAccount, on: date) -> None:
    """The change of account that ordered this transfer goes where its order went (随指令结果)."""
    if instruction.kind is not InstructionKind.TRANSFER:
        return
    if instruction.source_code == chart.ONWARD:
        _arrive(session, instruction, on)
        return
    change = _change_of(session, instruction.id)
    if instruction.status is InstructionStatus.PAID:
        complete(session, change, account, on)
    elif instruction.status is not InstructionStatus.UNKNOWN and change.status is ChangeStatus.ORDERED:
        returned = instruction.status is InstructionStatus.RETURNED
        _finish(session, change, ChangeStatus.RETURNED if returned else ChangeStatus.FAILED)
        if not causes(session, account.id):
            account.status = AccountStatus.ACTIVE
            session.flush()


def make_room(session: Session, instruction: Instruction, account: SupervisedAccount, on: date) -> bool:
    """Before money that was paid comes back: whether the old account's books are as they were (退汇复原)."""
    if account.status is AccountStatus.CLOSED and untouched(session, instruction):
        _move_back(session, _change_of(session, instruction.id), account, on)
        return True
    return False


def complete(session: Session, change: AccountChange, old: SupervisedAccount, on: date) -> None:
    """The money has arrived: everything goes over to the new account (变更完成).

    The bank has paid, or there was nothing to pay. The caller holds the project and the old account.
    """
    if change.status is not ChangeStatus.DONE:
        _finish(session, change, ChangeStatus.DONE)
    held = _holdings(session, old.book_id)
    _carry(session, change, held, old.book_id, on, away=True, amount=ZERO)
    old.status = AccountStatus.CLOSED
    session.flush()
    new = _open_new(session, change, old)
    _carry(session, change, held, new.book_id, on, away=False, amount=change.amount or ZERO)
    change.new_account_id = new.id
    session.flush()
    _take_along(session, old, new)
    voided = _void_notices(session, change, old.project_id)
    audit.record(
        session, "account.change-done", change.change_no, account_no=old.account_no,
        new_account_no=new.account_no, amount=str(change.amount), notices_voided=voided,
    )  # fmt: skip


def untouched(session: Session, instruction: Instruction) -> bool:
    """Whether the new account still is as the change left it, so that money may come back (可否退回原账户)."""
    if instruction.kind is not InstructionKind.TRANSFER:
        return False
    return bool(session.scalar(_UNTOUCHED, {"instruction_id": instruction.id}))


def may_come_back(session: Session, instruction: Instruction, living: SupervisedAccount) -> bool:
    """Whether what was paid from an account that is closed now may come back there (可否退回原账户).

    As if nothing had moved, or else for the account that lives: of a transfer, what it brought there has to
    be there still, for it has never arrived.
    """
    if instruction.kind is not InstructionKind.TRANSFER:
        return True
    if instruction.source_code == chart.ONWARD:
        arrived = True
    else:
        arrived = _change_of(session, instruction.id).new_account_id == living.id
    bank = account_of(session, living.book_id, chart.DEPOSITS_AT_BANK)
    there = lock_accounts(session, [bank])[bank.id] >= instruction.amount
    return untouched(session, instruction) or (arrived and there)


_ARRIVED = text("""
SELECT EXISTS (SELECT FROM ledger.journal_entry WHERE event_group = :number AND reference = :arrival)
""")


def _arrive(session: Session, instruction: Instruction, on: date) -> None:
    """What was sent on from the account before is at the living one's bank, or on its way again (划转到账)."""
    order = session.get_one(OnwardOrder, instruction.id)
    living = session.get_one(SupervisedAccount, order.to_account_id)
    bank = account_of(session, living.book_id, chart.DEPOSITS_AT_BANK)
    between = account_of(session, living.book_id, chart.TRANSFER_IN_TRANSIT)
    number, day = instruction.instruction_no, day_in(session, living.book_id, on)
    told = {"number": number, "arrival": f"onward:{number}:in"}
    if instruction.status is InstructionStatus.PAID:
        post(
            session, chart.ONWARD_ARRIVED, [Transfer(bank, between, instruction.amount)],
            reference=told["arrival"], effective_on=day, group=number, memo=number,
        )  # fmt: skip
    elif instruction.status is InstructionStatus.RETURNED and session.scalar(_ARRIVED, told):
        post(
            session, chart.LATE_FOR_LIVING, [Transfer(between, bank, instruction.amount)],
            reference=f"onward:{number}:back", effective_on=day, group=number, memo=number,
        )  # fmt: skip


_UNTOUCHED = text("""
SELECT c.status = 'done' AND n.status = 'active'
       AND NOT EXISTS (SELECT FROM ledger.journal_entry e WHERE e.book_id = n.book_id
                          AND e.reference NOT LIKE 'account-change:' || c.change_no || ':%')
       AND NOT EXISTS (SELECT FROM payment_notice p JOIN contract t ON t.id = p.contract_id
                        WHERE t.project_id = n.project_id AND p.issued_at > c.finished_at)
       AND NOT EXISTS (SELECT FROM agreement g
                        WHERE g.project_id = n.project_id AND g.id > n.agreement_id)
       AND NOT EXISTS (SELECT FROM account_change d WHERE d.account_id = n.id AND d.status <> 'rejected')
  FROM account_change c JOIN supervised_account n ON n.id = c.new_account_id
 WHERE c.instruction_id = :instruction_id
""")


def _change_of(session: Session, instruction_id: int) -> AccountChange:
    query = select(AccountChange).where(AccountChange.instruction_id == instruction_id)
    return session.scalars(query.with_for_update().execution_options(populate_existing=True)).one()


def _move_back(session: Session, change: AccountChange, old: SupervisedAccount, on: date) -> None:
    """The old account is the project's again, as if nothing had moved; 1102 waits for the money (复原)."""
    query = select(SupervisedAccount).where(SupervisedAccount.id == change.new_account_id)
    new = session.scalars(query.with_for_update().execution_options(populate_existing=True)).one()
    held = _holdings(session, new.book_id)
    _carry(session, change, held, new.book_id, on, away=True, amount=change.amount or ZERO, back=True)
    _finish(session, change, ChangeStatus.RETURNED)
    new.status = AccountStatus.CLOSED
    session.flush()
    before = session.get_one(Agreement, old.agreement_id)
    version = name_account(session, old.project_id, _named(before), _officers(change))
    old.agreement_id, old.status = version.id, AccountStatus.ACTIVE
    session.flush()
    _carry(session, change, held, old.book_id, on, away=False, amount=ZERO, back=True)
    _take_along(session, new, old)
    if causes(session, old.id):
        old.status = AccountStatus.SUSPENDED
        session.flush()


def _take_along(session: Session, away: SupervisedAccount, to: SupervisedAccount) -> None:
    """A takeover is of the project's payments: it stands on the account that is the project's now (接管随项目)."""
    moved = update(Takeover).where(Takeover.account_id == away.id, Takeover.status == OrderStatus.IN_FORCE)
    session.execute(moved.values(account_id=to.id).execution_options(synchronize_session=False))


def _finish(session: Session, change: AccountChange, status: ChangeStatus) -> None:
    change.status, change.finished_at = status, func.clock_timestamp()
    session.flush()
    if status is ChangeStatus.FAILED:
        audit.record(session, "account.change-failed", change.change_no, account_no=change.account_no)
    elif status is ChangeStatus.RETURNED:
        audit.record(session, "account.change-returned", change.change_no, account_no=change.account_no)


# --- the books ---


def _holdings(session: Session, book_id: int) -> list[tuple[Account, Yuan]]:
    """What goes over: each building's money and level, and what each contract paid in, locked."""
    codes = [*MONEY, *LEVELS, chart.PAID_IN_BY_CONTRACT]
    found = [account for account, _ in balances(session, book_id, codes)]
    held = lock_accounts(session, found)
    return [(account, held[account.id]) for account in found]


def _carry(
    session: Session, change: AccountChange, held: list[tuple[Account, Yuan]], book_id: int, on: date,
    *, away: bool, amount: Yuan, back: bool = False,
) -> None:  # fmt: skip
    """Out of one set of books, or into the other: P21, in as many entries as contracts need (转出、转入).

    `amount`: what the bank's own account of this book grows or shrinks by with it.
    """
    wanted = [(account.code, account.key) for account, _ in held]
    wanted += [(chart.MEMO_CONTRA, ""), (chart.TRANSFER_IN_TRANSIT, "")]
    opened = accounts_of(session, book_id, wanted)
    contra, transit = opened[chart.MEMO_CONTRA, ""], opened[chart.TRANSFER_IN_TRANSIT, ""]
    first, contracts = list[Transfer](), list[Transfer]()
    for account, balance in held:
        if balance == ZERO:
            continue
        own = opened[account.code, account.key]
        other = transit if account.code in MONEY else contra
        moved = Transfer(own, other, balance) if away else Transfer(other, own, balance)
        (contracts if account.code == chart.PAID_IN_BY_CONTRACT else first).append(moved)
    if amount > ZERO:
        bank = account_of(session, book_id, chart.DEPOSITS_AT_BANK)
        # Nothing is on its way before it left: the line that fills 1102 comes first.
        first = (
            [Transfer(transit, bank, amount), *first] if away else [*first, Transfer(bank, transit, amount)]
        )
    batches = [first] if first else []
    batches += [contracts[at : at + _BATCH] for at in range(0, len(contracts), _BATCH)]
    way = f"{'back' if back else 'move'}-{'out' if away else 'in'}"
    # One event from the order to the new account's first balance: all of it bears the order's number.
    number = select(Instruction.instruction_no).where(Instruction.id == change.instruction_id)
    group = session.scalar(number) or change.change_no
    post_many(session, [
        Draft(
            chart.CARRY_OVER, batch, f"account-change:{change.change_no}:{way}:{at}", on,
            group=group, memo=f"监管账户变更 {change.change_no}",
        )
        for at, batch in enumerate(batches, 1)
    ])  # fmt: skip


# --- the account and its agreement ---


def _open_new(session: Session, change: AccountChange, old: SupervisedAccount) -> SupervisedAccount:
    clauses = session.get_one(Agreement, old.agreement_id).clauses
    named = Proposal(
        change.agreement_no, change.bank_code, change.account_no, change.account_name, change.signed_on,
        clauses,
    )  # fmt: skip
    version = name_account(session, old.project_id, named, _officers(change))
    query = select(Building.id).where(Building.project_id == old.project_id, Building.removed_at.is_(None))
    book_id = open_set(
        session, account_no=change.account_no, account_name=change.account_name,
        building_ids=session.scalars(query.order_by(Building.id)),
    )  # fmt: skip
    new = SupervisedAccount(
        account_no=change.account_no, account_name=change.account_name, bank_code=change.bank_code,
        project_id=old.project_id, agreement_id=version.id, book_id=book_id, status=AccountStatus.ACTIVE,
    )  # fmt: skip
    session.add(new)
    session.flush()
    return new


def _named(agreement: Agreement) -> Proposal:
    return Proposal(
        agreement.agreement_no, agreement.bank_code, agreement.account_no, agreement.account_name,
        agreement.signed_on, agreement.clauses,
    )  # fmt: skip


def _officers(change: AccountChange) -> tuple[int, datetime, int]:
    return change.entered_by, change.entered_at, change.decided_by or 0


def _void_notices(session: Session, change: AccountChange, project_id: int) -> int:
    """Nobody pays into the old account on an open notice: void until the filing system asks anew (作废通知书)."""
    living = select(Contract.id).where(
        Contract.project_id == project_id, Contract.status != ContractStatus.CANCELLED
    )
    done = session.execute(
        update(PaymentNotice)
        .where(
            PaymentNotice.contract_id.in_(living), PaymentNotice.voided_at.is_(None),
            PaymentNotice.paid == ZERO,
        )
        .values(voided_at=func.clock_timestamp(), account_change_id=change.id)
        .execution_options(synchronize_session=False)
    )  # fmt: skip
    return int(done.rowcount)  # type: ignore[attr-defined]
