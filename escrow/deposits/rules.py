"""How a bank's credit is matched, and when it must be refused (购房款入账). Pure."""

from enum import StrEnum


class Channel(StrEnum):
    """How the money came (缴款渠道)."""

    COUNTER = "counter"
    POS = "pos"
    TRANSFER = "transfer"
    ONLINE = "online"
    LOAN = "loan"
    PROVIDENT_FUND = "provident_fund"


class ReceiptStatus(StrEnum):
    """What became of a receipt (入账状态)."""

    CONFIRMED = "confirmed"
    PARTLY_MATCHED = "partly_matched"
    UNMATCHED = "unmatched"
    REVERSED = "reversed"
    RETURNED = "returned"
