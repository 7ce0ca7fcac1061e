"""Owners of houses: read strictly, sealed at rest, found by a keyed index, masked when shown (业主)."""

from typing import Any

from config.settings import Settings
from escrow.access.sealing import blind_index, mask_id, mask_name, seal
from escrow.fields import read_resident_id, read_text, read_uscc

# A name, and the number of the paper that proves who it is; old files often have no number.
Owner = tuple[str, str | None]
MOST = 20


def read_owners(names: str, numbers: str) -> tuple[Owner, ...]:
    """Several owners, and one number for each or none at all, divided by ； (读取业主). Raises ValueError."""
    said = [one.strip() for one in names.replace(";", "；").split("；")] if names.strip() else []
    ids = [one.strip() for one in numbers.replace(";", "；").split("；")] if numbers.strip() else []
    if not said:
        if ids:
            raise ValueError("填了证件号码的，须填业主姓名")
        return ()
    if len(said) > MOST:
        raise ValueError(f"一户的业主不超过 {MOST} 人")
    if ids and len(ids) != len(said):
        raise ValueError("业主姓名与证件号码的个数须一一对应")
    numbered: list[str | None] = [*ids] if ids else [None] * len(said)
    return tuple(
        (read_text(name, 100), None if number is None else read_id_no(number))
        for name, number in zip(said, numbered, strict=True)
    )


def read_id_no(said: str) -> str:
    """A resident ID or USCC when it looks like one, any other paper's number as it stands (证件号码)."""
    number = said.upper()
    if len(number) != 18:
        return read_text(number, 32, r"^[0-9A-Z()-]{5,32}$")
    if number[:17].isdecimal():
        return read_resident_id(number)
    return read_uscc(number)


def sealed_owners(
    change_id: int, place: tuple[str, str], owners: tuple[Owner, ...], settings: Settings
) -> list[dict[str, Any]]:
    """Rows of owners under the current key (业主加密); `place`: unit code and where they are said.

    A value copied onto another row does not open there.
    """
    return [
        {
            "change_id": change_id, "position": at,
            "name_sealed": seal(name, settings, context=f"{_context(place, at)}:name"),
            "name_masked": mask_name(name),
            "id_no_sealed": seal(number, settings, context=f"{_context(place, at)}:id_no")
            if number else None,
            "id_no_masked": mask_id(number) if number else None,
            "id_no_index": blind_index(number, settings) if number else None,
        }
        for at, (name, number) in enumerate(owners, 1)
    ]  # fmt: skip


def _context(place: tuple[str, str], position: int) -> str:
    unit_code, said_in = place
    return f"house_owner:{unit_code}:{said_in}:{position}"
