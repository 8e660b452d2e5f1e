"""Certificates of authorities made for one test."""

from __future__ import annotations

import ssl
from datetime import datetime
from pathlib import Path

import trustme


def issue(
    path: Path, *names: str, authority: trustme.CA | None = None, until: datetime | None = None
) -> ssl.SSLContext:
    """Write a certificate with its key, and that of its authority after it; what a client needs that believes it.

    Args:
        names: hosts it is for, this machine's own address where none is said.
        authority: a new one where it is left out.
        until: when it ends; far in the future where that is left out.
    """
    authority = authority or trustme.CA()
    leaf = authority.issue_cert(*(names or ("127.0.0.1",)), not_after=until)
    path.write_bytes(leaf.private_key_and_cert_chain_pem.bytes() + authority.cert_pem.bytes())
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context
