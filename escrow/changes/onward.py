"""What an account left behind took in is sent on to the project's own, or back to its bank (余款划转与退回).

Where it goes was settled by the two officers of the change: nobody types a payee. Lock, look, judge, write.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, insert, select, text
from sqlalchemy.orm import Session

from config.clock import bureau_day
from config.regulations import Law, law_on
from config.settings import Settings
from escrow import chart
from escrow.access import audit
from escrow.errors import NotFound, Refusal, Refused
from escrow.instructions.actions import Order, Payee, issue
from escrow.instructions.models import OnwardOrder
from escrow.instructions.rules import InstructionKind
from escrow.projects.models import Project
from escrow.supervision.books import account_of
from escrow.supervision.change_models import AccountChange
from escrow.supervision.models import SupervisedAccount
from escrow.supervision.moved import living_of
from escrow.supervision.rules import AccountStatus
from ledger.accounts import Account, lock_accounts
from ledger.money import ZERO
from ledger.movements import Movement, Transfer


@dataclass(frozen=True, slots=True)
class _Held:
    old: SupervisedAccount
    living: SupervisedAccount
    law: Law


@dataclass(frozen=True, slots=True)
class _Way:
    """From whose books, out of which heading, to whom (划转)."""

    kind: InstructionKind
    source: SupervisedAccount
    target: SupervisedAccount
    movement: Movement
    code: str
    key: str
    purpose: str
    receipt_id: int | None = None


def send_on(session: Session, account_no: str, told: Settings, *, officer_id: int) -> str:
    """Order the old account's bank to send all it took in since to the account that lives (签发余款划转).

    The order's number. Raises NotFound or Refused with every reason.
    """
    held = _held(session, account_no)
    way = _Way(
        InstructionKind.TRANSFER, held.old, held.living, chart.INSTRUCT_ONWARD, chart.ONWARD, "",
        "监管账户变更后原账户余款划转",
    )  # fmt: skip
    return _send(session, way, held.law, told, officer_id)


def send_back(session: Session, account_no: str, receipt_no: str, told: Settings, *, officer_id: int) -> str:
    """Order the living account's bank to send what the old one's reversed back there (签发冲正款退回).

    The order's number. Raises NotFound or Refused with every reason.
    """
    held = _held(session, account_no)
    found = {"receipt_no": receipt_no, "account_id": held.old.id}
    receipt_id = session.scalar(_REVERSED, found)
    if receipt_id is None:
        raise NotFound("没有这笔冲正")
    way = _Way(
        InstructionKind.RETURN, held.living, held.old, chart.INSTRUCT_RETURN, chart.RETURN_TO_PAYER,
        chart.reversal_key(receipt_id), f"入账 {receipt_no} 已由银行冲正，退回原账户开户银行", receipt_id,
    )  # fmt: skip
    return _send(session, way, held.law, told, officer_id)


_REVERSED = text("""
SELECT r.id FROM receipt r JOIN receipt_reversal v ON v.receipt_id = r.id
 WHERE r.receipt_no = :receipt_no AND r.account_id = :account_id
""")


def _send(session: Session, way: _Way, law: Law, told: Settings, officer_id: int) -> str:
    owed = account_of(session, way.source.book_id, way.code, key=way.key)
    amount = lock_accounts(session, [owed])[owed.id]
    if amount == ZERO:
        message = f"账户 {way.source.account_no} 没有待划的款项，或已签发而银行尚未答复"
        raise Refused([Refusal("nothing-onward", message, law["account_changing"].citation)])

    def transfers(in_transit: Account) -> list[Transfer]:
        return [Transfer(owed, in_transit, amount)]

    issued = issue(session, Order(
        way.kind, way.source.id, amount, _payee(session, way.target), way.purpose, way.movement, transfers,
        way.code, way.key,
    ), told, officer_id=officer_id)  # fmt: skip
    session.execute(
        insert(OnwardOrder).values(
            instruction_id=issued.id, from_account_id=way.source.id, to_account_id=way.target.id,
            receipt_id=way.receipt_id,
        )
    )  # fmt: skip
    audit.record(
        session, "account.onward-issued", way.source.account_no, to=way.target.account_no, amount=amount,
        order=issued.instruction_no,
    )  # fmt: skip
    return issued.instruction_no


def _payee(session: Session, target: SupervisedAccount) -> Payee:
    """Its bank as the change named it; of a project's first account only the code is known (收款账户)."""
    named = select(AccountChange.bank_name).where(AccountChange.new_account_id == target.id)
    bank = session.scalar(named) or f"开户银行（代码 {target.bank_code}）"
    return Payee(target.account_name, target.account_no, bank)


def _held(session: Session, account_no: str) -> _Held:
    """The account left behind and the one that lives, the project before them. Raises NotFound or Refused."""
    query = select(SupervisedAccount.id, SupervisedAccount.project_id, Project.region).join(
        Project, Project.id == SupervisedAccount.project_id
    )
    row = session.execute(query.where(SupervisedAccount.account_no == account_no)).one_or_none()
    if row is None:
        raise NotFound("没有这个监管账户")
    session.execute(select(Project.id).where(Project.id == row.project_id).with_for_update(key_share=True))
    locked = select(SupervisedAccount).where(SupervisedAccount.id == row.id).with_for_update()
    old = session.scalars(locked.execution_options(populate_existing=True)).one()
    law = law_on(bureau_day(), "presale_funds", row.region)
    living = living_of(session, old.project_id, law) if old.status is AccountStatus.CLOSED else None
    if living is None:
        message = f"账户 {account_no} 不是已变更的原监管账户，或项目已无现监管账户"
        raise Refused([Refusal("account-not-left", message, law["account_changing"].citation)])
    return _Held(old, living, law)


# --- for the pages ---

_OWED = text("""
SELECT o.account_no AS old_no, n.account_no AS living_no, p.project_no, p.name AS project_name,
       CASE WHEN a.code = '2102' THEN r.receipt_no END AS receipt_no, b.balance
  FROM supervised_account s JOIN project p ON p.id = s.project_id
  JOIN ledger.account a ON a.book_id = s.book_id AND (a.code = '2203' OR a.code = '2102'
                                                      AND a.key LIKE 'reversal:%')
  JOIN ledger.balance b ON b.account_id = a.id AND b.balance > 0
  LEFT JOIN receipt r ON a.key = 'reversal:' || r.id
  JOIN supervised_account o ON o.id = coalesce(r.account_id, s.id)
  JOIN supervised_account n ON n.id = living_account(o.id)
 WHERE CAST(:project_id AS integer) IS NULL OR s.project_id = :project_id
 ORDER BY a.id LIMIT 200
""")
_SENT = text("""
SELECT i.instruction_no, i.amount, i.status, i.issued_at, f.account_no AS from_no, t.account_no AS to_no,
       officer.full_name AS issuer, i.purpose
  FROM onward_order w JOIN instruction i ON i.id = w.instruction_id
  JOIN supervised_account f ON f.id = w.from_account_id JOIN supervised_account t ON t.id = w.to_account_id
  JOIN officer ON officer.id = i.issued_by
 WHERE f.project_id = :project_id ORDER BY i.id DESC LIMIT 50
""")


def owed_onward(session: Session, project_id: int | None = None) -> list[Row[Any]]:
    """What waits to be sent on, or back, of one project or of all (待划款项)."""
    return list(session.execute(_OWED, {"project_id": project_id}))


def sent_onward(session: Session, project_id: int) -> list[Row[Any]]:
    """The orders that sent it, newest first, with who issued them (已签发的划转)."""
    return list(session.execute(_SENT, {"project_id": project_id}))

