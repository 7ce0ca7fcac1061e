"""分户账后续事项：业主随转移登记，面积、串户凭据更正，灭失返还由指令付出，余额不足续交；都由两人办理。"""

from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace

import psycopg
import pytest
from sqlalchemy.exc import IntegrityError

from config.clock import bureau_day
from escrow.advances.rules import PayerKind
from escrow.errors import Invalid, Refused
from escrow.fund_orders import results
from escrow.fund_orders.handlers import HANDLERS
from escrow.fund_orders.rules import FundOrderKind
from escrow.houses import actions, deciding
from escrow.houses.actions import Paper, Receiver
from escrow.houses.losses import LOSSES, issue_loss
from escrow.houses.owner_rules import OwnerKind
from escrow.houses.owning import Transfer, confirm_owner, enter_owner, reject_owner
from escrow.instructions.results import Result
from escrow.instructions.rules import Outcome
from escrow.maintenance import chart
from escrow.maintenance.chart import Nature
from escrow.maintenance.reading import unit_seen
from ledger.money import Yuan
from tests.estate import build, file_hash, new_number, sold
from tests.fund.advancing import DUE, founded, paid, people_of
from tests.fund.fund_estate import build_fund, empty_fund
from tests.fund.opening_files import booked, handed, home
from tests.sale import row

# As the room does when the house is put together.
HANDLERS[FundOrderKind.LOSS] = LOSSES
OWNER = Receiver("王秀英", "6217000099990000001", "建设银行")


def paper(name: str = "") -> Paper:
    said = name or new_number("更")
    return Paper(said, file_hash(said), "见附件")


def codes(refused):
    return [one.code for one in refused.value.refusals]


def scene_of(house, app):
    """A fund account with its houses (有房屋的专户)."""
    return SimpleNamespace(fund=build_fund(house))


@pytest.fixture
def sale(empty_house):
    """两户已售：建设单位代缴了第一户，错在第一户名下的其实是第二户的款。"""
    people = people_of(empty_house)
    estate = build(empty_house, [people.clerk, people.reviewer], advanced=False)
    fund = founded(estate, people)
    for _ in range(2):
        sold(estate)
    answer = paid(fund, (fund.codes[0], DUE))
    return SimpleNamespace(estate=estate, fund=fund, receipt_no=answer["receipt_no"])


def enter(fund, name, code, *said):
    return fund.do(lambda session: getattr(actions, f"enter_{name}")(
        session, code, *said, officer_id=fund.officers[0]))  # fmt: skip


def confirm(fund, code, change_id, officer=1):
    fund.do(lambda session: deciding.confirm(session, code, change_id, officer_id=fund.officers[officer]))


def seen_of(fund, code):
    with fund.house.database.read() as session:
        return unit_seen(session, code)


def transfer(fund, at=0, **changed):
    number = new_number("晋不动产权")
    said = {
        "unit_code": fund.codes[at], "kind": OwnerKind.TRANSFER, "from_day": bureau_day(),
        "certificate_no": number, "file_hash": file_hash(number),
        "owners": (("王秀英", "11010519491231002X"), ("李建国", None)), **changed,
    }  # fmt: skip
    asked = Transfer(**said)
    return fund.do(lambda s: enter_owner(s, asked, fund.house.settings, officer_id=fund.officers[0]))


# --- 业主 ---


def test_the_balance_follows_the_house(fund):
    """转移登记由两人办理，余额一分不动；业主加密保存；自己录的自己不能确认。"""
    code = fund.codes[0]
    fund.deposit(fund.ids[0], "6912.00")
    change_id = transfer(fund)
    with pytest.raises(Refused) as refused:
        fund.do(lambda s: confirm_owner(s, code, change_id, officer_id=fund.officers[0]))
    assert codes(refused) == ["same-officer"]
    fund.do(lambda s: confirm_owner(s, code, change_id, officer_id=fund.officers[1]))
    assert fund.stands(fund.ids[0]) == ("6912.00", "0.00", "0.00")
    kept = row(fund, "SELECT name_masked, id_no_masked, name_sealed FROM house_owner ORDER BY id LIMIT 1")
    assert (kept.name_masked, kept.id_no_masked) == ("王**", "110105********002X")
    assert "王秀英".encode() not in bytes(kept.name_sealed)


def test_an_earlier_transfer_does_not_follow_a_later_one(fund):
    """登记日早于现业主的不收，录错的用更正；晚于今天的不收；一件未决不录第二件。"""
    first = transfer(fund)
    with pytest.raises(Refused) as refused:
        transfer(fund)
    assert codes(refused) == ["owner-waiting"]
    fund.do(lambda s: confirm_owner(s, fund.codes[0], first, officer_id=fund.officers[1]))
    with pytest.raises(Refused) as refused:
        transfer(fund, from_day=bureau_day() - timedelta(days=1))
    assert codes(refused) == ["owner-earlier"]
    with pytest.raises(Refused) as refused:
        transfer(fund, from_day=bureau_day() + timedelta(days=1))
    assert codes(refused) == ["owner-later"]
    mended = transfer(fund, kind=OwnerKind.CORRECTION, from_day=bureau_day() - timedelta(days=1))
    fund.do(lambda s: reject_owner(s, fund.codes[0], mended, "材料不清", officer_id=fund.officers[1]))


# --- 面积 ---


def test_a_corrected_area_changes_what_is_due_and_nothing_booked(sale):
    """面积由九十六改为一百平方米：首期应缴按当日标准重算，补缴的差额容得下，已入账的不改。"""
    fund, code = sale.fund, sale.fund.codes[0]
    before = row(fund, "SELECT count(*) AS n FROM ledger.journal_entry").n
    confirm(fund, code, enter(fund, "area", code, paper(), Decimal("100.00")))
    seen = seen_of(fund, code)
    assert (str(seen.due.amount), str(seen.paid), str(seen.outstanding)) == ("7200.00", DUE, "288.00")
    assert "面积更正" in seen.due.citation
    assert row(fund, "SELECT count(*) AS n FROM ledger.journal_entry").n == before
    paid(fund, (code, "288.00"))
    assert fund.stands(fund.ids[0])[0] == "7200.00" and fund.disagreements() == []
    with pytest.raises(Refused) as refused:
        enter(fund, "area", code, paper(), Decimal("100.00"))
    assert codes(refused) == ["same-area"]


def test_an_area_moves_by_a_confirmed_change_alone(fund):
    """数据库：没有正在确认的更正，面积与已定的首期应缴都改不了。"""
    with pytest.raises(psycopg.errors.CheckViolation), fund.house.connect() as connection:
        connection.execute("UPDATE house SET area = 1 WHERE id = %s", (fund.ids[0],))
    change_id = enter(fund, "area", fund.codes[0], paper(), Decimal("90.00"))
    with pytest.raises(psycopg.errors.CheckViolation), fund.house.connect() as connection:
        connection.execute(
            "UPDATE house_change SET status = 'confirmed', decided_by = %s, decided_at = now(),"
            " booked_in = pg_current_xact_id()::text::bigint WHERE id = %s", (fund.officers[1], change_id),
        )  # fmt: skip
        connection.execute("SET CONSTRAINTS ALL IMMEDIATE")


# --- 串户 ---


def test_a_deposit_on_the_wrong_house_is_moved_by_a_new_entry(sale):
    """代缴款错入第一户：一张新凭证转到第二户，连同待归还；第一户又欠缴，备案前核对随之。"""
    fund, (one, other) = sale.fund, sale.fund.codes[:2]
    confirm(fund, one, enter(fund, "misplaced", one, paper(), sale.receipt_no, other))
    assert fund.stands(fund.houses[one]) == ("0.00", "0.00", "0.00")
    assert fund.stands(fund.houses[other]) == (DUE, "0.00", DUE)
    assert fund.disagreements() == []
    whole = row(fund, "SELECT first_due, first_due_standard AS said FROM house WHERE unit_code = :c", c=other)
    assert whole.first_due == 691200 and whole.said
    advanced = dict(row(fund, "SELECT json_object_agg(house_id, advanced) AS n FROM unit_advance").n)
    assert advanced[str(fund.houses[other])] == 691200 and advanced[str(fund.houses[one])] == 0
    assert str(seen_of(fund, one).outstanding) == DUE and str(seen_of(fund, other).outstanding) == "0.00"
    paid(fund, (one, DUE))
    assert fund.stands(fund.houses[one])[0] == DUE
    with pytest.raises(Refused) as refused:
        enter(fund, "misplaced", one, paper(), sale.receipt_no, other)
    assert codes(refused) == ["no-such-deposit"]


def test_a_deposit_is_not_moved_where_there_is_no_room(sale):
    """转入户已缴足的容不下；没有建账的、没有这笔入账的，都说明理由；确认前变了的不成。"""
    fund, (one, other) = sale.fund, sale.fund.codes[:2]
    change_id = enter(fund, "misplaced", one, paper(), sale.receipt_no, other)
    paid(fund, (other, DUE))
    with pytest.raises(Refused) as refused:
        confirm(fund, one, change_id)
    assert codes(refused) == ["no-room-to-take"]
    assert fund.stands(fund.houses[one])[0] == DUE
    with pytest.raises(Refused) as refused:
        enter(fund, "misplaced", other, paper(), sale.receipt_no, one)
    assert codes(refused) == ["no-such-deposit"]
    with pytest.raises(Invalid):
        enter(fund, "misplaced", one, paper(), sale.receipt_no, one)


# --- 灭失 ---


@pytest.fixture
def lost(empty_house):
    """一户公房，余额里有售房单位的部分。"""
    fund = empty_fund(empty_house)
    said = {**home(0), "房屋性质": "已售公有住房", "余额": "3000.00"}
    booked(fund, handed(fund, [said]))
    return SimpleNamespace(fund=fund, code=said["不动产单元代码"])


def answered(fund, number, outcome, amount):
    """The bank answers (银行答复)."""
    said = Result(number, outcome, new_number("F"), Yuan(amount), OWNER.account_no, bureau_day())
    return fund.do(lambda s: results.record(s, said, fund.bank_code, fund.house.settings))


def test_a_lost_house_is_returned_by_orders(lost):
    """灭失：全部余额列应付，户销；业主、售房单位各一件指令，确认人不签发；银行付出才记账，不付两次。"""
    fund, code = lost.fund, lost.code
    seller = Receiver("县机械厂", "1401000000000001", "工商银行")
    change_id = fund.do(lambda s: actions.enter_lost(
        s, code, paper(), Yuan("1000.00"), OWNER, seller, fund.house.settings, officer_id=fund.officers[0]))
    confirm(fund, code, change_id)
    assert row(fund, "SELECT status FROM house").status == "closed" and fund.disagreements() == []

    def order(part, officer):
        return fund.do(lambda s: issue_loss(
            s, code, change_id, part, fund.house.settings, officer_id=fund.officers[officer]))

    with pytest.raises(Refused) as refused:
        order("owner", 1)
    assert codes(refused) == ["same-officer"]
    number = order("owner", 0).instruction_no
    order("seller", 0)
    held = (
        "SELECT sum(b.balance)::bigint AS n FROM ledger.account a"
        " JOIN ledger.balance b ON b.account_id = a.id"
    )
    assert row(fund, f"{held} WHERE a.code = '200102'").n == 300000
    answered(fund, number, Outcome.PAID, "2000.00")
    assert row(fund, f"{held} WHERE a.code = '200102'").n == 100000
    assert row(fund, f"{held} WHERE a.code = '100102'").n == 100000
    assert fund.disagreements() == []
    with pytest.raises(Refused) as refused:
        order("owner", 0)
    assert "already-ordered" in codes(refused)


def test_a_commodity_home_has_no_sellers_part(fund):
    """商品住宅没有售房单位的部分；购房人欠着建设单位的、余额变了的，先了结再返还。"""
    fund.advance(fund.ids[0], "3000.00")
    told, who = fund.house.settings, fund.officers[0]

    def lose(at: int, share: str) -> int:
        said = (fund.codes[at], paper(), Yuan(share), OWNER, None, told)
        return fund.do(lambda s: actions.enter_lost(s, *said, officer_id=who))

    with pytest.raises(Refused) as refused:
        lose(0, "1.00")
    assert codes(refused) == ["owed", "no-seller"]
    fund.deposit(fund.ids[1], "100.00")
    change_id = lose(1, "0.00")
    fund.deposit(fund.ids[1], "1.00")
    with pytest.raises(Refused) as refused:
        confirm(fund, fund.codes[1], change_id)
    assert codes(refused) == ["balance-changed"]


# --- 续交 ---


def test_a_fund_that_runs_low_is_renewed_up_to_its_first_deposit(empty_house):
    """余额低于首期三成的续交，至首期为止；没低的、多交的、流水用过的不收。"""
    fund = empty_fund(empty_house)
    rows = [{**home(0), "余额": "2073.59"}, {**home(1), "余额": "2073.60"}]
    booked(fund, handed(fund, rows))
    low, well = (one["不动产单元代码"] for one in rows)

    def renew(code, amount, serial="XJ1"):
        return enter(fund, "renewal", code, paper(serial), Yuan(amount), bureau_day())

    with pytest.raises(Refused) as refused:
        renew(well, "1.00")
    assert codes(refused) == ["not-low"]
    with pytest.raises(Refused) as refused:
        renew(low, "4838.42")
    assert codes(refused) == ["renewal-over"]
    confirm(fund, low, renew(low, "4838.41"))
    seen = seen_of(fund, low)
    assert (str(seen.balance), str(seen.paid)) == ("6912.00", "6912.00") and fund.disagreements() == []
    with pytest.raises(Refused) as refused:
        enter(fund, "renewal", well, Paper("XJ1", file_hash("别的"), "见附件"), Yuan("1.00"), bureau_day())
    assert codes(refused) == ["not-low", "serial-used"]


def test_a_house_is_renewed_when_its_first_deposit_is_whole(fund, monkeypatch):
    """首期分文未缴、只缴了一部分的，所缴是首期，不作续交；数据库也不收这样的续交。"""
    def renew(code):
        return enter(fund, "renewal", code, paper(), Yuan("100.00"), bureau_day())

    for code, before in ((fund.codes[0], ""), (fund.codes[1], "1000.00")):
        if before:
            paid(fund, (code, before), payer=PayerKind.OWNER)
        with pytest.raises(Refused) as refused:
            renew(code)
        assert codes(refused) == ["first-due"]
        with monkeypatch.context() as without:
            for room in (actions, deciding):
                without.setattr(room, "renewal_refusals", lambda *_: [])
            with pytest.raises(IntegrityError, match="run low"):
                confirm(fund, code, renew(code))
    paid(fund, (fund.codes[2], DUE), payer=PayerKind.OWNER)
    with pytest.raises(Refused) as refused:
        renew(fund.codes[2])
    assert codes(refused) == ["not-low"]


def test_nothing_is_booked_without_a_confirmed_change(fund):
    """数据库：没有确认的事项，就没有续交、串户、灭失的凭证；确认的与凭证不符，提交不了。"""
    fund.deposit(fund.ids[0], "500.00")
    one, other = (chart.house_key(house_id) for house_id in fund.ids[:2])
    for movement, way in (
        (chart.RENEWAL, ((chart.BANK_COMMODITY, ""), ("400101", one), "1.00")),
        (chart.WRONG_HOUSE, (("400101", one), ("400101", other), "1.00")),
        (chart.LOSS_DUE, (("510101", one), (chart.LOSS_PAYABLE[Nature.COMMODITY], ""), "1.00")),
    ):
        with pytest.raises(Exception, match="no confirmed change"):
            fund.move(movement, way)
    enter(fund, "area", fund.codes[0], paper(), Decimal("90.00"))
    for attack in (
        "UPDATE house_change SET area_after = 95", "DELETE FROM house_change",
        "UPDATE house_change SET decided_by = entered_by, decided_at = now(), status = 'confirmed'",
    ):  # fmt: skip
        with pytest.raises(psycopg.Error), fund.house.connect() as connection:
            connection.execute(attack)
