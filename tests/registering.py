"""What the registration tests do again and again: tell, enter, confirm (登记测试用)."""

import pytest
from sqlalchemy import text

from config.clock import bureau_day
from escrow.errors import Refused
from escrow.registration.actions import FirstAsked, Origin, TransferAsked, register, register_transfer
from escrow.registration.by_hand import Decision, confirm, enter
from tests.estate import SYSTEM, file_hash, new_number

TODAY = bureau_day()


def told(estate, *buildings, certificate="证1", on=TODAY, project=None):
    asked = FirstAsked(project or estate.project_no, buildings, certificate, on)
    return estate.do(lambda session: register(session, asked, Origin(SYSTEM, new_number("DJ"))))


def entered(estate, people, *buildings, certificate="证1", paper=None):
    asked = FirstAsked(estate.project_no, buildings, certificate, TODAY)
    return estate.do(
        lambda session: enter(
            session, asked, file_hash=file_hash(paper or new_number("P")), officer_id=people.clerk
        )
    )


def confirmed(estate, registration_id, officer_id):
    estate.do(lambda session: confirm(session, Decision(registration_id, officer_id)))


def transferred(
    estate, unit_code, *, certificate="分证1", on=TODAY, owner="11010519491231002X", name="田秀英"
):
    asked = TransferAsked(unit_code, certificate, on, name, owner)
    origin = Origin(SYSTEM, new_number("DJ"))
    return estate.do(
        lambda session: register_transfer(session, asked, origin, settings=estate.house.settings)
    )


def refused(action) -> list[str]:
    with pytest.raises(Refused) as caught:
        action()
    assert all(refusal.citation for refusal in caught.value.refusals)
    return [refusal.code for refusal in caught.value.refusals]


def rows(estate, query):
    with estate.house.database.read() as session:
        return [tuple(row) for row in session.execute(text(query))]
