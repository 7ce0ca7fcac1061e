"""Where the money of an order goes on each answer of the bank (指令资金去向). Called under the locks."""

from dataclasses import replace

from sqlalchemy.orm import Session

from config.clock import bureau_day
from escrow import chart
from escrow.instructions.models import Instruction
from escrow.instructions.rules import IN_TRANSIT, MOVEMENTS, InstructionKind, Outcome
from escrow.supervision.books import account_of
from escrow.supervision.funds import position, resplit_transfers
from escrow.supervision.models import SupervisedAccount
from ledger.accounts import Account
from ledger.journal import Entry, post
from ledger.money import ZERO
from ledger.movements import Transfer


def pay(session: Session, instruction: Instruction, account: SupervisedAccount, *, reference: str) -> Entry:
    """The bank has paid: out of transit, out of the account (P11, P17)."""
    transit, bank = _transit(session, instruction, account), _bank(session, account)
    transfers = [Transfer(transit, bank, instruction.amount)]
    return _post(session, instruction, Outcome.PAID, transfers, reference)


def come_back(
    session: Session, instruction: Instruction, account: SupervisedAccount, *, reference: str
) -> Entry:
    """Paid and returned: in transit again, then where it came from (P14, P12)."""
    transit, bank = _transit(session, instruction, account), _bank(session, account)
    transfers = [Transfer(bank, transit, instruction.amount)]
    entry = _post(session, instruction, Outcome.RETURNED, transfers, reference)
    take_back(session, instruction, account, reference=f"{reference}:back")
    return entry


def take_back(
    session: Session, instruction: Instruction, account: SupervisedAccount, *, reference: str
) -> Entry:
    """Not paid: the money is where it came from, a building's divided by its level as it now is (P12)."""
    transit = _transit(session, instruction, account)
    if instruction.kind is not InstructionKind.WITHDRAWAL:
        source = account_of(session, account.book_id, instruction.source_code, key=instruction.source_key)
        transfers = [Transfer(transit, source, instruction.amount)]
        return _post(session, instruction, Outcome.FAILED, transfers, reference)
    building_id = instruction.building_id or 0
    key = chart.building_key(building_id)
    before = position(session, account.book_id, building_id, locked=True)
    after = replace(
        before, general=before.general + instruction.amount, key_paid=before.key_paid - instruction.key_amount
    )
    general = account_of(session, account.book_id, chart.GENERAL_FUNDS, key=key)
    transfers = [
        Transfer(transit, general, instruction.amount),
        *resplit_transfers(session, account.book_id, building_id, after),
    ]
    if instruction.key_amount > ZERO:
        memo = account_of(session, account.book_id, chart.KEY_PAID, key=key)
        contra = account_of(session, account.book_id, chart.MEMO_CONTRA)
        transfers.append(Transfer(memo, contra, instruction.key_amount))
    return _post(session, instruction, Outcome.FAILED, transfers, reference)


def _post(
    session: Session, instruction: Instruction, outcome: Outcome, transfers: list[Transfer], reference: str
) -> Entry:
    return post(
        session, MOVEMENTS[instruction.kind][outcome], transfers, reference=reference,
        effective_on=bureau_day(), memo=instruction.instruction_no, group=instruction.instruction_no,
    )  # fmt: skip


def _transit(session: Session, instruction: Instruction, account: SupervisedAccount) -> Account:
    key = chart.instruction_key(instruction.id)
    return account_of(session, account.book_id, IN_TRANSIT[instruction.kind], key=key)


def _bank(session: Session, account: SupervisedAccount) -> Account:
    return account_of(session, account.book_id, chart.DEPOSITS_AT_BANK)
