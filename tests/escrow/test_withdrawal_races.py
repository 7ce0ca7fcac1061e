"""二十个窗口同时按下：可拨额只够一件的，恰有一件核准；一件用款恰签发一次（L7）。"""

import re
from collections import Counter

from escrow import chart
from escrow.withdrawals.rules import Channel, WithdrawalStatus
from tests.desk import hire, sit_down
from tests.noding import reached
from tests.sale import row, together
from tests.withdrawing import at_work, site_of

scene_of = at_work


def standing(site):
    """每种状态各几件。"""
    query = "SELECT string_agg(status, ',') AS said FROM withdrawal"
    return Counter(row(site.estate, query).said.split(","))


def test_of_twenty_approvals_of_sixty_per_cent_exactly_one_succeeds(site):
    """二十件各占可拨额六成的用款同时核准：恰有一件成功，其余都被告知超出可拨，占用恰为一件。"""
    numbers = [site.enter("240000.00") for _ in range(20)]
    found = together([lambda one=one: site.approve(one) for one in numbers])
    assert found.count(WithdrawalStatus.APPROVED) == 1, found
    assert found.count(["over-payable"]) == 19, found
    assert site.under(chart.WITHDRAWAL_HOLD) == ["240000.00"]
    assert standing(site) == {"approved": 1, "entered": 19}


def test_of_twenty_key_approvals_exactly_one_succeeds(house, people):
    """支用制：二十件各占已到节点六成的重点资金用款同时核准，恰有一件成功。"""
    site = site_of(house, people, mode="draw_down")
    site.estate.put("1", "600000.00")
    reached(site.estate, (people.clerk, people.reviewer), "主体结构验收")
    numbers = [site.enter("216000.00", channel=Channel.KEY) for _ in range(20)]
    found = together([lambda one=one: site.approve(one) for one in numbers])
    assert found.count(WithdrawalStatus.APPROVED) == 1, found
    assert found.count(["over-node"]) == 19, found
    assert standing(site) == {"approved": 1, "entered": 19}


def test_one_application_is_approved_and_issued_once(site):
    """同一件用款，二十个窗口同时核准、同时签发：核准一次、签发一次。"""
    number = site.enter("240000.00")
    found = together([lambda: site.approve(number)] * 20)
    assert found.count(WithdrawalStatus.APPROVED) == 1
    assert found.count(["already-decided"]) == 19, found
    made = together([lambda: site.issue(number).numbers] * 20)
    assert len([one for one in made if isinstance(one, tuple)]) == 1, made
    assert made.count(["already-issued"]) == 19
    assert site.under(chart.PAYMENT_IN_TRANSIT) == ["240000.00"]
    assert site.building(chart.GENERAL_FUNDS) == "160000.00"


def test_twenty_reviewers_at_their_browsers(app, house, site):
    """二十名复核人各自登录，在网页上同时核准各占六成的二十件：恰有一件 303，其余 409。"""
    numbers = [site.enter("240000.00") for _ in range(20)]
    seats = [
        sit_down(app, hire(house.database, house.settings, f"reviewer{at}", "reviewer")) for at in range(20)
    ]

    def press(seat, number):
        answer = seat.post(f"/withdrawals/{number}/approve")
        return answer.status_code, re.findall(r"<code>([a-z-]+)</code>", answer.text)

    pairs = zip(seats, numbers, strict=True)
    found = together([lambda seat=seat, number=number: press(seat, number) for seat, number in pairs])
    assert found.count((303, [])) == 1, found
    assert [one[0] for one in found].count(409) == 19, found
    assert all("over-payable" in said for status, said in found if status == 409)
    assert site.under(chart.WITHDRAWAL_HOLD) == ["240000.00"]
    query = "SELECT count(*) AS n FROM audit_event WHERE result = 'refused'"
    assert row(site.estate, query).n == 19
