"""What the tests of the source share."""

import shutil
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

TELLTALE = "ctl_9fQ2xV7bN4kLwE8sZ1mT/6yR-3pH5jD0"
"""A key that is easy to find, wherever it may have gone."""

HALVES = (TELLTALE[:18], TELLTALE[18:])
"""Neither may be found either."""

_CONFIG = """
[req]
distinguished_name = name
[name]
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[server]
subjectAltName = DNS:localhost
authorityKeyIdentifier = keyid
subjectKeyIdentifier = hash
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """A certificate authority that nobody else knows."""

    certificate: Path
    """Its certificate, PEM."""

    server: ssl.SSLContext
    """What a server on this machine needs to serve with a certificate it issued."""


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl command to make certificates")
    folder = tmp_path_factory.mktemp("authority")
    (folder / "config").write_text(_CONFIG)

    def request(name: str, *options: str) -> None:
        algorithm = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        config = (
            "-config",
            "config",
            "-subj",
            f"/CN={name}",
            "-keyout",
            f"{name}.key",
            "-out",
            f"{name}.pem",
        )
        openssl("req", "-x509", "-days", "2", *algorithm, *config, *options)

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    request("ca", "-extensions", "ca")
    request("server", "-extensions", "server", "-CA", "ca.pem", "-CAkey", "ca.key")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    return Authority(certificate=folder / "ca.pem", server=context)
