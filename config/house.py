"""What a house draws for itself at its first start and keeps: passwords, keys, addresses (自有密钥与口令)."""

import base64
import json
import os
import secrets
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from config.roles import ROLES
from config.settings import HOUSE_FILE, SIGNING_KEY_FILE

SUPERUSER_FILE = "superuser-password"


def drawn(data: Path) -> dict[str, Any]:
    """house.json, drawn before anything uses it: an interrupted first start goes on with the same words."""
    path = data / HOUSE_FILE
    if path.exists():
        found: dict[str, Any] = json.loads(path.read_text())
        return found
    key_id = f"k{secrets.token_hex(3)}"
    house = {
        "role_passwords": {role: secrets.token_urlsafe(24) for role in ROLES},
        "secret_key": _random(),
        "party_keys": {key_id: _random()},
        "index_key": _random(),
    }
    keep(data, house)
    return house


def keep(data: Path, house: dict[str, Any]) -> None:
    """Write house.json by rename, if it says anything new (存档)."""
    text = json.dumps(house, ensure_ascii=False, indent=2) + "\n"
    path = data / HOUSE_FILE
    if not path.exists() or path.read_text() != text:
        write_private(path, text)


def superuser_password(data: Path) -> str:
    """The embedded server's superuser: the launcher's alone, kept apart from what the processes read."""
    path = data / SUPERUSER_FILE
    if not path.exists():
        write_private(path, secrets.token_urlsafe(24))
    return path.read_text()


def signing_key(data: Path) -> Path:
    """The ES256 key the check's answers are signed with (签名私钥)."""
    path = data / SIGNING_KEY_FILE
    if not path.exists():
        made = ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        write_private(path, made.decode())
    return path


def write_private(path: Path, text: str) -> None:
    """Readable by its owner from its first byte, whole or not at all, on the disk before it has its name."""
    half = path.with_suffix(".new")
    half.unlink(missing_ok=True)
    with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    half.rename(path)


def _random() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()
