"""A contract is checked, and filed on a living PASS (核对与备案). Lock, look, judge, write."""

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from config.clock import bureau_day, now
from config.regulations import law_on
from config.statement import array
from escrow.access import audit
from escrow.contracts.models import Contract
from escrow.contracts.rules import ContractStatus
from escrow.errors import KeyReused, NotFound, Refusal, Refused
from escrow.filing.answers import Judgement, judge, law_kept, shown
from escrow.filing.facts import Known, Question, known
from escrow.filing.models import CheckReceipt, ContractFiling, DepositCheck
from escrow.filing.rules import Decision, FilingFacts, Pass, filing_refusals
from escrow.projects.models import Unit
from escrow.supervision.models import SupervisedAccount
from escrow.supervision.rules import AccountStatus
from ledger.money import Yuan
from ledger.wire import Transaction, ask


@dataclass(frozen=True, slots=True)
class Asked:
    """May this contract be filed? (备案前核对请求)."""

    request_id: str
    contract_no: str
    unit_code: str
    price: Yuan


@dataclass(frozen=True, slots=True)
class Answer:
    """The stored answer, word for word, and what a page needs of it (核对答复)."""

    check_no: str
    decision: Decision
    text: str

    @property
    def body(self) -> dict[str, Any]:
        """The answer as data (答复内容)."""
        found: dict[str, Any] = json.loads(self.text)
        return found


@dataclass(frozen=True, slots=True)
class Filing:
    """What the filing system says it has filed (备案通知)."""

    contract_no: str
    filing_no: str
    check_no: str
    filed_on: date


# The claim, the answer, the receipts it stands on and the trail: one statement, so that a check costs two
# round trips; handed to the driver as it stands, since this is the door that is asked most.
_STORE = """
WITH claimed AS (
    INSERT INTO answered_request (key, fingerprint, answer) VALUES (%(key)s, %(fingerprint)s, %(answer)s)
    ON CONFLICT DO NOTHING RETURNING key
), answered AS (
    INSERT INTO deposit_check (check_no, contract_no, contract_id, contract_version, decision, required,
                               deposited, maintenance_required, maintenance_advanced, checked_at,
                               valid_until, answer, law)
    SELECT %(check_no)s, %(contract_no)s, %(contract_id)s, %(version)s, %(decision)s, %(required)s,
           %(deposited)s, %(maintenance_required)s, %(maintenance_advanced)s, %(checked_at)s,
           %(valid_until)s, %(answer)s, %(law)s::jsonb
      FROM claimed RETURNING id
), counted AS (
    INSERT INTO deposit_check_receipt (check_id, receipt_id, contract_id, amount)
    SELECT answered.id, r.receipt_id, %(contract_id)s, r.amount
      FROM answered, unnest(%(receipt_ids)s::bigint[], %(amounts)s::bigint[]) AS r (receipt_id, amount)
), audited AS (
    INSERT INTO audit_event (action, subject_kind, subject, result, actor_kind, actor_id, actor_name,
                             address, request_id, detail)
    SELECT %(action)s, %(subject_kind)s, %(subject)s, %(result)s, %(actor_kind)s, %(actor_id)s,
           %(actor_name)s, %(address)s, %(request_id)s, %(detail)s::jsonb FROM answered
)
SELECT id FROM answered
"""


def check(session: Transaction, asked: Asked, caller: str) -> Answer:
    """Answer whether a contract may be filed, and keep the answer (备案前核对).

    `caller` names who asks: the same request of the same caller brings the same answer, word for word.
    No lock: an answer holds for its moment, and a filing asks everything again under the lock.
    Raises KeyReused when the same request comes with other facts.
    """
    key = f"deposit-check:{caller}:{asked.request_id}"
    question = Question(asked.contract_no, asked.unit_code, asked.price)
    print_ = _fingerprint(question)
    found = known(session, question, bureau_day(), key=key)
    if found.earlier:
        return _same(found.earlier, print_)

    judgement = judge(question, found)
    row = {**_row(question, found, judgement), "key": key, "fingerprint": print_}
    if not ask(session, _STORE, row):
        return _same(_answered_meanwhile(session, key), print_)
    return Answer(judgement.check_no, judgement.decision, judgement.text)


def find_check(session: Session, check_no: str) -> Answer:
    """An answer given before, as it was given (查核对答复). Raises NotFound."""
    query = select(DepositCheck.check_no, DepositCheck.decision, DepositCheck.answer)
    row = session.execute(query.where(DepositCheck.check_no == check_no)).one_or_none()
    if row is None:
        raise NotFound
    return Answer(row.check_no, row.decision, row.answer)


def file(session: Session, filing: Filing) -> dict[str, Any]:
    """File a contract on its living PASS (网签备案). Raises NotFound or Refused with every reason.

    The account and the contract are locked first: whoever reverses a receipt or suspends the account now
    waits, or has been waited for; then everything is looked at and judged again.
    """
    contract = _locked(session, filing.contract_no)
    facts, region = _filing_facts(session, contract, filing)
    if reasons := filing_refusals(facts, law_on(facts.now.day, "presale_funds", region)):
        raise Refused(reasons)
    check_id = session.scalar(select(DepositCheck.id).where(DepositCheck.check_no == filing.check_no))
    claim = insert(ContractFiling).values(
        contract_id=contract.id,
        contract_version=contract.version,
        filing_no=filing.filing_no,
        check_id=check_id,
        decision=Decision.PASS,
        filed_on=filing.filed_on,
    )
    filed_at = session.scalar(claim.on_conflict_do_nothing().returning(ContractFiling.filed_at))
    if filed_at is None:
        source = law_on(facts.now.day, "presale_funds", region)["one_filing_per_unit"].citation
        raise Refused([Refusal("filing-no-taken", f"备案号 {filing.filing_no} 已用于其他合同", source)])
    session.execute(update(Contract).where(Contract.id == contract.id).values(status=ContractStatus.FILED))
    audit.record(
        session, "filing.recorded", filing.contract_no, filing_no=filing.filing_no, check_no=filing.check_no
    )
    return {
        "contract_no": filing.contract_no,
        "status": ContractStatus.FILED.value,
        "filing_no": filing.filing_no,
        "check_no": filing.check_no,
        "filed_on": filing.filed_on.isoformat(),
        "filed_at": shown(filed_at),
    }


# --- checking ---


def _fingerprint(question: Question) -> bytes:
    """A digest of what was asked; nothing personal is in it, so it needs no key (请求指纹)."""
    said = "\n".join((question.contract_no, question.unit_code, str(question.price)))
    return hashlib.sha256(said.encode()).digest()


def _same(earlier: tuple[bytes, str], print_: bytes) -> Answer:
    """The same question, the same answer. Raises KeyReused."""
    fingerprint_then, text_then = earlier
    if not hmac.compare_digest(fingerprint_then, print_):
        raise KeyReused
    body = json.loads(text_then)
    return Answer(body["check_no"], Decision(body["decision"]), text_then)


def _answered_meanwhile(session: Transaction, key: str) -> tuple[bytes, str]:
    [row] = ask(session, "SELECT fingerprint, answer FROM answered_request WHERE key = %s", (key,))
    return bytes(row[0]), str(row[1])


def _row(question: Question, found: Known, judgement: Judgement) -> dict[str, Any]:
    """What is written down of an answer (核对记录)."""
    receipts = found.facts.contract.receipts if found.facts.contract else ()
    trail = audit.row(
        "check.answered", judgement.check_no, contract_no=question.contract_no, decision=judgement.decision
    )
    return {
        "check_no": judgement.check_no,
        "contract_no": question.contract_no,
        "contract_id": found.contract_id,
        "version": found.version,
        "decision": judgement.decision.value,
        "required": judgement.required.fen,
        "deposited": judgement.deposited.fen,
        "maintenance_required": judgement.maintenance.required.fen,
        "maintenance_advanced": judgement.maintenance.advanced.fen,
        "checked_at": judgement.checked_at,
        "valid_until": judgement.valid_until,
        "answer": judgement.text,
        "law": law_kept(found.facts.day, found.region),
        "receipt_ids": array(receipt.receipt_id for receipt in receipts),
        "amounts": array(receipt.amount.fen for receipt in receipts),
        **trail,
        "detail": json.dumps(trail["detail"], ensure_ascii=False),
    }


# --- filing ---


def _locked(session: Session, contract_no: str) -> Contract:
    """The contract, locked, and its account held still, the account first. Raises NotFound."""
    account = (
        select(SupervisedAccount.id)
        .join(Contract, Contract.project_id == SupervisedAccount.project_id)
        .where(Contract.contract_no == contract_no, SupervisedAccount.status != AccountStatus.CLOSED)
    )
    session.execute(account.with_for_update(read=True, of=SupervisedAccount))
    query = (
        select(Contract).where(Contract.contract_no == contract_no).execution_options(populate_existing=True)
    )
    contract = session.scalar(query.with_for_update(key_share=True))
    if contract is None:
        raise NotFound("没有这个合同号")
    return contract


def _filing_facts(session: Session, contract: Contract, filing: Filing) -> tuple[FilingFacts, str]:
    """What is known under the lock of the contract and of the PASS that is quoted."""
    unit_code = session.scalar(select(Unit.unit_code).where(Unit.id == contract.unit_id))
    question = Question(contract.contract_no, str(unit_code), contract.price)
    found = known(session, question, bureau_day())
    facts = FilingFacts(
        contract_no=contract.contract_no,
        version=contract.version,
        filed_on=filing.filed_on,
        at=now(),
        quoted=_quoted(session, filing.check_no),
        now=found.facts,
    )
    return facts, found.region


def _quoted(session: Session, check_no: str) -> Pass | None:
    receipts = select(func.array_agg(CheckReceipt.receipt_id)).where(CheckReceipt.check_id == DepositCheck.id)
    used = select(ContractFiling.id).where(ContractFiling.check_id == DepositCheck.id)
    query = select(
        DepositCheck.decision, DepositCheck.contract_no, DepositCheck.contract_version,
        DepositCheck.valid_until,
        used.exists().label("used"), receipts.scalar_subquery().label("receipt_ids"),
    )  # fmt: skip
    row = session.execute(query.where(DepositCheck.check_no == check_no)).one_or_none()
    if row is None:
        return None
    return Pass(
        decision=row.decision,
        contract_no=row.contract_no,
        contract_version=row.contract_version,
        valid_until=row.valid_until,
        used=row.used,
        receipt_ids=frozenset(row.receipt_ids or ()),
    )
