"""What a change of account is judged by (变更事实)."""

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from config.clock import bureau_day
from escrow import chart
from escrow.projects.models import Project
from escrow.supervision.actions import LIVING
from escrow.supervision.change_models import AccountChange
from escrow.supervision.change_rules import (
    LIVE,
    OPEN_CODES,
    ChangeFacts,
    Frozen,
    Pending,
    Secured,
    Standing,
)
from escrow.supervision.measure_models import CourtHold, Guarantee
from escrow.supervision.measures import HoldStatus, OrderStatus
from escrow.supervision.models import Agreement, SupervisedAccount
from escrow.supervision.rules import AccountNamed
from ledger.accounts import balances
from ledger.money import Yuan

# What other rooms have under way on the account: read where it stands, one statement (在办事项).
_PENDING = text("""
SELECT 'instruction' AS kind, instruction_no AS number FROM instruction
 WHERE account_id = :id AND status IN ('issued', 'unknown')
UNION ALL SELECT 'withdrawal', withdrawal_no FROM withdrawal
 WHERE account_id = :id AND status NOT IN ('issued', 'rejected', 'revoked', 'closed')
UNION ALL SELECT 'withdrawal-rest', withdrawal_no FROM withdrawal w
 WHERE account_id = :id AND status = 'issued' AND unpaid_lines(w.id)
UNION ALL SELECT 'refund', refund_no FROM refund
 WHERE account_id = :id AND status NOT IN ('issued', 'rejected', 'revoked')
UNION ALL SELECT 'release', release_no FROM release_application
 WHERE account_id = :id AND status = 'entered'
UNION ALL SELECT 'court-act', c.document_no FROM court_act c JOIN court_hold h ON h.id = c.hold_id
 WHERE h.account_id = :id AND c.status = 'entered'
UNION ALL SELECT 'guarantee', guarantee_no FROM guarantee WHERE account_id = :id AND status = 'entered'
UNION ALL SELECT 'takeover', order_no FROM takeover WHERE account_id = :id AND status = 'entered'
UNION ALL SELECT 'node', coalesce(n.node, '更正') || '（' || b.building_no || ' 幢）'
  FROM node_claim n JOIN building b ON b.id = n.building_id
 WHERE n.account_id = :id AND n.status = 'entered'
UNION ALL SELECT 'agreement', '第 ' || g.version || ' 版' FROM agreement g
  JOIN supervised_account s ON s.project_id = g.project_id
 WHERE s.id = :id AND g.status = 'proposed'
UNION ALL SELECT 'listing', contract_no FROM construction_contract
 WHERE account_id = :id AND status = 'entered'
UNION ALL SELECT 'listing', name FROM listed_payee WHERE account_id = :id AND status = 'entered'
""")
_TAKEN = text("""
SELECT p.project_no FROM supervised_account s JOIN project p ON p.id = s.project_id
 WHERE s.account_no = :account_no
UNION ALL
SELECT p.project_no FROM agreement g JOIN project p ON p.id = g.project_id
 WHERE g.account_no = :account_no AND g.status IN ('proposed', 'effective')
UNION ALL
SELECT p.project_no FROM account_change c JOIN supervised_account s ON s.id = c.account_id
  JOIN project p ON p.id = s.project_id
 WHERE c.account_no = :account_no AND c.status IN ('entered', 'ordered') AND c.change_no <> :change_no
LIMIT 1
""")
_PAYEE = text("""
SELECT EXISTS (SELECT FROM listed_payee WHERE account_no = :account_no AND status IN ('entered', 'listed'))
""")


def facts_of(session: Session, account: SupervisedAccount, change: AccountChange) -> ChangeFacts:
    """Everything this change is judged by; `change` need not be written yet (变更事实)."""
    asked = {"account_no": change.account_no, "change_no": change.change_no or ""}
    elsewhere = (
        select(Project.project_no)
        .join(Agreement, Agreement.project_id == Project.id)
        .where(Agreement.project_id != account.project_id, Agreement.status.in_(LIVING))
        .where(Agreement.agreement_no == change.agreement_no)
    )
    other = select(AccountChange.change_no).where(
        AccountChange.account_id == account.id, AccountChange.status.in_(LIVE),
        AccountChange.change_no != (change.change_no or ""),
    )  # fmt: skip
    return ChangeFacts(
        today=bureau_day(), signed_on=change.signed_on, status=account.status,
        present=AccountNamed(account.bank_code, account.account_no, account.account_name),
        asked=AccountNamed(change.bank_code, change.account_no, change.account_name),
        standing=standing_of(session, account),
        account_project=session.scalar(_TAKEN, asked),
        agreement_project=session.scalar(elsewhere.limit(1)),
        is_payee=bool(session.scalar(_PAYEE, asked)), other_change=session.scalar(other),
    )  # fmt: skip


def held_at_bank(session: Session, book_id: int) -> Yuan:
    """What would be moved at this moment (整户余额)."""
    return sum((held for _, held in balances(session, book_id, [chart.DEPOSITS_AT_BANK])), Yuan(0))


def standing_of(session: Session, account: SupervisedAccount) -> Standing:
    """What stands on the account and what is under way on it, in every room (账户现状与在办事项)."""
    held = dict[str, Yuan]()
    for one, amount in balances(session, account.book_id, list(OPEN_CODES)):
        held[one.code] = held.get(one.code, Yuan(0)) + amount
    rows: list[Row[str, str]] = list(session.execute(_PENDING, {"id": account.id}))
    holds = select(CourtHold).where(
        CourtHold.account_id == account.id, CourtHold.status == HoldStatus.IN_FORCE
    )
    secured = select(Guarantee).where(
        Guarantee.account_id == account.id, Guarantee.status == OrderStatus.IN_FORCE
    )
    return Standing(
        balances=held, pending=tuple(Pending(row.kind, row.number) for row in rows),
        holds=tuple(
            Frozen(one.hold_no, one.court, None if one.is_whole else one.amount, one.held_until)
            for one in session.scalars(holds.order_by(CourtHold.id))
        ),
        guarantees=tuple(
            Secured(one.guarantee_no, one.issuer, one.left_amount, one.valid_until)
            for one in session.scalars(secured.order_by(Guarantee.id))
        ),
    )  # fmt: skip
