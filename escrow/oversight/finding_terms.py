"""What may be noticed, what becomes of it, and one thing noticed (风险提示的种类与状态). Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class FindingKind(StrEnum):
    """What was noticed (提示种类)."""

    ROUND_TRIP = "round-trip"
    DEVELOPER_PAYS = "developer-pays"
    PAYEE_PAYS = "payee-pays"
    SHARED_ACCOUNT = "shared-account"
    PAYEE_IS_DEVELOPER = "payee-is-developer"
    ONE_ID = "one-id"
    ONE_ACCOUNT = "one-account"
    STRANGER_PAYS = "stranger-pays"
    QUICK_REVERSAL = "quick-reversal"


class FindingStatus(StrEnum):
    """Life of a finding (提示状态)."""

    OPEN = "open"
    CLEARED = "cleared"
    CONFIRMED = "confirmed"


# Decided once, and nothing is decided by itself (状态迁移).
STEPS = {
    (FindingStatus.OPEN, FindingStatus.CLEARED),
    (FindingStatus.OPEN, FindingStatus.CONFIRMED),
}
KIND_LABELS = {
    FindingKind.ROUND_TRIP: "拨付资金回流",
    FindingKind.DEVELOPER_PAYS: "开发企业缴存购房款",
    FindingKind.PAYEE_PAYS: "收款单位缴存购房款",
    FindingKind.SHARED_ACCOUNT: "同一账号多个户名",
    FindingKind.PAYEE_IS_DEVELOPER: "收款人与开发企业同名",
    FindingKind.ONE_ID: "同一证件多份合同",
    FindingKind.ONE_ACCOUNT: "同一账户缴存多份合同",
    FindingKind.STRANGER_PAYS: "付款人不是买受人",
    FindingKind.QUICK_REVERSAL: "入账后很快冲正",
}
STATUS_LABELS = {
    FindingStatus.OPEN: "待核查",
    FindingStatus.CLEARED: "已排除",
    FindingStatus.CONFIRMED: "已确认",
}
# Where each kind's threshold is written (所据规定).
PROVISIONS: Mapping[FindingKind, tuple[str, ...]] = {
    FindingKind.ROUND_TRIP: ("finding_round_trip_days", "finding_round_trip_length"),
    FindingKind.DEVELOPER_PAYS: ("finding_insider_payers",),
    FindingKind.PAYEE_PAYS: ("finding_insider_payers",),
    FindingKind.SHARED_ACCOUNT: ("finding_payee_names",),
    FindingKind.PAYEE_IS_DEVELOPER: ("finding_payee_names",),
    FindingKind.ONE_ID: ("finding_id_contracts",),
    FindingKind.ONE_ACCOUNT: ("finding_account_contracts",),
    FindingKind.STRANGER_PAYS: ("finding_stranger_payers",),
    FindingKind.QUICK_REVERSAL: ("finding_reversal_days",),
}


@dataclass(frozen=True, slots=True)
class Suspicion:
    """One thing noticed: the same `key` is the same thing, however often it is looked for (一条提示).

    `said` and `detail` hold nothing personal that is not masked.
    """

    kind: FindingKind
    key: str
    subject: str
    said: str
    detail: dict[str, Any] = field(default_factory=dict)
    withdrawals: tuple[int, ...] = ()
    payees: tuple[int, ...] = ()
    receipts: tuple[int, ...] = ()
