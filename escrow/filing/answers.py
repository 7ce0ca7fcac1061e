"""The words of an answer (核对答复): what a check found, as systems, buyers and auditors read it."""

import json
import secrets
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from config.clock import bureau_time, now
from config.regulations import Law, law_on
from escrow.errors import Refusal
from escrow.filing.facts import Known, Question
from escrow.filing.rules import (
    Decision,
    Drafted,
    Maintenance,
    refusals,
    required,
    valid_until,
)
from escrow.filing.signing import sign
from ledger.money import ZERO, Yuan

# What a check is judged by; kept with its answer (核对所据的规定).
JUDGED_BY = {
    "presale_funds": frozenset({
        "deposit_before_filing", "deposit_due_within_days", "pass_minutes", "account_active",
        "contract_matches", "reversal_settled", "one_filing_per_unit", "presale_permit", "unit_in_permit",
        "statement_due_hour",
    }),
    "maintenance_fund": frozenset({"standard", "due_at_filing", "residential_only", "basis", "price_ratio"}),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Judgement:
    """One question judged: the figures that are kept beside the words (核对结论)."""

    check_no: str
    decision: Decision
    required: Yuan
    deposited: Yuan
    checked_at: datetime
    valid_until: datetime | None
    text: str
    maintenance: Maintenance


def judge(question: Question, found: Known) -> Judgement:
    """Judge a question by the law of its region and day, and put the answer into words."""
    law = law_on(found.facts.day, "presale_funds", found.region)
    reasons = refusals(found.facts, law)
    decision = Decision.FAIL if reasons else Decision.PASS
    checked_at = now().replace(microsecond=0)
    contract = found.facts.contract
    judgement = Judgement(
        check_no=f"HD{found.facts.day:%Y%m%d}{secrets.token_hex(6).upper()}",
        decision=decision,
        required=required(contract, found.facts.day, law) if contract else ZERO,
        deposited=contract.deposited if contract else ZERO,
        checked_at=checked_at,
        valid_until=None if reasons else valid_until(checked_at, law),
        text="",
        maintenance=found.facts.maintenance or Maintenance(ZERO, ZERO, ""),
    )
    return replace(judgement, text=_words(question, found, judgement, reasons, law))


def _words(question: Question, found: Known, judged: Judgement, reasons: list[Refusal], law: Law) -> str:
    body: dict[str, Any] = {
        "check_no": judged.check_no,
        "decision": judged.decision.value,
        "contract_no": question.contract_no,
        "checked_at": shown(judged.checked_at),
        "valid_until": shown(judged.valid_until) if judged.valid_until else None,
        "required": str(judged.required),
        "deposited": str(judged.deposited),
        "shortfall": str(max(judged.required - judged.deposited, ZERO)),
        "maintenance": {
            "required": str(judged.maintenance.required), "advanced": str(judged.maintenance.advanced),
        },
        "receipts": _receipts(found.facts.contract),
        "reasons": [{"code": why.code, "message": why.message, "citation": why.citation} for why in reasons],
        "warnings": [],
        "law": {
            "region": found.region,
            "in_force_from": law.in_force_from(JUDGED_BY["presale_funds"]).isoformat(),
        },
        "signature": None,
    }
    if judged.decision is Decision.PASS:
        body["signature"] = sign(body)
    return json.dumps(body, ensure_ascii=False)


def _receipts(contract: Drafted | None) -> list[dict[str, str]]:
    return [
        {
            "receipt_no": receipt.receipt_no,
            "bank_serial": receipt.bank_serial,
            "amount": str(receipt.amount),
            "booked_at": bureau_time(receipt.booked_at).isoformat(),
        }
        for receipt in (contract.receipts if contract else ())
    ]


def shown(instant: datetime) -> str:
    """An instant as our answers show it: bureau time with its offset, to the second (时刻)."""
    return bureau_time(instant).isoformat(timespec="seconds")


@lru_cache(maxsize=256)
def law_kept(day: date, region: str) -> str:
    """The law that checks of one day and region are judged by, as JSON (存档的规定)."""
    kept = {subject: law_on(day, subject, region).stored(keys) for subject, keys in JUDGED_BY.items()}
    return json.dumps(kept, ensure_ascii=False)
