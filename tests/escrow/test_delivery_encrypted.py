"""Over TLS: only to whom the certificate names, by an authority that is trusted (加密送达)."""

import ipaddress
import socket
import ssl
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from escrow.deliveries import sending
from escrow.deliveries.sending import deliver
from tests.listening import Listener, admitted, happen, listening


def certificate(folder, name):
    """A certificate of its own for one name or address; the file with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    said = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    try:
        named = x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        named = x509.DNSName(name)
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(said).issuer_name(said).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([named]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    path = folder / f"{name}.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ))  # fmt: skip
    return path


def tried(house, tmp_path, monkeypatch, *, name="127.0.0.1", trusted=True):
    """What a delivery to a listener with this certificate comes to."""
    path = certificate(tmp_path, name)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    with listening(tls=context) as listener:
        number = admitted(house, listener)
        happen(house, "A")
        deliver(house.database, listener.settings(house.settings), number)
        heard = len(listener.heard)
    with house.connect("app") as connection:
        return connection.execute("SELECT outcome FROM delivery_try").fetchone()[0], heard


def test_a_trusted_certificate_of_that_very_name_is_sent_to(house, tmp_path, monkeypatch):
    """证书可信、名称相符：加密送达。"""
    assert tried(house, tmp_path, monkeypatch) == ("taken", 1)


def test_a_certificate_nobody_vouches_for_is_not(house, tmp_path, monkeypatch):
    """自签而不可信的证书：不送。"""
    assert tried(house, tmp_path, monkeypatch, trusted=False) == ("no-trust", 0)


def test_a_certificate_of_another_name_is_not(house, tmp_path, monkeypatch):
    """证书可信但名称不是对方：不送。"""
    assert tried(house, tmp_path, monkeypatch, name="other.example") == ("no-trust", 0)


def test_a_silent_handshake_ends_in_time(house, monkeypatch):
    """对方接了连接却不握手：到时即止。"""
    monkeypatch.setattr(sending, "PATIENCE", timedelta(milliseconds=300))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        listener = Listener(SimpleNamespace(server_port=silent.getsockname()[1]), scheme="https")
        number = admitted(house, listener)
        happen(house, "A")
        begun = time.monotonic()
        deliver(house.database, listener.settings(house.settings), number)
        assert time.monotonic() - begun < 2
    with house.connect("app") as connection:
        assert connection.execute("SELECT outcome FROM delivery_try").fetchall() == [("too-slow",)]


@pytest.fixture(autouse=True)
def _no_authority_of_the_machine(monkeypatch):
    """Whatever the machine trusts besides is left out."""
    monkeypatch.setenv("SSL_CERT_FILE", "/nonexistent")
    monkeypatch.setenv("SSL_CERT_DIR", "/nonexistent")
