"""One POST to one address that was judged beforehand, and the status it is answered with (送达).

Nothing else of HTTP is wanted here: no redirect, no proxy, no cookie, no answer kept. The whole exchange
has one deadline, however slowly the other side drips.
"""

import re
import socket
import ssl
import time
from collections.abc import Mapping, Sequence

from config.outward import Address, Place

_STATUS = re.compile(rb"HTTP/1\.[01] ([1-9][0-9]{2})(?: [^\r\n]*)?\r?\n")
_HEAD_ENDS = re.compile(rb"\r?\n\r?\n")
_LONGEST_HEAD = 64 * 1024


class Garbled(Exception):
    """What came back is no HTTP answer (答复无法识别)."""


def post(
    place: Place, addresses: Sequence[Address], headers: Mapping[str, str], body: bytes, until: float
) -> int:
    """Send, and return the final status (推送一次). `until` is a reading of time.monotonic().

    Raises OSError (TimeoutError, ssl.SSLError among them) or Garbled. The certificate must be the name's.
    """
    said = {"Host": place.authority, **headers, "Content-Length": str(len(body)), "Connection": "close"}
    head = f"POST {place.path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in said.items())
    with _connected(place, addresses, until) as raw:
        if place.scheme == "http":
            return _exchange(raw, head.encode() + b"\r\n" + body, until)
        raw.settimeout(_left(until))
        with ssl.create_default_context().wrap_socket(raw, server_hostname=place.host) as sealed:
            return _exchange(sealed, head.encode() + b"\r\n" + body, until)


def _connected(place: Place, addresses: Sequence[Address], until: float) -> socket.socket:
    """The first of the addresses that answers; by its number, so no name is looked up a second time."""
    for turn, address in enumerate(addresses):
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        raw = socket.socket(family, socket.SOCK_STREAM)
        try:
            raw.settimeout(_left(until) / (len(addresses) - turn))
            raw.connect((str(address), place.port))
        except OSError:
            raw.close()
            if turn == len(addresses) - 1:
                raise
        else:
            return raw
    raise ConnectionError("no address")


def _exchange(connection: socket.socket, sent: bytes, until: float) -> int:
    connection.settimeout(_left(until))
    connection.sendall(sent)
    came = b""
    while len(came) < _LONGEST_HEAD:
        connection.settimeout(_left(until))
        more = connection.recv(4096)
        came += more
        while ends := _HEAD_ENDS.search(came):
            status = _status(came)
            if status >= 200:
                return status
            came = came[ends.end() :]
        if not more:
            raise Garbled if came else ConnectionError
    raise Garbled


def _status(head: bytes) -> int:
    found = _STATUS.match(head)
    if not found:
        raise Garbled
    return int(found[1])


def _left(until: float) -> float:
    seconds = until - time.monotonic()
    if seconds <= 0:
        raise TimeoutError
    return seconds
