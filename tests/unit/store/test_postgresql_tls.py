"""What passes over a network is encrypted, unless the URL says that it need not be."""

import os
import socket
from contextlib import closing
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from sqlalchemy import text

from fixtures.postgresql import ROLE, SHARED
from overt.core.errors import StorageError
from overt.store.postgresql import PostgresqlDatabase

HOST = "127.0.0.2"
"""An address of this machine that is not the one taken to be it."""


@pytest.fixture
def on_network(own_postgresql_server):
    """Have the server listen on an address; return its URL."""
    server = own_postgresql_server
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    server.ask(f"ALTER SYSTEM SET listen_addresses = '{HOST}'")
    with (server.data / "pg_hba.conf").open("a") as file:
        file.write(f"host all all {HOST}/32 trust\n")

    def do(**options):
        more = "".join(f"&{name}={value}" for name, value in options.items())
        return f"postgresql://{ROLE}@{HOST}:{port}/{SHARED}?connect_timeout=5{more}"

    server.ask(f"ALTER SYSTEM SET port = {port}")
    server.stop()
    server.port = port
    server.start()
    return do


@pytest.fixture
def certificate(own_postgresql_server, tmp_path):
    """Give the server a certificate; return the path of the one that signs it."""
    server, key = own_postgresql_server, ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a server")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(HOST))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for path, data in (
        (server.data / "server.key", private),
        (server.data / "server.crt", made.public_bytes(Encoding.PEM)),
        (tmp_path / "root.crt", made.public_bytes(Encoding.PEM)),
    ):
        path.write_bytes(data)
        path.chmod(0o600)
        if path.parent == server.data and server.account:
            os.chown(path, server.account["user"], server.account["group"])
    server.ask("ALTER SYSTEM SET ssl = on")
    return tmp_path / "root.crt"


def is_encrypted(url):
    with closing(PostgresqlDatabase.open(url)) as database, database.read() as session:
        asked = text("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        return session.scalar(asked)


def test_nothing_passes_in_the_clear_unless_the_url_says_so(on_network):
    with pytest.raises(StorageError, match="not encrypted: add sslmode=verify-full"):
        PostgresqlDatabase.open(on_network())
    assert not is_encrypted(on_network(sslmode="disable"))


@pytest.mark.slow
def test_what_the_url_says_of_tls_is_passed_on(certificate, on_network):
    assert is_encrypted(on_network())
    assert is_encrypted(on_network(sslmode="verify-full", sslrootcert=certificate))
    with pytest.raises(StorageError, match="cannot be reached"):
        PostgresqlDatabase.open(on_network(sslmode="verify-full", sslrootcert="/nowhere"))
