"""What a drafted contract, its notices and its cancellation must satisfy (购房合同). Pure."""

from enum import StrEnum


class ContractStatus(StrEnum):
    """Life of a contract as the filing system sees it (合同状态)."""

    DRAFTED = "drafted"
    FILED = "filed"
    AT_RISK = "at-risk"
    CANCELLED = "cancelled"


class PaymentKind(StrEnum):
    """Which part of the price a payment is (款项性质)."""

    EARNEST = "earnest"
    DOWN = "down"
    INSTALMENT = "instalment"
    LOAN = "loan"
    FINAL = "final"
    FULL = "full"


class Source(StrEnum):
    """Whose money pays it (资金来源)."""

    OWN = "own"
    LOAN = "loan"
    PROVIDENT_FUND = "provident_fund"


class NoticeStatus(StrEnum):
    """What a bank is told of a payment notice (缴款通知书状态)."""

    ISSUED = "issued"
    PARTLY_PAID = "partly_paid"
    PAID = "paid"
    VOID = "void"
    EXPIRED = "expired"


class IdType(StrEnum):
    """Which paper proves who a buyer is (证件类型)."""

    RESIDENT = "resident"
    PASSPORT = "passport"
    HK_MACAU = "hk_macau"
    TAIWAN = "taiwan"
    ORGANISATION = "organisation"


# The only steps a contract takes (合同状态迁移).
STEPS = {
    (ContractStatus.DRAFTED, ContractStatus.FILED),
    (ContractStatus.DRAFTED, ContractStatus.CANCELLED),
    (ContractStatus.FILED, ContractStatus.AT_RISK),
    (ContractStatus.AT_RISK, ContractStatus.FILED),
}
