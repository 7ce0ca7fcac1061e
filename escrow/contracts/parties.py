"""Buyers: personal data goes sealed into its one table, and is shown masked (买受人)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from config.settings import Settings
from escrow.access.sealing import blind_index, mask_id, mask_name, mask_phone, seal
from escrow.contracts.models import Contract, Party
from escrow.contracts.rules import IdType


@dataclass(frozen=True, slots=True)
class Buyer:
    """A buyer, in clear only until this transaction ends (买受人)."""

    name: str
    id_type: IdType
    id_no: str
    phone: str | None


def write_parties(session: Session, contract: Contract, buyers: Sequence[Buyer], settings: Settings) -> None:
    """The buyers of the contract's present version, in their order (买受人加密)."""
    session.execute(
        insert(Party),
        [
            sealed_party((contract.id, contract.contract_no, contract.version), at, buyer, settings)
            for at, buyer in enumerate(buyers, 1)
        ],
    )


def sealed_party(
    contract: tuple[int, str, int], position: int, buyer: Buyer, settings: Settings
) -> dict[str, Any]:
    """One buyer of a contract (id, number, version) under the current key (买受人加密).

    A value copied onto another row does not open there.
    """
    contract_id, contract_no, version = contract
    context = f"party:{contract_no}:{version}:{position}"
    phone = buyer.phone
    return {
        "contract_id": contract_id,
        "version": version,
        "position": position,
        "name_sealed": seal(buyer.name, settings, context=f"{context}:name"),
        "name_masked": mask_name(buyer.name),
        "id_type": buyer.id_type,
        "id_no_sealed": seal(buyer.id_no, settings, context=f"{context}:id_no"),
        "id_no_masked": mask_id(buyer.id_no),
        "id_no_index": blind_index(buyer.id_no, settings),
        "phone_sealed": seal(phone, settings, context=f"{context}:phone") if phone else None,
        "phone_masked": mask_phone(phone) if phone else None,
    }
