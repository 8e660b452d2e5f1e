"""What is unsafe, row by row: refused, or said; what lifts a refusal; and that nothing is on this machine alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from typer.testing import CliRunner

from hubbub.cli import safety
from hubbub.cli.main import app
from hubbub.config import load
from hubbub.postgres.check import FAIL, OK, WARN

GOOD = "Zk3v9QwTn1c7Xb5Rj8Hf2Lp6Ys4Dg0Ma"
OPEN = {"HOST": "0.0.0.0", "HUBBUB_ALLOW_UNSAFE": "cleartext"}
PROXIED = {"HOST": "0.0.0.0", "HUBBUB_TRUSTED_PROXIES": "172.16.0.0/12"}
FAR = "postgresql://u:p@db.example.org/chatdb"


@pytest.mark.parametrize(
    ("environ", "words", "refused"),
    [
        ({}, [], []),
        ({"HOST": "::1", "JWT_SECRET": "x" * 32, "CORS_ORIGIN": "*"}, [], []),
        ({"HOST": "localhost", "HUBBUB_ALLOW_GUESTS": "true", "HUBBUB_PUBLIC_DIRECTORY": "true"}, [], []),
        ({"HOST": "0.0.0.0"}, ["cleartext"], ["cleartext"]),
        ({"HOST": ""}, ["cleartext"], ["cleartext"]),
        ({"HOST": "10.0.0.7"}, ["cleartext"], ["cleartext"]),
        ({"HOST": "chat1.internal"}, ["cleartext"], ["cleartext"]),
        (OPEN, ["cleartext"], []),
        ({"HOST": "0.0.0.0", "HUBBUB_TLS_CERTIFICATE": "/cert.pem"}, [], []),
        (PROXIED, [], []),
        ({**PROXIED, "JWT_SECRET": GOOD}, [], []),
        ({**PROXIED, "JWT_SECRET": "x" * 40}, ["weak-secret"], ["weak-secret"]),
        ({**PROXIED, "JWT_SECRET": GOOD + GOOD}, ["weak-secret"], ["weak-secret"]),
        ({**PROXIED, "JWT_SECRET": "Your-Secret-Key-Of-Many-Characters"}, ["weak-secret"], ["weak-secret"]),
        ({**PROXIED, "JWT_SECRET": "x" * 40, "HUBBUB_ALLOW_UNSAFE": "weak-secret"}, ["weak-secret"], []),
        ({"HUBBUB_TRUSTED_PROXIES": "127.0.0.1", "JWT_SECRET": "x" * 40}, ["weak-secret"], ["weak-secret"]),
        ({"HOST": "0.0.0.0", "HUBBUB_TRUSTED_PROXIES": "*"}, ["any-proxy"], []),
        ({**PROXIED, "CORS_ORIGIN": "https://a.example,*"}, ["any-origin"], []),
        ({**PROXIED, "CORS_ORIGIN": "https://a.example"}, [], []),
        ({**PROXIED, "HUBBUB_ALLOW_GUESTS": "true", "HUBBUB_PUBLIC_DIRECTORY": "true"}, ["strangers"], []),
        ({**PROXIED, "HUBBUB_ALLOW_GUESTS": "true"}, [], []),
        ({"DATABASE_URL": FAR}, ["database"], []),
        ({"DATABASE_URL": FAR, "DB_SSL": "true"}, [], []),
        ({"DATABASE_URL": "postgresql://u@localhost/chatdb"}, [], []),
    ],
)
def test_each_row(environ: dict[str, str], words: list[str], refused: list[str]) -> None:
    settings = load(environ, dotenv=None)
    found = safety.unsafe(settings)
    assert [finding.rule.word for finding in found] == words
    assert [finding.rule.word for finding in found if finding.refuses] == refused
    assert safety.check(settings).status == (FAIL if refused else WARN if words else OK)
    told = safety.refusal(found)
    assert (told is not None) == bool(refused)
    assert all(word in told.detail for word in refused) if told else True


def test_whatever_refuses_can_be_lifted_and_nothing_else() -> None:
    words = ",".join(rule.word for rule in safety.RULES if rule.refuses)
    assert set(load({"HUBBUB_ALLOW_UNSAFE": words}, dotenv=None).allow_unsafe) == set(words.split(","))


@pytest.mark.parametrize("more", [{"HUBBUB_WORKERS": "2"}, {"HUBBUB_BUS": "postgres"}])
def test_a_certificate_that_is_not_there_is_told_at_once(more: dict[str, str]) -> None:
    env = {"HUBBUB_TLS_CERTIFICATE": "/no/cert.pem", "PORT": "0", **more}
    answer = CliRunner().invoke(app, ["serve"], env=env)
    assert (answer.exit_code, answer.output.count("/no/cert.pem: No such file")) == (1, 1)


@pytest.mark.parametrize(("days", "status"), [(60, OK), (5, WARN), (-3, FAIL)])
def test_a_certificate_that_ends_soon_is_told(tmp_path: Path, days: int, status: str) -> None:
    path = tmp_path / "cert.pem"
    trustme.CA().issue_cert(
        "127.0.0.1",
        not_before=datetime.now(UTC) - timedelta(days=9),
        not_after=datetime.now(UTC) + timedelta(days=days),
    ).private_key_and_cert_chain_pem.write_to_path(str(path))
    check = safety.check_certificate(load({"HUBBUB_TLS_CERTIFICATE": str(path)}, dotenv=None))
    assert (check.status, "days" in (check.trouble.detail if check.trouble else check.summary)) == (status, True)


def test_a_certificate_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    assert safety.check_certificate(load({}, dotenv=None)).status == OK
    blob = trustme.CA().issue_cert("127.0.0.1")
    for name, content in (
        ("no.pem", b"no PEM"),
        ("cert.pem", blob.cert_chain_pems[0].bytes()),
        ("key.pem", b"\xff\x00"),
        ("anothers.pem", trustme.CA().issue_cert("127.0.0.1").private_key_pem.bytes()),
    ):
        (tmp_path / name).write_bytes(content)
    for environ in (
        {"HUBBUB_TLS_CERTIFICATE": "/nowhere.pem"},
        {"HUBBUB_TLS_CERTIFICATE": str(tmp_path / "no.pem")},
        {"HUBBUB_TLS_CERTIFICATE": str(tmp_path / "cert.pem")},  # without its key
        {"HUBBUB_TLS_CERTIFICATE": str(tmp_path / "cert.pem"), "HUBBUB_TLS_KEY": str(tmp_path / "key.pem")},
        {"HUBBUB_TLS_CERTIFICATE": str(tmp_path / "cert.pem"), "HUBBUB_TLS_KEY": str(tmp_path / "anothers.pem")},
        {"HUBBUB_TLS_KEY": str(tmp_path / "key.pem")},
    ):
        check = safety.check_certificate(load(environ, dotenv=None))
        assert check.trouble is not None
        assert (check.status, "HUBBUB_TLS_" in check.trouble.detail) == (FAIL, True)


def test_serve_says_which_and_does_not_start() -> None:
    environ = {"HOST": "0.0.0.0", "JWT_SECRET": "changeme" * 5, "COLUMNS": "200"}
    answer = CliRunner().invoke(app, ["serve"], env=environ)
    assert answer.exit_code == 1
    for words in (
        "cleartext: Other machines reach HOST",
        "weak-secret: JWT_SECRET",
        "HUBBUB_ALLOW_UNSAFE=cleartext",
        "openssl rand",
    ):
        assert words in answer.output
    assert "changemechangeme" not in answer.output
