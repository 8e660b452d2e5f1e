"""Settings are read once, from the environment before `.env`, and a wrong one is named."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from hubbub.cli.config import rows
from hubbub.config import ConfigError, Settings, given, load


def test_without_anything_every_default_holds() -> None:
    assert load({}, dotenv=None) == Settings()
    assert (Settings().port, Settings().database_url, Settings().data_dir) == (3001, None, Path(".data"))


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("PORT=4000\nDB_SSL=true\nDATABASE_URL=postgresql://u:p$word@h/d\n# HOST=1.2.3.4\n")
    settings = load({"PORT": "5000"}, dotenv=dotenv)
    assert (settings.port, settings.db_ssl, settings.host) == (5000, True, "127.0.0.1")
    assert settings.database_url == "postgresql://u:p$word@h/d"


def test_a_file_that_is_not_there_is_no_error(tmp_path: Path) -> None:
    assert load({}, dotenv=tmp_path / ".env") == Settings()


@pytest.mark.parametrize(
    ("name", "text", "field", "value"),
    [
        ("DB_SSL", "yes", "db_ssl", True),
        ("DB_SSL", "", "db_ssl", False),
        ("JWT_EXPIRES_IN", "15m", "jwt_expires_in", 900),
        ("JWT_EXPIRES_IN", "7d", "jwt_expires_in", 604_800),
        ("JWT_EXPIRES_IN", "30", "jwt_expires_in", 30),
        (
            "CORS_ORIGIN",
            "https://a.example/, https://b.example",
            "cors_origin",
            ("https://a.example", "https://b.example"),
        ),
        ("DATABASE_URL", "  ", "database_url", None),
        (
            "HUBBUB_TRUSTED_PROXIES",
            "10.0.0.9, 10.1.0.0/16,fd00::/8",
            "trusted_proxies",
            ("10.0.0.9", "10.1.0.0/16", "fd00::/8"),
        ),
        ("HUBBUB_TRUSTED_PROXIES", "*", "trusted_proxies", ("*",)),
        ("HUBBUB_LOG_LEVEL", "DEBUG", "log_level", "debug"),
    ],
)
def test_forms(name: str, text: str, field: str, value: object) -> None:
    assert getattr(load({name: text}, dotenv=None), field) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("PORT", "http"),
        ("PORT", "65536"),
        ("DB_POOL_SIZE", "2"),
        ("DB_SSL", "maybe"),
        ("JWT_EXPIRES_IN", "0"),
        ("JWT_EXPIRES_IN", "soon"),
        ("HUBBUB_LOG_FORMAT", "xml"),
        ("JWT_SECRET", "short"),
        ("HUBBUB_TRUSTED_PROXIES", "proxy"),
        ("HUBBUB_TRUSTED_PROXIES", "10.0.0.1/16"),
        ("HUBBUB_TRUSTED_PROXIES", "10.0.0.1,*"),
        ("HUBBUB_POTR", "1"),
    ],
)
def test_a_wrong_one_is_named(name: str, text: str) -> None:
    with pytest.raises(ConfigError, match=name):
        load({name: text}, dotenv=None)


def test_secrets_stay_out_of_repr() -> None:
    settings = load({"JWT_SECRET": "hush" * 10, "DATABASE_URL": "postgresql://u:hush@h/d"}, dotenv=None)
    assert "hush" not in repr(settings)
    assert {spec.name for spec in fields(Settings) if spec.metadata["secret"]} == {
        "jwt_secret",
        "database_url",
        "listen_url",
    }


# Every variable that can hold a secret, a good value, and the field it is read into.
SECRETS = {
    "DATABASE_URL": ("postgresql://u:hush@h/d", "database_url"),
    "HUBBUB_LISTEN_URL": ("postgresql://u:hush@h/d", "listen_url"),
    "JWT_SECRET": ("hush" * 10, "jwt_secret"),
    "HUBBUB_BUS": ("nats://bob:hush@one:4222", "bus"),
}


def test_every_secret_may_be_read_from_a_file(tmp_path: Path) -> None:
    can_be_secret = {s.metadata["name"] for s in fields(Settings) if s.metadata["secret"] or s.metadata["show"]}
    assert can_be_secret == SECRETS.keys()
    for name, (text, field) in SECRETS.items():
        path = tmp_path / name
        path.write_text(text + "\n")
        environ = {f"{name}_FILE": str(path)}
        settings = load(environ, dotenv=None)
        assert getattr(settings, field) == text
        (row,) = [row for row in rows(settings, given(environ, dotenv=None)) if row["name"] == name]
        assert row["source"] == f"{name}_FILE, {path}"
        assert "hush" not in repr(row) + repr(settings) + repr(given(environ, dotenv=None))


def test_a_secret_s_file_may_be_named_in_the_env_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hush" * 10)
    (tmp_path / ".env").write_text(f"JWT_SECRET_FILE={tmp_path}/secret\nPORT=4000\n")
    assert load({}, dotenv=tmp_path / ".env").jwt_secret == "hush" * 10
    sources = given({"PORT": "5000"}, dotenv=tmp_path / ".env")
    assert (sources["PORT"].source, sources["JWT_SECRET"].source) == (
        "environment",
        f"JWT_SECRET_FILE, {tmp_path}/secret",
    )


@pytest.mark.parametrize(
    ("content", "more", "message"),
    [
        (None, {}, "JWT_SECRET_FILE: .*secret cannot be read: No such file or directory"),
        (b"\xff\xfe hush", {}, "JWT_SECRET_FILE: .*secret holds no text"),
        (b"hush", {}, "JWT_SECRET must be at least 32 characters"),
        (b"hush" * 10, {"JWT_SECRET": "x" * 32}, "JWT_SECRET and JWT_SECRET_FILE are both set"),
        (b"hush" * 10, {"PORT_FILE": "/nowhere", "HUBBUB_WORKERS_FILE": "/x"}, "HUBBUB_WORKERS_FILE: no such setting"),
    ],
)
def test_a_secret_s_file_that_cannot_be_used_is_named_and_never_shown(
    tmp_path: Path, content: bytes | None, more: dict[str, str], message: str
) -> None:
    if content is not None:
        (tmp_path / "secret").write_bytes(content)
    with pytest.raises(ConfigError, match=message) as raised:
        load({"JWT_SECRET_FILE": str(tmp_path / "secret"), **more}, dotenv=None)
    assert "hush" not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("nats://bob:hush@one:4222,nats://bob:hush@two", "nats://***@one:4222,nats://***@two"),
        ("tls://hush@[::1]:4222", "tls://***@[::1]:4222"),
        ("nats://one", "nats://one"),
        ("Postgres", "postgres"),
    ],
)
def test_the_address_of_a_bus_is_shown_without_its_secrets(url: str, shown: str) -> None:
    settings = load({"HUBBUB_BUS": url}, dotenv=None)
    assert "hush" not in repr(settings)
    (row,) = [row for row in rows(settings, {}) if row["name"] == "HUBBUB_BUS"]
    assert row["value"] == shown


@pytest.mark.parametrize("url", ["redis://one", "nats://", "nats://one,http://two", "nats://one/path", "nats", "", ","])
def test_what_is_no_bus_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(ConfigError, match="HUBBUB_BUS must be one of auto, local, postgres, or nats://host:port"):
        load({"HUBBUB_BUS": url}, dotenv=None)


def test_every_setting_is_documented_and_named_once() -> None:
    names = [spec.metadata["name"] for spec in fields(Settings)]
    assert len(names) == len(set(names))
    assert all(spec.metadata["doc"].strip().endswith((".", ")", "`")) for spec in fields(Settings))


@pytest.mark.parametrize(
    ("workers", "pool", "bus", "each", "all_together"),
    [(1, 10, "auto", 10, 12), (1, 10, "postgres", 10, 13), (2, 10, "auto", 5, 16), (4, 10, "auto", 3, 24)],
)
def test_the_pool_is_shared_out_among_workers(workers: int, pool: int, bus: str, each: int, all_together: int) -> None:
    settings = Settings(workers=workers, db_pool_size=pool, bus=bus)
    assert (settings.pool_of_each, settings.connections) == (each, all_together)
