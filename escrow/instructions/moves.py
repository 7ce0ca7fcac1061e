"""Where the money of an order goes on each answer of the bank (指令资金去向). Called under the locks."""

from dataclasses import replace
from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

from escrow import chart
from escrow.deposits.facts import open_day as day_in
from escrow.instructions.models import Instruction
from escrow.instructions.rules import IN_TRANSIT, MOVEMENTS, InstructionKind, Outcome
from escrow.supervision.books import account_of
from escrow.supervision.funds import position, resplit_transfers
from escrow.supervision.models import SupervisedAccount
from ledger.accounts import Account
from ledger.journal import Entry, post
from ledger.money import ZERO
from ledger.movements import Transfer

# Not before the order was issued, and not on a day that is closed already.
_OPEN_DAY = text("""
SELECT greatest(CAST(:said AS date), e.effective_on, b.closed_through + 1)
  FROM ledger.journal_entry e JOIN ledger.balance b ON b.book_id = e.book_id AND b.account_id = :bank
 WHERE e.id = :entry
""")


_RELEASED = text("SELECT EXISTS (SELECT FROM released_building WHERE building_id = :building)")


def open_day(session: Session, instruction: Instruction, account: SupervisedAccount, said: date) -> date:
    """The day on which an answer counts in the book: the bank's value date where that still can be (记账日)."""
    asked = {"said": said, "bank": _bank(session, account).id, "entry": instruction.entry_id}
    found: date = session.execute(_OPEN_DAY, asked).scalar_one()
    return found


def pay(
    session: Session, instruction: Instruction, account: SupervisedAccount, *, reference: str, on: date
) -> Entry:
    """The bank has paid: out of transit, out of the account (P11, P17)."""
    transit, bank = _transit(session, instruction, account), _bank(session, account)
    transfers = [Transfer(transit, bank, instruction.amount)]
    return _post(session, instruction, Outcome.PAID, transfers, reference=reference, on=on)


def come_back(
    session: Session, instruction: Instruction, account: SupervisedAccount, *, reference: str, on: date,
    living: SupervisedAccount | None = None,
) -> Entry:  # fmt: skip
    """Paid and returned: in transit again, then where it came from (P14, P12).

    `living`: the account the project has moved to; what came back to the old one is owed to it.
    """
    transit, bank = _transit(session, instruction, account), _bank(session, account)
    transfers = [Transfer(bank, transit, instruction.amount)]
    entry = _post(session, instruction, Outcome.RETURNED, transfers, reference=reference, on=on)
    if living is None:
        take_back(session, instruction, account, reference=f"{reference}:back", on=on)
        return entry
    onward = account_of(session, account.book_id, chart.ONWARD)
    back = [Transfer(transit, onward, instruction.amount)]
    _post(session, instruction, Outcome.FAILED, back, reference=f"{reference}:back", on=on)
    if instruction.source_code != chart.ONWARD:
        between = account_of(session, living.book_id, chart.TRANSFER_IN_TRANSIT)
        post(
            session, chart.LATE_FOR_LIVING, _whence(session, instruction, living, between),
            reference=f"{reference}:onward", memo=instruction.instruction_no,
            effective_on=day_in(session, living.book_id, on), group=instruction.instruction_no,
        )  # fmt: skip
    return entry


def take_back(
    session: Session, instruction: Instruction, account: SupervisedAccount, *, reference: str, on: date
) -> Entry:
    """Not paid: the money is where it came from, a building's divided by its level as it now is (P12)."""
    transfers = _whence(session, instruction, account, _transit(session, instruction, account))
    return _post(session, instruction, Outcome.FAILED, transfers, reference=reference, on=on)


def _whence(
    session: Session, instruction: Instruction, account: SupervisedAccount, held: Account
) -> list[Transfer]:
    """Out of `held`, to where an order's money came from, in the books of this account (退回原处).

    What comes back to a building released meanwhile is owed to the developer, as the rest of it was; the
    balance of a whole account that had arrived is on its way again.
    """
    if instruction.kind is InstructionKind.TRANSFER and held.code == chart.TRANSFER_IN_TRANSIT:
        return [Transfer(held, _bank(session, account), instruction.amount)]
    if instruction.kind is not InstructionKind.WITHDRAWAL:
        source = account_of(session, account.book_id, instruction.source_code, key=instruction.source_key)
        return [Transfer(held, source, instruction.amount)]
    if session.scalar(_RELEASED, {"building": instruction.building_id}):
        key = _building(instruction)
        released = account_of(session, account.book_id, chart.RELEASED_PAYABLE, key=key)
        return [Transfer(held, released, instruction.amount)]
    return _divided(session, instruction, account, held)


def _divided(
    session: Session, instruction: Instruction, account: SupervisedAccount, transit: Account
) -> list[Transfer]:
    building_id, key = instruction.building_id or 0, _building(instruction)
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
    return transfers


def _building(instruction: Instruction) -> str:
    return chart.building_key(instruction.building_id or 0)


def _post(
    session: Session, instruction: Instruction, outcome: Outcome, transfers: list[Transfer],
    *, reference: str, on: date,
) -> Entry:  # fmt: skip
    return post(
        session, MOVEMENTS[instruction.kind][outcome], transfers, reference=reference, effective_on=on,
        memo=instruction.instruction_no, group=instruction.instruction_no,
    )  # fmt: skip


def _transit(session: Session, instruction: Instruction, account: SupervisedAccount) -> Account:
    key = chart.instruction_key(instruction.id)
    return account_of(session, account.book_id, IN_TRANSIT[instruction.kind], key=key)


def _bank(session: Session, account: SupervisedAccount) -> Account:
    return account_of(session, account.book_id, chart.DEPOSITS_AT_BANK)
