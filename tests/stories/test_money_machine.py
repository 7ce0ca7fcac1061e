"""Deposits, checks, filings and reversals in any order, with a model of the books beside them (状态机).

Whatever the bank, the filing system and the clock do, after every step the answer of a check, the books and
the contract's state are what the model says.
"""

import secrets
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import text

from config.clock import bureau_day
from escrow import chart
from escrow.contracts.cancelling import CancellationAsked, cancel
from escrow.errors import Refused
from ledger.money import ZERO, Yuan
from tests.conftest import House, settings_for
from tests.estate import build, new_number, officers
from tests.sale import DOWN, EARNEST, Sale, codes, sell

DUE = EARNEST + DOWN
ASKED = (EARNEST, DOWN, Yuan("650000.00"))
AMOUNTS = st.sampled_from(
    [Yuan("0.01"), EARNEST - Yuan("0.01"), EARNEST, DOWN, DOWN + Yuan("0.01"), Yuan("700000.00")]
)


@dataclass(slots=True)
class Model:
    """What should be true of one contract (模型)."""

    sale: Sale
    status: str = "drafted"
    paid: list[Yuan] = field(default_factory=lambda: [ZERO, ZERO, ZERO])
    receipts: list[tuple[dict, int, Yuan]] = field(default_factory=list)
    passes: list[tuple[str, frozenset[str]]] = field(default_factory=list)

    @property
    def deposited(self) -> Yuan:
        return sum(self.paid, ZERO)

    @property
    def standing(self) -> frozenset[str]:
        """Receipts that count: matched at least in part and not reversed."""
        return frozenset(answer["receipt_no"] for answer, _, matched in self.receipts if matched > ZERO)

    @property
    def reasons(self) -> list[str]:
        found = ["contract-unknown"] if self.status == "cancelled" else []
        if self.deposited == ZERO:
            found.append("deposit-missing")
        elif self.deposited < DUE:
            found.append("deposit-short")
        return found + (["unit-already-filed"] if self.status in ("filed", "at-risk") else [])

    @property
    def made_good(self) -> bool:
        return self.paid[0] == EARNEST and self.paid[1] == DOWN


class County(RuleBasedStateMachine):
    """Three contracts of one project (三份合同)."""

    def __init__(self, cluster, blank_settings) -> None:
        super().__init__()
        self.cluster, name = cluster, f"house_{secrets.token_hex(6)}"
        cluster.clone(name)
        self.house = House(name, cluster, settings_for(cluster, name, blank_settings))
        self.estate = build(self.house, officers(self.house, "clerk", "reviewer"))
        self.models = [Model(sell(self.estate, unit)) for unit in range(3)]
        self.unmatched = ZERO

    def teardown(self) -> None:
        self.house.database.dispose()
        self.cluster.drop(self.house.name)

    @rule(at=st.integers(0, 2), notice=st.integers(0, 2), amount=AMOUNTS)
    def the_bank_books(self, at, notice, amount):
        """Money comes in; what the notice no longer asks for is unmatched."""
        model = self.models[at]
        room = ZERO if model.status == "cancelled" else ASKED[notice] - model.paid[notice]
        matched = min(amount, room)
        answer = model.sale.pay(notice, amount)

        assert (answer["matched"], answer["unmatched"]) == (str(matched), str(amount - matched))
        model.paid[notice] += matched
        model.receipts.append((answer, notice, matched))
        self.unmatched += amount - matched
        if model.status == "at-risk" and matched > ZERO and model.made_good:
            model.status = "filed"

    @precondition(lambda self: any(model.receipts for model in self.models))
    @rule(data=st.data())
    def the_bank_takes_back(self, data):
        """A receipt is reversed whole; a filed contract is then at risk."""
        model = data.draw(st.sampled_from([model for model in self.models if model.receipts]))
        answer, notice, matched = model.receipts.pop(data.draw(st.integers(0, len(model.receipts) - 1)))
        model.sale.reverse(answer)

        model.paid[notice] -= matched
        self.unmatched -= Yuan(answer["amount"]) - matched
        if model.status == "filed" and matched > ZERO:
            model.status = "at-risk"

    @rule(at=st.integers(0, 2))
    def the_filing_system_asks(self, at):
        """A check says exactly what the model says."""
        model = self.models[at]
        answer = model.sale.check()

        assert codes(answer) == model.reasons
        assert answer.body["deposited"] == str(model.deposited)
        assert {receipt["receipt_no"] for receipt in answer.body["receipts"]} == model.standing
        if not model.reasons:
            model.passes.append((answer.check_no, model.standing))

    @precondition(lambda self: any(model.passes for model in self.models))
    @rule(data=st.data(), at=st.integers(0, 2))
    def the_filing_system_files(self, data, at):
        """Only its own living PASS files a contract."""
        owner = data.draw(st.sampled_from([model for model in self.models if model.passes]))
        check_no, receipts = data.draw(st.sampled_from(owner.passes))
        model = self.models[at]
        lives = (
            model is owner and model.status == "drafted" and not model.reasons and receipts <= model.standing
        )
        try:
            model.sale.file(check_no)
        except Refused:
            assert not lives
        else:
            assert lives
            model.status = "filed"

    @rule(at=st.integers(0, 2))
    def the_contract_ends(self, at):
        """A draft is dropped, a filing revoked, each once; the money stays against it."""
        model = self.models[at]
        asked = CancellationAsked(new_number("E"), bureau_day(), "退房")
        try:
            self.estate.do(lambda session: cancel(session, model.sale.contract_no, asked))
        except Refused:
            assert model.status == "cancelled"
        else:
            assert model.status != "cancelled"
            model.status = "cancelled"

    @invariant()
    def the_books_say_the_same(self):
        """Money in the account, on the buildings, on each contract and unmatched are what the model says."""
        held = self.estate.held()
        deposited = sum((model.deposited for model in self.models), ZERO)

        assert self._sum(held, chart.DEPOSITS_AT_BANK) == deposited + self.unmatched
        assert self._sum(held, chart.KEY_FUNDS) == deposited
        assert self._sum(held, chart.UNMATCHED) == self.unmatched
        assert self._sum(held, chart.PAID_IN_BY_CONTRACT) == deposited

    @invariant()
    def the_contracts_say_the_same(self):
        """Each contract stands as the model says, and no receipt supports two of them."""
        with self.house.database.read() as session:
            statuses = dict(session.execute(text("SELECT contract_no, status FROM contract")).all())
            shared = session.execute(
                text("SELECT receipt_id FROM receipt_allocation GROUP BY 1 HAVING count(*) > 1")
            ).all()

        assert statuses == {model.sale.contract_no: model.status for model in self.models}
        assert shared == []

    @staticmethod
    def _sum(held, code):
        return sum((Yuan(amount) for (found, _), amount in held.items() if found == code), ZERO)


@pytest.mark.slow
def test_the_books_follow_the_model_whatever_happens(cluster, blank_settings):
    """入账、冲正、核对、备案、注销以任意次序发生，每一步之后核对答复、账簿与合同状态都与模型一致。"""
    run_state_machine_as_test(
        lambda: County(cluster, blank_settings),
        settings=settings(
            max_examples=15, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
