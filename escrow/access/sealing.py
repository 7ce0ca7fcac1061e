"""How personal data is kept: sealed at rest, found by a keyed index, masked on every screen (个人信息保护)."""

from __future__ import annotations

import hmac
import os
import unicodedata
from functools import cache
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from config.settings import Settings

# Stored beside each value, so that another cipher (SM4-GCM) can join without touching what is there.
AES_256_GCM = 1
_NONCE = 12
_KEY = 32


class SealBroken(Exception):
    """A sealed value was altered, moved, or its key is not among ours (密文无法解开)."""

    code = "seal-broken"
    label = "密文无法解开"


def seal(text: str, settings: Settings, *, context: str = "") -> bytes:
    """The text under the current key (加密): cipher, key id, nonce, ciphertext with its tag.

    What `context` says ("officer.totp:zhang") must be said again to open it, so a value
    copied onto another row does not open there.
    """
    return seal_bytes(text.encode(), settings, context=context)


def seal_bytes(content: bytes, settings: Settings, *, context: str = "") -> bytes:
    """The same for what is no text: files with names and numbers in them (加密文件内容)."""
    key_id, key = next(iter(settings.party_keys.items()))
    head = _head(key_id)
    nonce = os.urandom(_NONCE)
    return head + nonce + _cipher(key).encrypt(nonce, content, head + context.encode())


def unseal(value: bytes, settings: Settings, *, context: str = "") -> str:
    """The text again (解密); raises SealBroken rather than return anything doubtful."""
    try:
        return unseal_bytes(value, settings, context=context).decode()
    except UnicodeDecodeError as reason:
        raise SealBroken("not a text") from reason


def unseal_bytes(value: bytes, settings: Settings, *, context: str = "") -> bytes:
    """The content again (解密文件内容). Raises SealBroken."""
    key_id = key_id_of(value)
    head = _head(key_id)
    nonce, body = value[len(head) : len(head) + _NONCE], value[len(head) + _NONCE :]
    try:
        key = settings.party_keys[key_id]
        return _cipher(key).decrypt(nonce, body, head + context.encode())
    except (KeyError, InvalidTag, ValueError) as reason:
        raise SealBroken(f"key {key_id}") from reason


def key_id_of(value: bytes) -> str:
    """Which key a value was sealed with (密钥编号): what rotation looks for."""
    if len(value) < 2 or value[0] != AES_256_GCM:
        raise SealBroken("unknown cipher")
    try:
        return value[2 : 2 + value[1]].decode("ascii")
    except UnicodeDecodeError as reason:
        raise SealBroken("unknown key") from reason


def blind_index(text: str, settings: Settings) -> bytes:
    """A keyed hash for exact search (盲索引).

    Keyed, because about 370,000 resident IDs per county and year can be tried out against a plain
    hash. Written forms of the same thing meet: full-width digits, a lower-case x, spaces around.
    """
    plain = unicodedata.normalize("NFKC", text).strip().upper()
    return hmac.new(settings.index_key, plain.encode(), sha256).digest()


def mask_name(name: str) -> str:
    """田秀英 is shown as 田**, and so is 田英: not even the length is told (姓名脱敏)."""
    return f"{name[0]}**" if name else ""


def mask_id(number: str) -> str:
    """11010519491231002X is shown as 110105********002X; any other paper keeps its ends (证件号脱敏)."""
    if len(number) == 18:
        return _ends(number, 6, 4)
    return _ends(number, 1, 2) if len(number) > 5 else "*" * len(number)


def mask_phone(number: str) -> str:
    """13800001234 is shown as 138****1234 (手机号脱敏)."""
    return _ends(number, 3, 4) if len(number) > 7 else "*" * len(number)


def mask_account(number: str) -> str:
    """A bank account keeps its last four digits (账号脱敏)."""
    return _ends(number, 0, 4) if len(number) > 4 else "*" * len(number)


def _ends(text: str, first: int, last: int) -> str:
    return text[:first] + "*" * (len(text) - first - last) + text[-last:]


@cache
def _cipher(key: bytes) -> AESGCM:
    return AESGCM(key[:_KEY])


def _head(key_id: str) -> bytes:
    name = key_id.encode("ascii")
    return bytes([AES_256_GCM, len(name)]) + name
