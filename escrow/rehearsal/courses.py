"""How the money of a contract comes, case by case: what is sent, and what must be answered (资金到账的各种情形)."""

import time
from collections.abc import Callable
from typing import Any

from config.clock import bureau_day
from escrow.rehearsal.county import Course, Deal
from escrow.rehearsal.story import WITH_ANSWER, Cast, Story, expect
from escrow.rehearsal.tally import fen, yuan
from escrow.rehearsal.wires import Unexpected

SILENCE_SECONDS = 10
Notices = list[dict[str, Any]]


def play(deal: Deal, cast: Cast) -> None:
    """The whole of one contract. Raises Unexpected at the first answer that is not due."""
    story = Story(deal, cast)
    notices = story.draft()
    today = bureau_day().isoformat()
    due = [notice for notice in notices if notice["due_on"] <= today]
    COURSES[deal.course](story, due)
    if deal.course is Course.PLAIN and deal.pays_loan:
        for notice in notices:
            if notice not in due:
                story.pay(notice)


def _plain(story: Story, due: Notices) -> None:
    for notice in due:
        story.pay(notice)
    story.file()


def _wrong_notice(story: Story, due: Notices) -> None:
    """A notice nobody issued: the money is in the book and belongs to no contract."""
    credit = story.credit(f"X{due[0]['notice_no']}", due[0]["amount"], channel="counter")
    receipt = story.report(credit, expected="unmatched", statuses={201})
    story.count(credit, receipt)
    if receipt["unmatched"] != credit["amount"]:
        raise RuntimeError(f"不明入账应全额待认领：{receipt}")
    story.check("fail")


def _short(story: Story, due: Notices) -> None:
    for notice in due:
        story.pay(notice, yuan(fen(notice["amount"]) * 6 // 10))
    answer = story.check("fail")
    if "deposit-short" not in [reason["code"] for reason in answer["reasons"]]:
        raise RuntimeError(f"少缴而理由中没有 deposit-short：{answer['reasons']}")


def _double(story: Story, due: Notices) -> None:
    """The same report twice, then the same serial with another amount."""
    for notice in due:
        story.verify(notice)
        credit = story.credit(notice["notice_no"], notice["amount"], channel=story.channel(notice))
        first = story.report(credit, expected="confirmed", statuses={201})
        story.count(credit, first)
        if story.report(credit, expected="confirmed", statuses={200}) != first:
            raise RuntimeError(f"重复报送的答复与首次不同：{credit['bank_serial']}")
        other = {**credit, "amount": yuan(fen(credit["amount"]) + 1)}
        expect(story.bank.ask("POST", "/deposits", other), {409}, "同一流水号、金额不同")
    story.file()


def _out_of_order(story: Story, due: Notices) -> None:
    """The reversal arrives before its deposit: not found, then the deposit, then the reversal again."""
    credit = story.credit(due[0]["notice_no"], due[0]["amount"], channel=story.channel(due[0]))
    expect(story.ask_reversal(f"RZ{credit['bank_serial']}", credit["amount"]), {404}, "冲正先到")
    receipt = story.report(credit, expected="confirmed", statuses={201})
    story.count(credit, receipt)
    story.reverse(receipt)
    _plain(story, due)


def _reversed_before(story: Story, due: Notices) -> None:
    for receipt in [story.pay(notice) for notice in due]:
        story.reverse(receipt)
    story.check("fail")


def _reversed_after(story: Story, due: Notices) -> None:
    """Filed, then the bank takes the money back: the contract is at risk."""
    receipts = [story.pay(notice) for notice in due]
    story.file()
    story.reverse(receipts[-1])
    path = f"/contracts/{story.deal.contract_no}"
    found = expect(story.cast.filing.ask("GET", path, door="/contracts/{}"), {200}, "查询合同")
    if found.json["status"] != "at-risk":
        raise Unexpected("备案后冲正应为 at-risk", found)


def _silence(story: Story, due: Notices) -> None:
    """The bank's line breaks after sending: it asks what became of it, then sends the same again."""
    for notice in due:
        story.verify(notice)
        credit = story.credit(notice["notice_no"], notice["amount"], channel=story.channel(notice))
        story.bank.send_and_leave("/deposits", credit)
        _wait_for(story, credit["bank_serial"])
        receipt = story.report(credit, expected="confirmed", statuses=WITH_ANSWER)
        story.count(credit, receipt)
    story.file()


def _wait_for(story: Story, serial: str) -> None:
    """Until the receipt is there; a request lost on the way is simply sent again afterwards."""
    deadline = time.monotonic() + SILENCE_SECONDS
    while time.monotonic() < deadline:
        path = f"/deposits?bank_serial={serial}"
        if expect(story.bank.ask("GET", path, door="/deposits"), {200}, "按流水号查询").json["items"]:
            return
        time.sleep(0.05)


COURSES: dict[Course, Callable[[Story, Notices], None]] = {
    Course.PLAIN: _plain,
    Course.WRONG_NOTICE: _wrong_notice,
    Course.SHORT: _short,
    Course.DOUBLE: _double,
    Course.OUT_OF_ORDER: _out_of_order,
    Course.REVERSED_BEFORE: _reversed_before,
    Course.REVERSED_AFTER: _reversed_after,
    Course.SILENCE: _silence,
}
