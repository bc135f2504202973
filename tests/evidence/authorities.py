"""Time-stamping authorities on loopback, ``certomancer``'s and OpenSSL's own, under roots of our making."""

import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from asn1crypto import keys as asn1_keys
from asn1crypto import tsp
from asn1crypto import x509 as asn1_x509
from certomancer.services import TimeStamper
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.world import NOW

BEGIN, END = datetime(2000, 1, 1, tzinfo=UTC), datetime(2120, 1, 1, tzinfo=UTC)

Respond = Callable[[bytes], tuple[int, bytes]]
"""Takes the body of a request, returns status and body of the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certified:
    """A key with its certificate."""

    key: rsa.RSAPrivateKey
    certificate: x509.Certificate

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


def certify(  # noqa: PLR0913 - what a certificate says
    name: str,
    issuer: Certified | None = None,
    *,
    since: datetime = BEGIN,
    until: datetime = END,
    authority: bool = False,
    purpose: x509.ObjectIdentifier = ExtendedKeyUsageOID.TIME_STAMPING,
) -> Certified:
    """Make a certificate, self-signed where no issuer is given."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key((issuer.key if issuer else key).public_key()),
            critical=False,
        )
    )
    if not authority:
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=True)
    signed = builder.sign(issuer.key if issuer else key, hashes.SHA256())
    return Certified(key=key, certificate=signed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """A root and the authority that it certified."""

    root: Certified
    signer: Certified

    def stamper(self, at: datetime = NOW) -> TimeStamper:
        """Return ``certomancer``'s authority, whose clock stands still."""
        embedded = [_asn1(self.signer), _asn1(self.root)]
        der = self.signer.key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return TimeStamper(
            tsa_cert=embedded[0],
            tsa_key=asn1_keys.PrivateKeyInfo.load(der),
            certs_to_embed=embedded,
            fixed_dt=at,
        )

    def respond(self, at: datetime = NOW) -> Respond:
        """Return how ``certomancer``'s authority answers."""

        def answer(body: bytes) -> tuple[int, bytes]:
            asked = tsp.TimeStampReq.load(body)
            return 200, bytes(self.stamper(at).request_tsa_response(asked).dump())

        return answer


def chain(since: datetime = BEGIN, until: datetime = END) -> Chain:
    root = certify("Time Stamping Root", authority=True, since=since, until=until)
    return Chain(root=root, signer=certify("Time Stamping Authority", root, since=since, until=until))


def openssl_responder(folder: Path, chain_: Chain) -> Respond:
    """Return how ``openssl ts -reply`` answers, by this machine's clock."""
    (folder / "signer.pem").write_bytes(chain_.signer.pem)
    (folder / "signer.key").write_bytes(chain_.signer.key_pem)
    (folder / "root.pem").write_bytes(chain_.root.pem)
    (folder / "serial").write_text("01\n")
    (folder / "tsa.cnf").write_text(
        "[tsa]\ndefault_tsa = one\n[one]\nserial = serial\nsigner_cert = signer.pem\n"
        "signer_key = signer.key\ncerts = root.pem\nsigner_digest = sha256\ndefault_policy = 1.2.3.4.1\n"
        "digests = sha256, sha512\naccuracy = secs:1\nordering = yes\ntsa_name = yes\n"
        "ess_cert_id_chain = no\ness_cert_id_alg = sha256\n"
    )

    def answer(body: bytes) -> tuple[int, bytes]:
        (folder / "query").write_bytes(body)
        command = ["openssl", "ts", "-reply", "-config", "tsa.cnf", "-queryfile", "query", "-out", "reply"]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        return 200, (folder / "reply").read_bytes()

    return answer


@contextmanager
def served(respond: Respond) -> Iterator[str]:
    """Serve an authority over HTTP; yields its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.headers["Content-Type"] == "application/timestamp-query"
            status, answer = respond(body)
            self.send_response(status)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/tsa"
        finally:
            server.shutdown()
            thread.join()


def _asn1(certified: Certified) -> asn1_x509.Certificate:
    der = certified.certificate.public_bytes(serialization.Encoding.DER)
    return asn1_x509.Certificate.load(der)
