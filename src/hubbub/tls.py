"""The certificate that Hubbub itself serves TLS with, changed while it runs.

Promises: TLS 1.2 at least; files that change are noticed within `LOOK_SECONDS` and used for every connection from then on,
those that are open stay as they are; files that cannot be used change nothing, and the log and /metrics say why.
Several nodes prove with it to each other who they are: each is to have a certificate for the name that ours is for.
Before it: HUBBUB_TLS_CERTIFICATE and HUBBUB_TLS_KEY. After it: `realtime/tls.py`, which is given the context, and `realtime/nodes.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import structlog

from hubbub.config import ConfigError, Settings

LOOK_SECONDS: Final = 5.0
_NO_CHECK_TIME: Final = 0x200000  # X509_V_FLAG_NO_CHECK_TIME (openssl/x509_vfy.h): what has ended is told, not refused
_PEM: Final = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)  # RFC 7468

log = structlog.get_logger("tls")


class _NamelessError(ValueError):
    """A certificate without a name."""


@dataclass(frozen=True, slots=True)
class _Loaded:
    """What the files held when they were read.

    Attributes:
        expires: in seconds since 1970.
        verifier: of another node's certificate.
        name: which that is to be for.
    """

    context: ssl.SSLContext
    expires: float
    verifier: ssl.SSLContext
    name: str


class Certificate:
    """A certificate and its key, as they are in their files.

    Args:
        certificate: PEM file with the certificate, then those of the authorities between.
        key: PEM file with the key; None where it stands in the same file.

    Attributes:
        context: for the listener; hands each connection the certificate of the moment.
        fault: why the files that are there now are not used; None when they are.

    Raises:
        ConfigError: the files cannot be used.
    """

    def __init__(self, certificate: Path, key: Path | None) -> None:
        self._files = (certificate, key or certificate)
        self._seen = self._stamp()
        try:
            self._current = _load(*self._files)
        except (OSError, ValueError) as error:
            raise ConfigError(f"HUBBUB_TLS_CERTIFICATE or HUBBUB_TLS_KEY: {_words(error, self._files)}") from None
        self.fault: str | None = None
        self.context = _context()
        self.context.load_cert_chain(*self._files, password="")
        # Called for every handshake, with a name or without (OpenSSL manual, SSL_CTX_set_tlsext_servername_callback).
        self.context.sni_callback = self._hand_out

    def _hand_out(self, connection: ssl.SSLObject, name: str | None, listener: ssl.SSLContext) -> None:
        connection.context = self._current.context

    @property
    def expires(self) -> float:
        """When the certificate of the moment ends, in seconds since 1970."""
        return self._current.expires

    def trust(self) -> tuple[ssl.SSLContext, str]:
        """Whom to take for another node: what verifies its certificate, and the name that is to be for."""
        return self._current.verifier, self._current.name

    def look(self) -> None:
        """Take the files up if they have changed."""
        stamp = self._stamp()
        if stamp == self._seen:
            return
        self._seen = stamp
        try:
            self._current = _load(*self._files)
        except (OSError, ValueError) as error:
            self.fault = _words(error, self._files)
            log.error("the new certificate cannot be used; the one before is kept", reason=self.fault)
            return
        self.fault = None
        log.info("a new certificate is in use", expires=int(self.expires))

    async def watch(self) -> None:
        """Look, for ever."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self.look()

    def _stamp(self) -> tuple[tuple[int, int, int] | None, ...]:
        return tuple(_stamp(path) for path in self._files)


def certificate_of(settings: Settings) -> Certificate | None:
    """What the settings name; None where they name nothing.

    Raises:
        ConfigError: the files cannot be used.
    """
    if settings.tls_certificate is None:
        if settings.tls_key is not None:
            raise ConfigError("HUBBUB_TLS_KEY is set, and HUBBUB_TLS_CERTIFICATE is not.")
        return None
    return Certificate(Path(settings.tls_certificate), Path(settings.tls_key) if settings.tls_key else None)


def trusting(certificate: Path) -> ssl.SSLContext:
    """Believes this very certificate alone, by whatever name or address it is met, and be it past its end: for a program on the
    same machine, which knows the server by its file.

    Args:
        certificate: the file of HUBBUB_TLS_CERTIFICATE.

    Raises:
        OSError: it cannot be read, or holds none (ssl.SSLError).
        ValueError: likewise.
    """
    found = _PEM.search(certificate.read_text(encoding="ascii"))
    if found is None:
        raise ValueError(f"{certificate} holds no certificate in PEM.")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    context.load_verify_locations(
        cadata=found[0]
    )  # without those of the authorities after it, which vouch for others too
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN | ssl.VerifyFlags(_NO_CHECK_TIME)
    return context


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    context.options |= ssl.OP_NO_RENEGOTIATION  # which would cost the server a key's work for a client's few bytes
    return context


def _load(certificate: Path, key: Path) -> _Loaded:
    """A context with these, and what the certificate says, by a handshake with ourselves, which proves that they work.

    Raises:
        OSError: a file cannot be read, or does not hold what it should (ssl.SSLError).
        ValueError: a file holds no text.
    """
    context = _context()
    context.load_cert_chain(certificate, key, password="")
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.load_verify_locations(cafile=certificate)
    client.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN | ssl.VerifyFlags(_NO_CHECK_TIME)
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = context.wrap_bio(there, back, server_side=True)
    theirs = client.wrap_bio(back, there)
    for end in (theirs, ours, theirs, ours):
        with contextlib.suppress(ssl.SSLWantReadError):
            end.do_handshake()
    told = theirs.getpeercert()
    assert told is not None
    return _Loaded(context, float(ssl.cert_time_to_seconds(str(told["notAfter"]))), _verifier(certificate), _name(told))


def _verifier(certificate: Path) -> ssl.SSLContext:
    """Believes who is vouched for by the system's authorities, or by what our own file holds: it may end with its authority."""
    context = ssl.create_default_context(cafile=certificate)
    context.load_default_certs()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    return context


def _name(told: Mapping[str, Any]) -> str:
    """The first name that a certificate is for, an address where it has no name; for `*` any word does.

    Raises:
        ValueError: it is for nobody, and no client will believe it.
    """
    for kind in ("DNS", "IP Address"):
        for its, name in told.get("subjectAltName", ()):
            if its == kind:
                return str(name).replace("*", "node", 1)
    raise _NamelessError


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        facts = path.stat()
    except OSError:
        return None
    return facts.st_mtime_ns, facts.st_ino, facts.st_size


def _words(error: Exception, files: tuple[Path, Path]) -> str:
    """What is wrong, without anything that a file holds."""
    if isinstance(error, _NamelessError):
        return f"{files[0]} names no host it is for (subjectAltName), and no client believes such a one."
    if isinstance(error, ssl.SSLError):
        names = " and ".join(dict.fromkeys(map(str, files)))
        return f"{names} hold no certificate with its key, unencrypted, in PEM ({error.reason or 'no PEM'})."
    if isinstance(error, OSError):
        return f"{error.filename or files[0]}: {error.strerror}."
    return f"{files[0]} is no PEM file."
