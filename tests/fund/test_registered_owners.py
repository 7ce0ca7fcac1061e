"""登记机构报来转移登记，分户账的业主即随之变更：不另录、不动钱、以登记日为准；两人所录的让位于登记机构所报。"""

import threading
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from escrow.houses import actions, deciding
from escrow.houses.actions import Paper, Receiver
from escrow.houses.owner_rules import OwnerKind
from escrow.houses.owning import Transfer, confirm_owner, enter_owner, reject_owner
from escrow.maintenance.reading import holders
from escrow.registration.actions import Origin, TransferAsked, register_transfer
from ledger.money import ZERO
from tests.desk import bearer
from tests.estate import build, counter, file_hash, new_number
from tests.fund.advancing import DUE, OWNER, fates, founded, paid, people_of, repaid, unpaid
from tests.fund.test_use_database import attack
from tests.registering import TODAY, refused, told, transferred
from tests.sale import row

EARLIER = TODAY - timedelta(days=5)
WANG, LI = ("王秀英", "11010519491231002X"), ("李建国", "140106198001010019")


def scene_of(house, app):
    """两户已建账、没有合同，楼幢已首次登记。"""
    scene = unpaid(buildings=1, units=2)(house, app)
    told(scene.estate, "1", on=TODAY - timedelta(days=9))
    return scene


def owner(fund, at=0):
    """现业主、自何日起、来源。"""
    with fund.house.database.read() as session:
        held = holders(session, fund.ids[at])
    return (held.names, held.since, held.kind)


def registered(estate, at=0, *, to=WANG, certificate="分证1", on=TODAY):
    return transferred(
        estate, estate.unit_codes[at], certificate=certificate, on=on, owner=to[1], name=to[0]
    )


def by_hand(fund, at=0, **changed):
    """一人凭登记材料录入。"""
    number = new_number("手证")
    said = {
        "unit_code": fund.codes[at], "kind": OwnerKind.TRANSFER, "from_day": TODAY,
        "certificate_no": number, "file_hash": file_hash(number), "owners": (("赵敏", None),), **changed,
    }  # fmt: skip
    asked = Transfer(**said)
    return fund.do(lambda s: enter_owner(s, asked, fund.house.settings, officer_id=fund.officers[0]))


def confirm(fund, change_id, at=0):
    fund.do(lambda s: confirm_owner(s, fund.codes[at], change_id, officer_id=fund.officers[1]))


def lose(fund, at=0):
    """一人录入灭失返还。"""
    number = new_number("灭失")
    said = (fund.codes[at], Paper(number, file_hash(number), "见附件"), ZERO,
            Receiver("王秀英", "6217000099990000001", "建设银行"), None, fund.house.settings)  # fmt: skip
    return fund.do(lambda s: actions.enter_lost(s, *said, officer_id=fund.officers[0]))


def decide(fund, change_id, at=0):
    fund.do(lambda s: deciding.confirm(s, fund.codes[at], change_id, officer_id=fund.officers[1]))


# --- 业主沿革 ---


def test_the_owner_follows_the_register_and_the_balance_stays(estate, fund):
    """头一次登记给买受人，再转给他人：业主随登记日，余额与凭证一分、一张不动。"""
    fund.deposit(fund.ids[0], "6912.00")
    before = row(fund, "SELECT count(*) AS n FROM ledger.journal_entry").n
    assert owner(fund) == (None, None, None)
    registered(estate, on=EARLIER)
    assert owner(fund) == (["王**"], EARLIER, "registered")
    registered(estate, to=LI, certificate="分证2")
    assert owner(fund) == (["李**"], TODAY, "registered")
    assert owner(fund, 1) == (None, None, None)
    assert row(fund, "SELECT count(*) AS n FROM ledger.journal_entry").n == before
    assert fund.stands(fund.ids[0]) == ("6912.00", "0.00", "0.00") and fund.disagreements() == []


def test_what_happened_earlier_may_be_told_later(estate, fund):
    """先发生的后报来：沿革两次都在，现业主仍是登记日在后的；同日两证以后报的为准。"""
    registered(estate, to=LI, certificate="分证2")
    registered(estate, on=EARLIER)
    assert owner(fund) == (["李**"], TODAY, "registered")
    registered(estate, to=("赵敏", "E12345678"), certificate="分证3")
    assert owner(fund)[0] == ["赵**"]
    assert row(fund, "SELECT count(*) AS n FROM house_ownership WHERE house_id = :h", h=fund.ids[0]).n == 3


def test_what_two_officers_saw_and_what_the_register_tells_are_one_history(estate, fund):
    """两人先录了同一买受人，登记机构又报来：各记一次，不重复；登记日在后的手工转移仍是现业主。"""
    confirm(fund, by_hand(fund, from_day=EARLIER, owners=(WANG,)))
    registered(estate, on=EARLIER)
    assert owner(fund) == (["王**"], EARLIER, "registered")
    assert row(fund, "SELECT count(*) AS n FROM house_owner").n == 1
    confirm(fund, by_hand(fund, owners=(LI,)))
    assert owner(fund) == (["李**"], TODAY, "transfer")


def test_an_account_built_later_finds_its_owner(empty_house):
    """登记在前、建账在后：没有分户账时只作登记，账一建成业主即在；没有登记过的仍空着。"""
    people = people_of(empty_house)
    estate = build(empty_house, [people.clerk, people.reviewer], buildings=1, advanced=False)
    told(estate, "1", on=TODAY - timedelta(days=9))
    registered(estate, to=LI, certificate="分证2")
    registered(estate, on=EARLIER)
    fund = founded(estate, people)
    assert owner(fund) == (["李**"], TODAY, "registered")
    assert owner(fund, 1) == (None, None, None)


def test_owners_are_counted_by_what_the_register_told(estate, fund):
    """登记给同一人的两户计一人；登记之前是建设单位的，登记之后不再算未售。"""
    query = "SELECT house_head(u.house_id, u.bearer) FROM use_scope((SELECT id FROM community), NULL) u"

    def heads():
        with fund.house.connect("reader") as connection:
            return {one for (one,) in connection.execute(query).fetchall()}

    assert heads() == {"developer"}
    registered(estate)
    assert len(heads()) == 2 and "developer" in heads()
    registered(estate, 1, certificate="分证2")
    [same] = heads()
    assert same.startswith("owner:")
    registered(estate, 1, to=LI, certificate="分证3")
    assert len(heads()) == 2


def test_who_owns_a_home_without_a_contract_pays_its_own_first_deposit(estate, fund):
    """已转移登记而没有在册合同的：业主自缴入户；建设单位补缴的也入户，但没有谁欠它，不得向业主收取。"""
    registered(estate)
    registered(estate, 1, certificate="分证2", to=LI)
    assert fates(paid(fund, (fund.codes[0], DUE), payer=OWNER)) == [("booked", DUE, None)]
    assert fates(paid(fund, (fund.codes[1], DUE))) == [("booked", DUE, None)]
    assert [fund.stands(one) for one in fund.ids] == [(DUE, "0.00", "0.00")] * 2
    assert refused(lambda: repaid(fund, fund.codes[1], "1.00")) == ["no-contract"]
    assert fates(paid(fund, (fund.codes[1], DUE), payer=OWNER)) == [("overpaid", "0.00", "already-paid")]
    assert fund.disagreements() == []


# --- 与两人所录 ---


def test_what_the_register_tells_overtakes_what_waits(estate, fund):
    """待确认时登记机构报来本户：确认被拒，说明以登记机构所报为准；退回之后，看过所报的更正两人仍可办。"""
    waits = by_hand(fund, certificate_no="分证1")
    registered(estate)
    assert refused(lambda: confirm(fund, waits)) == ["owner-registered-since"]
    fund.do(lambda s: reject_owner(s, fund.codes[0], waits, "登记机构已报", officer_id=fund.officers[1]))
    confirm(fund, by_hand(fund, kind=OwnerKind.CORRECTION, certificate_no="分证1", owners=(WANG, LI)))
    assert owner(fund) == (["王**", "李**"], TODAY, "correction")


def test_an_older_word_of_the_register_overtakes_what_waits_too(estate, fund):
    """报来的登记日较早，也是录入时不知道的：待确认的同样退回重看。"""
    waits = by_hand(fund)
    registered(estate, on=EARLIER)
    assert refused(lambda: confirm(fund, waits)) == ["owner-registered-since"]


def test_nothing_the_register_has_told_is_entered_by_hand(estate, fund):
    """登记日早于登记机构所报的、同一证书的、另一户证书的，录入不收。"""
    registered(estate)
    registered(estate, 1, to=LI, certificate="分证2")
    assert refused(lambda: by_hand(fund, from_day=EARLIER)) == ["owner-earlier"]
    assert refused(lambda: by_hand(fund, certificate_no="分证1")) == ["owner-registered"]
    assert refused(lambda: by_hand(fund, certificate_no="分证2")) == ["certificate-reused"]


# --- 灭失 ---


def test_a_lost_house_is_returned_to_its_owner_of_that_day(estate, fund):
    """录入灭失返还之后业主变更：确认被拒，数据库同拒；退回重录方可；销户之后的登记只作记载，不动钱。"""
    fund.deposit(fund.ids[0], "6912.00")
    waits = lose(fund)
    registered(estate)
    assert refused(lambda: decide(fund, waits)) == ["owner-changed"]
    told_so = "UPDATE house_change SET status = 'confirmed', decided_by = %(who)s, decided_at = now()"
    assert attack(fund, told_so, who=fund.officers[1]) == "loss_is_of_its_owner"
    fund.do(lambda s: deciding.reject(s, fund.codes[0], waits, "业主已变更", officer_id=fund.officers[1]))
    decide(fund, lose(fund))
    before = row(fund, "SELECT count(*) AS n FROM ledger.journal_entry").n
    registered(estate, to=LI, certificate="分证2")
    assert row(fund, "SELECT count(*) AS n FROM ledger.journal_entry").n == before
    assert row(fund, "SELECT status FROM house ORDER BY id LIMIT 1").status == "closed"
    assert fund.stands(fund.ids[0]) == ("0.00", "0.00", "0.00") and fund.disagreements() == []


# --- 数据库 ---

FORGED = """
INSERT INTO owner_change (house_id, kind, from_day, certificate_no, file_hash, status, entered_by)
VALUES (%(house)s, %(kind)s, current_date, '伪证', repeat('a', 64), %(status)s, %(who)s)
"""


@pytest.mark.parametrize(
    ("kind", "status"),
    [("registered", "entered"), ("registered", "confirmed"), ("transfer", "confirmed")],
)
def test_no_word_of_the_register_is_forged(fund, kind, status):
    """没有转移登记，就写不出登记机构所报的业主：另有来源的、不经两人的，数据库都不收。"""
    said = {"house": fund.ids[0], "kind": kind, "status": status, "who": fund.officers[0]}
    assert attack(fund, FORGED, **said) in ("ck_owner_change_owner_kind", "owner_change_steps")


def test_a_word_of_the_register_stands(estate, fund):
    """登记机构所报的不能改到另一户、不能改日、不能再用、不能删；沿革不能直接写。"""
    registered(estate)
    again = (
        "INSERT INTO transfer_registration SELECT id + 1000, (SELECT max(id) FROM unit), client_id, 'DJX',"
        " certificate_no, registered_on, owner_name_sealed, owner_name_masked, owner_id_no_sealed,"
        " owner_id_no_masked, owner_id_no_index, received_at FROM transfer_registration"
    )
    with pytest.raises(psycopg.errors.UniqueViolation), fund.house.connect() as connection:
        connection.execute(again)
    for change in ("unit_id = (SELECT max(id) FROM unit)", "registered_on = current_date - 400"):
        assert attack(fund, f"UPDATE transfer_registration SET {change}") == "written_once"
    with pytest.raises(psycopg.Error), fund.house.connect() as connection:
        connection.execute("DELETE FROM transfer_registration")
    with pytest.raises(psycopg.Error), fund.house.connect() as connection:
        connection.execute("INSERT INTO house_ownership (house_id) VALUES (1)")
    assert owner(fund)[0] == ["王**"]


CONFIRMED = "UPDATE owner_change SET status = 'confirmed', decided_by = %(who)s, decided_at = now()"


@pytest.mark.parametrize(
    ("first", "entry"),
    [
        (True, {"from_day": EARLIER}), (True, {"certificate_no": "分证1"}), (True, {"certificate_no": "分证2"}),
        (False, {}), (False, {"kind": OwnerKind.CORRECTION}),
    ],
)  # fmt: skip
def test_the_database_lets_nobody_confirm_against_the_register(estate, fund, monkeypatch, first, entry):
    """绕过规则直接写库：比登记机构所报早的、用其证书的、录入之后又有所报的，数据库不让确认，时间也不由人填。"""
    monkeypatch.setattr("escrow.houses.owning.owner_refusals", lambda *said: [])
    registered(estate, 1, to=LI, certificate="分证2", on=EARLIER)
    if first:
        registered(estate)
    by_hand(fund, **entry)
    if not first:
        registered(estate)
    assert attack(fund, CONFIRMED, who=fund.officers[1]) == "owner_change_stands"


def test_when_it_was_entered_is_said_by_the_clock(estate, fund):
    """录入时间由数据库写定，填成将来的也躲不过登记机构所报。"""
    late = FORGED.replace("entered_by)", "entered_by, entered_at)")
    late = late.replace("%(who)s)", "%(who)s, '2099-01-01')")
    name = (
        "INSERT INTO house_owner (change_id, position, name_sealed, name_masked)"
        " SELECT id, 1, '', '赵' FROM owner_change"
    )
    with fund.house.connect() as connection:
        connection.execute(
            late, {"house": fund.ids[0], "kind": "transfer", "status": "entered", "who": fund.officers[0]}
        )
        connection.execute(name)
        connection.commit()
    registered(estate)
    assert attack(fund, CONFIRMED, who=fund.officers[1]) == "owner_change_stands"


# --- 并发 ---


@contextmanager
def held_up(house, call):
    """另一人同时办理，须等里面的事务提交；等到了才继续，提交之后等他办完。"""
    other = threading.Thread(target=call)
    waiting = (
        "SELECT EXISTS (SELECT FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock')"
    )
    with house.connect("superuser", autocommit=True) as watcher:
        other.start()
        while other.is_alive() and watcher.execute(waiting).fetchone() == (False,):
            pass
        yield
        other.join()


def test_an_officer_confirms_while_the_register_speaks(estate, fund):
    """登记机构报送尚未提交，另一人正确认：确认等报送，之后被拒；业主是登记机构所报的。"""
    waits, came = by_hand(fund), list[str]()

    def confirming() -> None:
        came.extend(refused(lambda: confirm(fund, waits)))

    asked = TransferAsked(fund.codes[0], "分证1", TODAY, *WANG)
    with counter(fund.house).app_context(), ExitStack() as stack, fund.house.database.begin() as session:
        origin = Origin("registry", new_number("DJ"))
        register_transfer(session, asked, origin, settings=fund.house.settings)
        stack.enter_context(held_up(fund.house, confirming))
    assert came == ["owner-registered-since"]
    assert owner(fund) == (["王**"], TODAY, "registered")


def test_the_register_speaks_while_an_officer_confirms(estate, fund):
    """另一人的确认尚未提交，登记机构报来：报送等确认，之后记入；两件都在沿革，同日以登记机构所报为准。"""
    waits = by_hand(fund)
    with counter(fund.house).app_context(), ExitStack() as stack, fund.house.database.begin() as session:
        confirm_owner(session, fund.codes[0], waits, officer_id=fund.officers[1])
        stack.enter_context(held_up(fund.house, lambda: registered(estate)))
    assert row(fund, "SELECT count(*) AS n FROM house_ownership").n == 2
    assert owner(fund) == (["王**"], TODAY, "registered")


def test_one_event_told_by_many_at_once_is_one_change(house, app, estate, fund):
    """同一事件八处同时报来：答复逐字相同，一处记入，沿革只添一次。"""
    registry = bearer(house.database, "registry", "registration")
    ready, said = threading.Barrier(8), list[Any]()
    body = {
        "event_id": "DJ8", "unit_code": fund.codes[0], "certificate_no": "分证1",
        "registered_on": TODAY.isoformat(), "owner_name": WANG[0], "owner_id_no": WANG[1],
    }  # fmt: skip

    def tell() -> None:
        ready.wait()
        said.append(app.test_client().post("/api/v1/transfer-registrations", json=body, headers=registry))

    crowd = [threading.Thread(target=tell) for _ in range(8)]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()
    assert sorted(one.status_code for one in said) == [200] * 7 + [201]
    assert len({one.data for one in said}) == 1
    assert row(fund, "SELECT count(*) AS n FROM house_ownership").n == 1
