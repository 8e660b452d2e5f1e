"""DATABASE_URL is read as libpq reads it, and what cannot be honoured is refused by name."""

from __future__ import annotations

import ssl
from typing import Any

import pytest

from hubbub.config import ConfigError, load
from hubbub.postgres import ConnectionSpec
from hubbub.postgres.address import read_address


def read(url: str, **more: str) -> ConnectionSpec:
    return read_address(load({"DATABASE_URL": url, **more}, dotenv=None))


@pytest.fixture(autouse=True)
def _no_libpq_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PGUSER", "PGPASSWORD", "PGDATABASE", "PGPORT", "PGHOST"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("url", "hosts", "user", "password", "database"),
    [
        ("postgresql://chatuser:secret@db.example.org:5433/chatdb", (("db.example.org", 5433),), "chatuser", "secret", "chatdb"),
        ("postgres://u@h/d", (("h", 5432),), "u", None, "d"),
        ("postgresql://u:p%40ss%2Fw%3Ard@h/d%20b", (("h", 5432),), "u", "p@ss/w:rd", "d b"),
        ("postgresql://u:a@b@h/d", (("h", 5432),), "u", "a@b", "d"),
        ("postgresql://u@[::1]:5433/d", (("::1", 5433),), "u", None, "d"),
        ("postgresql://u@a,b:5433,c/d", (("a", 5432), ("b", 5433), ("c", 5432)), "u", None, "d"),
        ("postgresql://u@/d?host=a,b&port=1,2", (("a", 1), ("b", 2)), "u", None, "d"),
        ("postgresql://u@/d?host=/run/pg&port=5433", (("/run/pg", 5433),), "u", None, "d"),
        ("postgresql://u@%2Frun%2Fpg/d", (("/run/pg", 5432),), "u", None, "d"),
        ("postgresql://h/?user=u&password=p&dbname=d", (("h", 5432),), "u", "p", "d"),
        ("postgresql://u@h", (("h", 5432),), "u", None, "u"),
    ],
)  # fmt: skip
def test_places_and_names(url: str, hosts: Any, user: str, password: str | None, database: str) -> None:
    spec = read(url)
    assert (spec.hosts, spec.user, spec.password, spec.database) == (hosts, user, password, database)


@pytest.mark.parametrize(
    ("url", "host", "port", "user", "database", "mode"),
    [
        ("postgres://u1ab2:p3cd@ec2-1-2-3-4.compute-1.amazonaws.com:5432/d5ef", "ec2-1-2-3-4.compute-1.amazonaws.com", 5432, "u1ab2", "d5ef", "prefer"),
        ("postgresql://user:pass@instance.region.rds.amazonaws.com:5432/chatdb", "instance.region.rds.amazonaws.com", 5432, "user", "chatdb", "prefer"),
        ("postgresql://doadmin:AVNS_x@db-1.b.db.ondigitalocean.com:25060/defaultdb?sslmode=require", "db-1.b.db.ondigitalocean.com", 25060, "doadmin", "defaultdb", "require"),
        ("postgresql://postgres.abcd:x@aws-0-eu-central-1.pooler.supabase.com:6543/postgres", "aws-0-eu-central-1.pooler.supabase.com", 6543, "postgres.abcd", "postgres", "prefer"),
    ],
    ids=["heroku", "rds", "digitalocean", "supabase"],
)  # fmt: skip
def test_addresses_as_providers_write_them(url: str, host: str, port: int, user: str, database: str, mode: str) -> None:
    spec = read(url)
    assert (spec.hosts, spec.user, spec.database, spec.tls.mode) == (((host, port),), user, database, mode)
    verified = read(url.partition("?")[0], DB_SSL="true", HUBBUB_DB_SSL_ROOT_CERT="/etc/provider-ca.pem")
    assert (verified.tls.mode, verified.tls.root_cert) == ("verify-full", "/etc/provider-ca.pem")


def test_the_address_of_the_operators_guide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGUSER", "somebody")
    spec = read("postgresql://localhost:5432/chatdb")
    assert (spec.hosts, spec.user, spec.database) == ((("localhost", 5432),), "somebody", "chatdb")


@pytest.mark.parametrize(
    ("query", "more", "mode", "verifies"),
    [
        ("", {}, "prefer", False),
        ("", {"DB_SSL": "true"}, "verify-full", True),
        ("?sslmode=require", {"DB_SSL": "true"}, "require", False),
        ("?sslmode=disable", {"DB_SSL": "true"}, "disable", False),
        ("?sslmode=verify-ca", {}, "verify-ca", True),
        ("?ssl=true", {}, "verify-full", True),
        # libpq: require with an authority at hand verifies the chain (libpq-ssl, table 32.1, note).
        ("?sslmode=require&sslrootcert=/ca.crt", {}, "require", True),
        ("?sslmode=verify-full&sslrootcert=system", {}, "verify-full", True),
    ],
)
def test_sslmode(query: str, more: dict[str, str], mode: str, verifies: bool) -> None:
    tls = read(f"postgresql://u@h/d{query}", **more).tls
    assert (tls.mode, tls.verifies) == (mode, verifies)


def test_what_asyncpg_is_given_for_each_mode() -> None:
    def given(mode: str) -> Any:
        return read(f"postgresql://u@h/d?sslmode={mode}").asyncpg_kwargs()["ssl"]

    assert given("disable") is False
    assert given("prefer") == "prefer"
    assert (given("require").verify_mode, given("require").check_hostname) == (ssl.CERT_NONE, False)
    assert (given("verify-ca").verify_mode, given("verify-ca").check_hostname) == (ssl.CERT_REQUIRED, False)
    assert (given("verify-full").verify_mode, given("verify-full").check_hostname) == (ssl.CERT_REQUIRED, True)


def test_options_are_honoured() -> None:
    spec = read("postgresql://u@h/d?application_name=mine&options=-c%20work_mem%3D8MB&connect_timeout=3&keepalives=1")
    given = spec.asyncpg_kwargs()
    assert given["server_settings"] == {"application_name": "mine", "options": "-c work_mem=8MB"}
    assert given["timeout"] == 3
    env = spec.libpq_env()
    assert (env["PGAPPNAME"], env["PGOPTIONS"], env["PGCONNECT_TIMEOUT"]) == ("mine", "-c work_mem=8MB", "3")


def test_of_several_hosts_the_one_that_writes_is_wanted() -> None:
    assert read("postgresql://u@a,b/d").target_session_attrs == "read-write"
    assert read("postgresql://u@a,b/d?target_session_attrs=any").target_session_attrs == "any"
    env = read("postgresql://u:p@a:1,b:2/d?sslmode=require").libpq_env()
    assert (env["PGHOST"], env["PGPORT"], env["PGPASSWORD"], env["PGSSLMODE"]) == ("a,b", "1,2", "p", "require")


def test_no_secret_is_shown() -> None:
    spec = read("postgresql://u:hush-hush@h/d?sslpassword=hush-hush")
    assert "hush" not in repr(spec) + str(spec) + spec.describe() + str(spec.facts())


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("mysql://u@h/d", "postgresql://"),
        ("localhost:5432/chatdb", "postgresql://"),
        ("postgresql://u@h:port/d", "port"),
        ("postgresql://u@h:0/d", "port"),
        ("postgresql://u@h:70000/d", "port"),
        ("postgresql://u:pass/word@h:5432/d", "percent-encoded"),
        ("postgresql://u@[::1/d", "brackets"),
        ("postgresql://u@a,b,c/d?port=1,2", "port"),
        ("postgresql://u@h/d?sslmode=maybe", "sslmode"),
        ("postgresql://u@h/d?target_session_attrs=best", "target_session_attrs"),
        ("postgresql://u@h/d?connect_timeout=soon", "connect_timeout"),
        ("postgresql://u@h/d?pgbouncer=true", "pgbouncer"),
        ("postgresql://u@h/d?nonsense", "name=value"),
    ],
)
def test_what_is_wrong_is_named(url: str, word: str) -> None:
    with pytest.raises(ConfigError, match=word) as raised:
        read(url)
    assert "pass/word" not in str(raised.value)
