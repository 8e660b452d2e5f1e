"""Settings that would let strangers in: one table, for `hubbub serve`, which refuses some, and for `hubbub doctor`.

What makes a Hubbub one for others to reach is a fact, not a word: HOST is not this machine alone, or a proxy is named. On
127.0.0.1 nothing is refused. A refusal is lifted by its word in HUBBUB_ALLOW_UNSAFE: docs/decisions/0023-unsafe-settings.md.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from hubbub.config import ConfigError, Settings
from hubbub.postgres.address import read_address
from hubbub.postgres.check import FAIL, OK, WARN, Check
from hubbub.postgres.troubles import Trouble
from hubbub.tls import certificate_of

_DISTINCT_MIN: Final = 10  # characters that differ; 32 random ones of base64 have fewer once in millions of keys
_DAYS_WARN: Final = 14
_PLACEHOLDERS: Final = ("change", "your-", "your_", "example", "placeholder", "secret-key", "secret_key", "supersecret")


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the table.

    Attributes:
        word: its name, for HUBBUB_ALLOW_UNSAFE.
        refuses: whether `serve` does not start; else it says so and goes on.
        applies: whether the settings are so.
        what: what is wrong.
        mend: what to do, a line each.
    """

    word: str
    refuses: bool
    applies: Callable[[Settings], bool]
    what: str
    mend: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """A row that applies; `refuses` where it is not allowed by name."""

    rule: Rule
    refuses: bool


def is_for_this_machine(host: str) -> bool:
    """Whether only this machine reaches what listens there."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_reachable(settings: Settings) -> bool:
    return not is_for_this_machine(settings.host) or bool(settings.trusted_proxies)


def _is_guessable(secret: str) -> bool:
    is_one_thing_repeated = secret in (secret + secret)[1:-1]
    return (
        len(set(secret)) < _DISTINCT_MIN
        or is_one_thing_repeated
        or any(word in secret.lower() for word in _PLACEHOLDERS)
    )


def _is_far_and_unverified(settings: Settings) -> bool:
    if settings.database_url is None:
        return False
    spec = read_address(settings)
    return not spec.is_local and not spec.tls.verifies


RULES: Final = (
    Rule(
        "cleartext",
        True,
        lambda s: not is_for_this_machine(s.host) and not s.trusted_proxies and s.tls_certificate is None,
        "Other machines reach HOST, and passwords and tokens cross the network in the clear.",
        (
            "HUBBUB_TRUSTED_PROXIES=10.0.0.9           # the proxy in front that speaks TLS: its address, or network",
            "HUBBUB_TLS_CERTIFICATE=/path/to/cert.pem  # or TLS of Hubbub's own",
            "HOST=127.0.0.1                            # the proxy is on this machine",
            "HUBBUB_ALLOW_UNSAFE=cleartext             # on a network of your own",
        ),
    ),
    Rule(
        "weak-secret",
        True,
        lambda s: _is_reachable(s) and s.jwt_secret is not None and _is_guessable(s.jwt_secret),
        "JWT_SECRET can be guessed, and whoever guesses it is anybody.",
        ("openssl rand -base64 48    # makes a good one; everybody signs in again",),
    ),
    Rule(
        "any-proxy",
        False,
        lambda s: s.trusted_proxies == ("*",),
        "HUBBUB_TRUSTED_PROXIES=* believes anybody who reaches the port about where they come from.",
        ("HUBBUB_TRUSTED_PROXIES=10.0.0.9    # the proxy's address, or network",),
    ),
    Rule(
        "any-origin",
        False,
        lambda s: _is_reachable(s) and "*" in s.cors_origin,
        "CORS_ORIGIN=* lets every web page on the Internet call this server from its visitors' browsers.",
        ("CORS_ORIGIN=https://app.example.org",),
    ),
    Rule(
        "strangers",
        False,
        lambda s: _is_reachable(s) and s.allow_guests and s.public_directory,
        "Guests may join and the directory is public: strangers see everybody's name and read every public room.",
        ("HUBBUB_PUBLIC_DIRECTORY=false", "HUBBUB_ALLOW_GUESTS=false"),
    ),
    Rule(
        "database",
        False,
        _is_far_and_unverified,
        "The database is on another machine, and its certificate is not verified.",
        ("DB_SSL=true    # and no sslmode in DATABASE_URL; HUBBUB_DB_SSL_ROOT_CERT where the authority is your own",),
    ),
)


def unsafe(settings: Settings) -> list[Finding]:
    """The rows that apply to these settings.

    Raises:
        ConfigError: DATABASE_URL cannot be read.
    """
    return [
        Finding(rule, rule.refuses and rule.word not in settings.allow_unsafe)
        for rule in RULES
        if rule.applies(settings)
    ]


def refusal(findings: list[Finding]) -> Trouble | None:
    """What `serve` says in place of starting; None where it may start."""
    refused = [finding.rule for finding in findings if finding.refuses]
    return _trouble("These settings are not safe for others to reach", refused) if refused else None


def check(settings: Settings) -> Check:
    """The finding of `hubbub doctor`."""
    found = unsafe(settings)
    if not found:
        who = "others" if _is_reachable(settings) else "this machine alone"
        return Check("safety", OK, f"The settings are safe; {who} can reach it.")
    status = FAIL if any(finding.refuses for finding in found) else WARN
    trouble = _trouble("Not all settings are safe", [finding.rule for finding in found])
    return Check("safety", status, trouble.title, trouble)


def check_certificate(settings: Settings) -> Check:
    """The finding of `hubbub doctor` about TLS of Hubbub's own."""
    try:
        certificate = certificate_of(settings)
    except ConfigError as error:
        trouble = Trouble("certificate", "The certificate cannot be used", str(error), ("hubbub config",))
        return Check("certificate", FAIL, trouble.title, trouble)
    if certificate is None:
        return Check("certificate", OK, "TLS is a proxy's affair, where there is one.")
    days = (certificate.expires - time.time()) / 86_400
    if days >= _DAYS_WARN:
        return Check("certificate", OK, f"The certificate is good for {days:.0f} days.")
    words = f"It ends in {days:.0f} days." if days > 0 else f"It ended {-days:.0f} days ago."
    remedy = f"openssl x509 -noout -dates -subject -in {settings.tls_certificate}    # renew it; a new file is taken up by itself"
    trouble = Trouble("certificate", "The certificate has to be renewed", words, (remedy,))
    return Check("certificate", WARN if days > 0 else FAIL, trouble.title, trouble)


def _trouble(title: str, rules: list[Rule]) -> Trouble:
    return Trouble(
        "unsafe",
        title,
        "\n".join(f"{rule.word}: {rule.what}" for rule in rules),
        tuple(line for rule in rules for line in rule.mend),
    )
