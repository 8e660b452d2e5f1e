"""What is unsafe, row by row: refused, or said; what lifts a refusal; and that nothing is on this machine alone."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from hubbub.cli import safety
from hubbub.cli.main import app
from hubbub.config import load
from hubbub.postgres.doctor import FAIL, OK, WARN

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
