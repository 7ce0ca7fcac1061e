"""How a delivery is written and signed (推送报文与签名): HMAC over the timestamp followed by the body.

Source: api.md "Outward events". A subscriber computes the same over what it received, byte for byte,
and refuses a timestamp that is not of the last minutes.
"""

import hmac
import json
from typing import Any

from escrow.deliveries.rules import Algorithm
from escrow.outbox import cloud_event

TIMESTAMP, SIGNATURE, KEY = "Escrow-Timestamp", "Escrow-Signature", "Escrow-Key"
CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
_DIGESTS = {Algorithm.SHA256: "sha256", Algorithm.SM3: "sm3"}


def body_of(row: Any) -> bytes:
    """One event as it travels (推送报文)."""
    return json.dumps(cloud_event(row), ensure_ascii=False, separators=(",", ":")).encode()


def signature(secret: str, algorithm: Algorithm, timestamp: str, body: bytes) -> str:
    """The signature of a delivery, with its algorithm's name (签名)."""
    made = hmac.new(secret.encode(), timestamp.encode() + body, _DIGESTS[algorithm])
    return f"{algorithm.value}={made.hexdigest()}"
