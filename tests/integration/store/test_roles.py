"""The roles of `hubbub db roles`: what the application's may, what the report's may see, on PostgreSQL 18 and 15."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import httpx
import pytest
from tests.support.database import HEAD, Databases
from tests.support.server import running
from typer.testing import CliRunner, Result

from hubbub.cli.main import app
from hubbub.store import roles

# What the report role may not see, column by column. A column that is neither here nor granted in roles.sql fails a test:
# whoever adds one judges it.
HIDDEN_OF_PUBLIC = {"users.password"}


@dataclass(frozen=True)
class Roles:
    """A database, and its address for the owner and for each role."""

    databases: Databases
    name: str

    @property
    def owner(self) -> str:
        return self.databases.cluster.dsn(self.name)

    @property
    def app_name(self) -> str:
        return f"app_{self.name}"

    @property
    def report_name(self) -> str:
        return f"report_{self.name}"

    @property
    def app(self) -> str:
        return self.owner.replace("//postgres@", f"//{self.app_name}@")

    @property
    def report(self) -> str:
        return self.owner.replace("//postgres@", f"//{self.report_name}@")

    def roles(self, how: str) -> Result:
        names = ("--app", self.app_name, "--report", self.report_name)
        return hubbub(self.owner, "db", "roles", how, *names)


def hubbub(dsn: str, *arguments: str) -> Result:
    """The command line on a database, in this process."""
    return CliRunner().invoke(app, arguments, env={"DATABASE_URL": dsn, "PORT": "0", "COLUMNS": "300"})


@pytest.fixture(params=["pg18", "pg15"], scope="module")
def made(request: pytest.FixtureRequest) -> Iterator[Roles]:
    """Both roles, made by the command."""
    databases: Databases = request.getfixturevalue(request.param)
    here = Roles(databases, databases.clone())
    try:
        answer = here.roles("--apply")
        assert answer.exit_code == 0, answer.output
        assert f"\\password {here.app_name}" in answer.output
        yield here
    finally:
        sql = f"DROP OWNED BY {here.app_name}, {here.report_name}; DROP ROLE {here.app_name}, {here.report_name}"
        databases.cluster.psql(here.name, sql)
        databases.drop(here.name)


@asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


async def test_hubbub_serves_as_the_application_role(made: Roles, tmp_path: Path) -> None:
    async with running(made.app, tmp_path) as server, httpx.AsyncClient(base_url=server.url) as http:
        assert await server.db.fetchval("SELECT current_user") == made.app_name
        assert server.chat.database.epoch.system  # so a server that is put in another's place is seen
        body = {"username": "ann", "email": "ann@example.org", "password": "a long enough one"}
        tokens = (await http.post("/api/auth/register", json=body)).raise_for_status().json()
        bearer = {"Authorization": f"Bearer {tokens['token']}"}
        ann = await server.connect(auth={"token": tokens["token"]})
        bob = await server.connect(await server.person("bob"))
        for client in (ann, bob):
            await client.ok("join", {"room": "general"})
        sent = await ann.ok("send-message", {"message": "one", "room": "general"})
        await bob.wait_for("receive-message", lambda m: m["message"] == "one")
        await ann.ok("edit-message", {"id": sent["id"], "message": "uno"})
        await bob.ok("message-read", {"messageId": sent["id"]})
        await bob.wait_for("message-updated")
        async with connected(made.app) as sql:
            await sql.execute(
                "INSERT INTO messages (user_id, room_id, message_text) SELECT u.user_id, r.room_id, 'by hand' "
                "FROM users AS u, rooms AS r WHERE u.username = 'bob' AND r.room_name = 'general'"
            )
            await ann.wait_for("receive-message", lambda m: m["message"] == "by hand")
            await sql.fetch("SELECT * FROM hubbub.post_message('general', 'bob', 'posted', NULL)")
        await ann.wait_for("receive-message", lambda m: m["message"] == "posted")
        await ann.ok("delete-message", {"id": sent["id"]})
        renewed = await http.post("/api/auth/refresh", json={"refreshToken": tokens["refreshToken"]})
        assert renewed.status_code == 200
        assert (await http.get("/readyz")).status_code == 200
        assert (await http.post("/api/auth/logout", headers=bearer)).status_code == 200
        await ann.gone()
        room = await http.get("/api/rooms", headers=bearer)
        assert room.status_code == 401


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE public.users ADD COLUMN x int",
        "ALTER TABLE public.messages DISABLE TRIGGER hubbub_change",
        "DROP TABLE public.messages",
        "TRUNCATE public.messages",
        "CREATE TABLE public.mine (x int)",
        "CREATE TABLE hubbub.mine (x int)",
        "CREATE SCHEMA mine",
        "CREATE INDEX ON public.users (bio)",
        "CREATE OR REPLACE FUNCTION hubbub.tell(words text) RETURNS void LANGUAGE sql AS 'SELECT'",
        "CREATE TRIGGER mine AFTER INSERT ON public.users FOR EACH ROW EXECUTE FUNCTION hubbub.tell_room()",
        "DROP SCHEMA hubbub CASCADE",
        "DROP VIEW public.room_stats_view",
        "UPDATE hubbub.alembic_version SET version_num = '9999'",
        "CREATE ROLE mine",
        "GRANT SELECT ON public.users TO PUBLIC",
    ],
)
async def test_the_schema_is_not_the_application_s(made: Roles, statement: str) -> None:
    async with connected(made.app) as sql:
        if statement.startswith("GRANT"):  # PostgreSQL warns, and grants nothing
            with pytest.raises(asyncpg.PostgresError):
                await sql.execute(f"{statement}; SELECT 1 / (SELECT count(*) FROM pg_class AS c, aclexplode(c.relacl) AS a "
                                  "WHERE c.relname = 'users' AND a.grantee = 0)::int")  # fmt: skip
            return
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await sql.execute(statement)


async def test_reports_see_no_secret_in_any_column(made: Roles) -> None:
    async with connected(made.report) as sql:
        rows = await sql.fetch(
            "SELECT n.nspname AS schema, c.relname || '.' || a.attname AS name, c.relkind::text AS kind, "
            "has_schema_privilege(n.oid, 'USAGE') AND has_column_privilege(c.oid, a.attnum, 'SELECT') AS readable, "
            "has_column_privilege(c.oid, a.attnum, 'INSERT') OR has_column_privilege(c.oid, a.attnum, 'UPDATE') AS writable "
            "FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace "
            "JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
            "WHERE n.nspname IN ('public', 'hubbub') AND c.relkind IN ('r', 'v', 'm', 'p')"
        )
        assert {row["name"] for row in rows if row["schema"] == "public" and not row["readable"]} == HIDDEN_OF_PUBLIC
        assert [row["name"] for row in rows if row["schema"] == "hubbub" and row["readable"]] == []
        assert [row["name"] for row in rows if row["writable"]] == []
        # A view lends its owner's eyes: none of those that are granted may show what is hidden.
        assert not {row["name"].split(".")[1] for row in rows if row["kind"] == "v"} & {"password", "token_hash"}
        for view in ("messages_with_user_view", "room_stats_view", "active_users_view"):
            await sql.fetch(f"SELECT * FROM {view} LIMIT 1")
        await sql.fetch("SELECT username, email FROM users")
        for statement in (
            "SELECT password FROM users",
            "SELECT * FROM users",
            "SELECT * FROM hubbub.refresh_tokens",
            "SELECT hubbub.new_id()",
            "DELETE FROM messages",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await sql.fetch(statement)


async def test_reports_see_no_secret_by_another_way(made: Roles) -> None:
    async with connected(made.owner) as owner, connected(made.report) as sql:
        await owner.execute(
            "INSERT INTO users (username, email, password) VALUES ('eve', 'eve@example.org', 'a secret hash') "
            "ON CONFLICT DO NOTHING; ANALYZE"
        )
        shown = await sql.fetch(
            "SELECT schemaname, tablename, attname FROM pg_stats WHERE schemaname IN ('public', 'hubbub')"
        )
        names = {f"{row['schemaname']}.{row['tablename']}.{row['attname']}" for row in shown}
        assert "public.users.email" in names, "where they may look, statistics are seen"
        assert "public.users.password" not in names
        assert not [name for name in names if name.startswith("hubbub.")]
        await owner.fetch("SELECT 'a secret question'")
        asked = await sql.fetch(
            "SELECT query FROM pg_stat_activity WHERE usename = 'postgres' AND pid <> pg_backend_pid()"
        )
        assert asked
        assert {row["query"] for row in asked} == {"<insufficient privilege>"}
        for statement in (
            "SELECT u FROM users AS u",
            "SELECT to_jsonb(u) FROM users AS u",
            "SELECT count(*) FROM users WHERE password LIKE 'a%'",
            "EXPLAIN SELECT 1 FROM users WHERE password = 'x'",
            "SELECT 1 FROM users ORDER BY password",
            "COPY users (password) TO STDOUT",
            "SELECT stavalues1 FROM pg_statistic",
            "SELECT rolpassword FROM pg_authid",
            "SELECT pg_read_file('postgresql.conf')",
            "SELECT * FROM pg_ls_logdir()",
            "COPY users (username) TO PROGRAM 'cat'",
            "SELECT setval('hubbub.nothing', 1)",
            f"SET ROLE {made.app_name}",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await sql.execute(statement)


def test_again_it_sets_right_what_was_changed(made: Roles) -> None:
    spoil = f"GRANT ALL ON public.users, hubbub.refresh_tokens TO {made.report_name}; GRANT CREATE ON SCHEMA public TO {made.app_name}"
    made.databases.cluster.psql(made.name, spoil)
    made.databases.cluster.psql(made.name, made.roles("--print").output)
    asyncio.run(test_reports_see_no_secret_in_any_column(made))
    asyncio.run(test_the_schema_is_not_the_application_s(made, "CREATE TABLE public.mine (x int)"))


async def test_a_table_of_a_later_migration_is_the_application_s_and_hidden_from_reports(made: Roles) -> None:
    cluster = made.databases.cluster
    cluster.psql(made.name, "CREATE TABLE hubbub.later (x int); INSERT INTO hubbub.later VALUES (1)")
    try:
        async with connected(made.app) as sql:
            assert await sql.fetchval("UPDATE hubbub.later SET x = 2 RETURNING x") == 2
        async with connected(made.report) as sql:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await sql.fetch("SELECT * FROM hubbub.later")
    finally:
        cluster.psql(made.name, "DROP TABLE hubbub.later")


def test_what_is_pending_is_left_to_the_owner(made: Roles) -> None:
    doctor = json.loads(hubbub(made.app, "doctor", "--json").stdout)
    (rights,) = [check for check in doctor["checks"] if check["name"] == "rights"]
    assert (rights["status"], "the schema is changed by" in rights["summary"]) == ("ok", True), rights
    made.databases.cluster.psql(made.name, "UPDATE hubbub.alembic_version SET version_num = '0007'")
    try:
        answer = hubbub(made.app, "serve")
        assert answer.exit_code == 1
        assert f'Migrations are pending, and "{made.app_name}" may not change the schema' in answer.output
        assert 'of the owner, "postgres"' in " ".join(answer.output.split())
        early = made.roles("--apply")
        assert (early.exit_code, "Migrations are pending" in early.output) == (1, True)
    finally:
        made.databases.cluster.psql(made.name, f"UPDATE hubbub.alembic_version SET version_num = '{HEAD}'")


def test_who_may_not_is_told_how(made: Roles) -> None:
    answer = hubbub(made.app, "db", "roles", "--apply", "--app", "someone", "--report", "someone_else")
    assert answer.exit_code == 1
    assert f'"{made.app_name}" may not make these roles' in answer.output
    assert "hubbub db roles --print --app someone --report someone_else > roles.sql" in answer.output
    mighty = hubbub(made.owner, "db", "roles", "--apply", "--app", "postgres")
    assert (mighty.exit_code, "the role postgres is a superuser" in mighty.output) == (1, True)


@pytest.mark.parametrize(
    ("give", "take", "said"),
    [
        ("GRANT pg_read_all_data TO {report}", "REVOKE pg_read_all_data FROM {report}", "{report} sees passwords, by the role pg_read_all_data"),
        ("GRANT SELECT ON public.users TO PUBLIC", "REVOKE SELECT ON public.users FROM PUBLIC", "{report} sees passwords"),
        ("GRANT {app} TO {report}", "REVOKE {app} FROM {report}", "{report} may write, by the role {app}"),
        ("ALTER ROLE {app} REPLICATION", "ALTER ROLE {app} NOREPLICATION", "{app} may make roles, or replicate"),
        ("GRANT pg_execute_server_program TO {app}", "REVOKE pg_execute_server_program FROM {app}", "{app} reaches files or programs"),
    ],
)  # fmt: skip
def test_a_role_that_was_given_more_elsewhere_is_refused(made: Roles, give: str, take: str, said: str) -> None:
    names = {"app": made.app_name, "report": made.report_name}
    made.databases.cluster.psql(made.name, give.format(**names))
    try:
        answer = made.roles("--apply")
        assert (answer.exit_code, said.format(**names) in " ".join(answer.output.split())) == (1, True), answer.output
    finally:
        made.databases.cluster.psql(made.name, take.format(**names))
    assert made.roles("--apply").exit_code == 0


@pytest.mark.parametrize("names", [("a", "a"), ("a b", "c"), ("Anna", "c"), ("a;b", "c")])
def test_names_that_would_have_to_be_quoted_are_refused(names: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="small letters"):
        roles.script(*names)
