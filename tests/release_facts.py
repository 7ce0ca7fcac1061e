"""One whole, true release; each test changes one thing (解除监管事实样例)."""

from datetime import date

from config.regulations import law_on
from escrow import chart
from escrow.release.clauses import Building
from escrow.release.rules import (
    ReleaseFacts,
    refusals,
)
from escrow.supervision.rules import AccountStatus
from ledger.money import Yuan

TODAY = date(2026, 11, 21)
LAW = law_on(TODAY, "presale_funds", "141130")
SEED = "晋房屋登记清零办发〔2023〕3号 第三部分“五是”"
FEN = Yuan("0.01")

READY = ReleaseFacts(
    today=TODAY,
    account_status=AccountStatus.ACTIVE,
    application_no="SQ2026001",
    agreement_no="XY2026001",
    agreement_waiting=None,
    clauses=(),
    papers=(),
    buildings=(
        Building("1", date(2026, 8, 31), "晋（2026）交口县不动产权第0000001号"),
        Building("2", date(2026, 10, 30), "晋（2026）交口县不动产权第0000002号"),
    ),
    units=70,
    units_transferred=0,
    balances={chart.DEPOSITS_AT_BANK: Yuan("350000.00"), chart.KEY_FUNDS: Yuan("350000.00")},
    contracts=(),
)


def codes(facts, law=LAW):
    return [refusal.code for refusal in refusals(facts, law)]
