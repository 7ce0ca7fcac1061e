"""May this contract be filed? Facts and law in, every reason out (备案前核对). Pure."""

from enum import StrEnum


class Decision(StrEnum):
    """The answer of a deposit check (核对结论)."""

    PASS = "pass"  # noqa: S105 - a decision, not a password
    FAIL = "fail"
