"""Words of bookkeeping (记账术语). Pure."""

from enum import StrEnum


class Side(StrEnum):
    """Debit or credit (借、贷); of an account, the side on which it grows."""

    DEBIT = "debit"
    CREDIT = "credit"
