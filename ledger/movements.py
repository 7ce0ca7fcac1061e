"""The ways money may go: permitted routes between chart codes (资金去向). Pure."""

from dataclasses import dataclass
from typing import Protocol

from ledger.money import Yuan


class HasCode(Protocol):
    """Anything that stands in a book under a chart code (科目)."""

    @property
    def id(self) -> int: ...

    @property
    def book_id(self) -> int: ...

    @property
    def code(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Movement:
    """A named business event and the (debit code, credit code) pairs it may post (业务与分录去向)."""

    code: str
    label: str
    routes: frozenset[tuple[str, str]]

    def allows(self, debit: str, credit: str) -> bool:
        """Whether this event may debit one code and credit the other (是否允许)."""
        return (debit, credit) in self.routes


@dataclass(frozen=True, slots=True)
class Transfer:
    """One amount from one account's credit to another's debit (一借一贷)."""

    debit: HasCode
    credit: HasCode
    amount: Yuan
