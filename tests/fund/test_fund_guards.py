"""维修资金各表的防线逐道试过：绕过程序、以数据库属主直接写库，每一次都由说得出名字的那一道挡住。"""

from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace

import psycopg
import pytest

from config.clock import bureau_day
from escrow.fund_income import actions as income
from escrow.fund_income.rules import Basis, IncomeKind
from escrow.fund_income.sharing import Proposal
from escrow.fund_use.rules import Cause
from escrow.houses.losses import issue_loss
from escrow.maintenance.chart import Nature
from ledger.money import ZERO
from tests.estate import build
from tests.fund import ordering, use_paying, using
from tests.fund.advancing import DUE, OWNER, founded, paid, people_of
from tests.fund.fund_estate import empty_fund
from tests.fund.opening_files import entered as opened
from tests.fund.opening_files import handed, home
from tests.fund.test_houses import OWNER as RECEIVER
from tests.fund.test_houses import confirm, enter, paper, transfer
from tests.fund.test_income_sharing import booked, close_through, run_of, slip
from tests.releasing import refused_by

LAST = bureau_day().replace(day=1) - timedelta(days=1)


def scene_of(house, app):
    """一个专户里每一种业务都停在半路：录入的、决定的、签发的、测算的；另一个专户等着导入期初。"""
    people = people_of(house)
    estate = build(house, [people.clerk, people.reviewer], buildings=1, units=8, advanced=False)
    fund = founded(estate, people)
    fund.opened(LAST.replace(day=1))
    using.owned(fund, fund.ids)
    for code in fund.codes:
        paid(fund, (code, DUE), payer=OWNER, value_date=LAST)
    _loss(fund, fund.codes[2])
    _sharing(fund)
    ordering.ordered(fund, ordering.due(fund, people, estate), people.cashier)
    ordering.due(fund, people, estate, "5.00")
    enter(fund, "area", fund.codes[1], paper(), Decimal("90.00"))
    transfer(fund, 1)
    use_no = using.approved(fund, "70.00", cause=Cause.ELEVATOR)
    use_paying.confirmed(fund, use_no, use_paying.asked(fund, use_no, "advance", "20.00"))
    opened(empty := empty_fund(house, two=fund.officers), handed(empty, [home(0)]))
    return SimpleNamespace(fund=fund)


def _loss(fund, code):
    """A house is no more, and its owner's part is ordered."""
    told, [maker, _] = fund.house.settings, fund.officers
    change_id = enter(fund, "lost", code, paper(), ZERO, RECEIVER, None, told)
    confirm(fund, code, change_id)
    fund.do(lambda s: issue_loss(s, code, change_id, "owner", told, officer_id=maker))


def _sharing(fund):
    """Interest is booked and computed to houses; another slip waits."""
    booked(fund, IncomeKind.INTEREST, "10.00", LAST)
    close_through(fund, LAST)
    run_of(fund, Proposal(fund.fund_id, Nature.COMMODITY, LAST.replace(day=1), LAST, Basis.AREA))
    waits = slip(fund, IncomeKind.INTEREST, "3.00", bureau_day())
    fund.do(lambda session: income.enter(session, waits, officer_id=fund.officers[0]))


ENTRY = "(SELECT max(id) FROM ledger.journal_entry)"
DECIDED = "decided_by = entered_by + 1, decided_at = now(), law = '{}'"
NEW_RUN = (
    "INSERT INTO income_run (run_no, fund_account_id, nature, period_from, period_to, basis, status,"
    " proposed_by) SELECT 'X', fund_account_id, nature, period_to, period_to + 1, basis, 'proposed',"
    " proposed_by FROM income_run"
)
APPROVED = (
    "UPDATE income_run SET status = 'approved', decided_by = proposed_by + 1, decided_at = now(), law = '{}'"
)
ANSWER = (
    "INSERT INTO fund_order_result (order_id, outcome, bank_code, bank_serial, amount, payee_account_masked,"
    " value_date, verdict) SELECT o.id, 'failed', f.bank_code, 'X', o.amount, 'x', CURRENT_DATE, 'moves'"
    " FROM fund_order o JOIN fund_account f ON f.id = o.fund_account_id ORDER BY o.id LIMIT 1"
)
ACCOUNT = (
    "INSERT INTO return_account (source, payee_account_sealed, payee_account_masked, payee_bank, document_no,"
    " file_hash, note, status, entered_by) SELECT '{source}', 'x', 'x', 'x', 'X', repeat('a', 64), 'x',"
    " '{status}', 1"
)
LOSS = (
    "INSERT INTO fund_order (instruction_no, {same}, payee_bank)"
    " SELECT 'ZL' || c.year || lpad(c.last::text, 6, '0'), {same}, 'another'"
    " FROM fund_order, instruction_counter c WHERE kind = 'fund-loss'"
)
GUARDS = [
    ("community_stands", "UPDATE community SET region = '150000'"),
    (
        "community_stands",
        "INSERT INTO community (fund_account_id, name, region) SELECT id, 'x', '150000' FROM"
        " fund_account LIMIT 1",
    ),
    ("community_building_stands", "UPDATE community_building SET building_no = building_no || 'x'"),
    ("fund_account_steps", "UPDATE fund_account SET bank_code = 'X'"),
    ("fund_account_steps", "UPDATE fund_account SET status = 'entered'"),
    ("fund_account_empty", "UPDATE fund_account SET status = 'closed' WHERE id = 1"),
    ("house_batch_steps", "UPDATE house_batch SET to_build = to_build + 1"),
    ("apart_money_stands", "UPDATE apart_money SET amount = amount + 1, remainder = remainder + 1"),
    ("apart_money_stands", "UPDATE apart_money SET remainder = amount - 1"),
    ("fund_income_steps", "UPDATE fund_income SET amount = amount + 1"),
    (
        "fund_income_booked",
        f"UPDATE fund_income SET status = 'booked', {DECIDED}, entry_id = {ENTRY} WHERE status ="
        " 'entered'",
    ),
    (
        "fund_period_in_order",
        "INSERT INTO fund_period (fund_account_id, month, closed_by, before, after, entry_ids) SELECT"
        " fund_account_id, month + 70, closed_by, before, after, '{}' FROM fund_period",
    ),
    ("income_run_steps", "UPDATE income_run SET total = total + 1"),
    ("income_run_steps", NEW_RUN),
    ("income_run_steps", f"{APPROVED}; UPDATE income_run SET status = 'done'"),
    (
        "income_share_once",
        "INSERT INTO income_share (run_id, house_id, batch, weight, amount) SELECT s.run_id, h.id, 0,"
        " 0, 0 FROM (SELECT run_id FROM income_share LIMIT 1) s, house h WHERE h.status = 'closed'",
    ),
    ("income_batch_steps", f"UPDATE income_batch SET entry_id = {ENTRY}"),
    ("income_batch_booked", f"{APPROVED}; UPDATE income_batch SET entry_id = {ENTRY}"),
    ("house_change_steps", "UPDATE house_change SET area_after = area_after + 1"),
    (
        "house_change_whole",
        f"UPDATE house_change SET status = 'confirmed', {DECIDED}, booked_in ="
        " pg_current_xact_id()::text::bigint WHERE status = 'entered'",
    ),
    ("owner_change_steps", "UPDATE owner_change SET from_day = from_day - 1"),
    (
        "house_owner_stands",
        f"UPDATE owner_change SET status = 'confirmed', {DECIDED}; INSERT INTO house_owner (change_id,"
        " position, name_sealed, name_masked) SELECT id, 9, 'x', 'x' FROM owner_change",
    ),
    ("fund_order_steps", "UPDATE fund_order SET amount = amount + 1"),
    ("fund_order_steps", "UPDATE fund_order SET status = 'returned'"),
    ("fund_order_follows", "UPDATE fund_order SET status = 'paid'"),
    ("fund_order_follows", "UPDATE fund_order SET status = 'failed'"),
    ("fund_result_stands", ANSWER),
    ("return_account_steps", ACCOUNT.format(source="apart:2", status="confirmed")),
    ("return_account_due", ACCOUNT.format(source="apart:1", status="entered")),
    ("return_account_due", ACCOUNT.format(source="apart:99", status="entered")),
    ("use_payment_steps", "UPDATE use_payment SET status = 'paid'"),
    ("fund_opening_steps", "UPDATE fund_opening SET bank_commodity = bank_commodity + 1"),
    ("fund_opening_steps", "UPDATE fund_opening SET status = 'booked', booked_at = now(), booked_in = 1"),
    (
        "fund_opening_whole",
        "UPDATE fund_opening SET status = 'approved', decided_by = entered_by + 1, decided_at ="
        " now(); UPDATE fund_opening SET status = 'booked', booked_at = now(), booked_in ="
        " pg_current_xact_id()::text::bigint",
    ),
    (
        "of_opening_stands",
        "INSERT INTO house_opening (house_id, opening_id, row, first_paid, balance) SELECT 1, id, 1,"
        " 1, 1 FROM fund_opening",
    ),
    (
        "advance_repayment_steps",
        "INSERT INTO advance_repayment (house_id, contract_id, amount, repaid_on, evidence_no,"
        " origin, status) SELECT 1, 1, 1, CURRENT_DATE, 'X', 'page', 'confirmed'",
    ),
]  # fmt: skip


def attacked(house, *statements):
    """The owner of the tables writes past the application, and commits."""
    with house.connect("owner") as connection:
        for statement in statements:
            connection.execute(statement)
        connection.execute("SET CONSTRAINTS ALL IMMEDIATE")


@pytest.mark.parametrize(("guard", "said"), GUARDS)
def test_each_guard_refuses_by_its_own_name(fund, guard, said):
    """改已写下的、跳过步骤、没有凭证的入账、银行没有答复的付讫、测算之外的份额：各由其防线拒绝。"""
    with pytest.raises(psycopg.Error) as found:
        attacked(fund.house, *said.split("; "))
    assert refused_by(found) == guard


def test_a_lost_house_is_not_paid_to_another_account(fund):
    """灭失返还已定的收款账户之外，另写一件指令付给别的账户，不准。"""
    with fund.house.connect("reader") as connection:
        rows = connection.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_name = 'fund_order'"
            " AND column_name NOT IN ('id', 'instruction_no', 'payee_bank', 'issued_at') ORDER BY 1"
        ).fetchall()
    same = ", ".join(name for (name,) in rows)
    with pytest.raises(psycopg.Error) as found:
        attacked(fund.house, "UPDATE instruction_counter SET last = last + 1", LOSS.format(same=same))
    assert refused_by(found) == "loss_order_payee"


def test_a_suspension_is_not_rewritten(fund):
    """停付的原因写下就不改。"""
    with pytest.raises(psycopg.Error) as found:
        attacked(
            fund.house,
            "INSERT INTO fund_suspension (fund_account_id, cause)"
            " SELECT id, 'x' FROM fund_account WHERE id = 1",
            "UPDATE fund_suspension SET cause = 'y'",
        )
    assert refused_by(found) == "fund_suspension_stands"
