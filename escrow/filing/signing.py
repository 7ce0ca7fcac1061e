"""The signature under a PASS (核对通过的签名): anyone may verify it, only this bureau can write it."""

import json
from functools import lru_cache
from typing import Any

from flask import current_app
from joserfc import jws
from joserfc.jwk import ECKey

ALGORITHM = "ES256"


def sign(answer: dict[str, Any]) -> str:
    """A compact JWS whose payload is the answer without its signature (签名)."""
    key, key_id = _signing_key(current_app.extensions["settings"].signing_key_pem)
    payload = {name: value for name, value in answer.items() if name != "signature"}
    text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    return jws.serialize_compact({"alg": ALGORITHM, "kid": key_id, "typ": "JWS"}, text.encode(), key)


def public_keys() -> dict[str, Any]:
    """The public half, as a JWK set (公钥集)."""
    key, key_id = _signing_key(current_app.extensions["settings"].signing_key_pem)
    return {"keys": [{**key.as_dict(private=False), "kid": key_id, "alg": ALGORITHM, "use": "sig"}]}


@lru_cache(maxsize=4)
def _signing_key(pem: bytes) -> tuple[ECKey, str]:
    """The key read once, named by its RFC 7638 thumbprint, so that a new key has a new name."""
    key = ECKey.import_key(pem)
    return key, key.thumbprint()
