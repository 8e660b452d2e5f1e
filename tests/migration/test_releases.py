"""What was released before: its data in today's schema, and its code beside today's.

tests/migration/releases has a database of each version, made by `python -m tests.migration.release`.
"""

from __future__ import annotations

import re
import sys
import tarfile
from pathlib import Path

import httpx
import pytest
from tests.support.catalog import catalog
from tests.support.database import MIGRATIONS, Databases, connector
from tests.support.people import SECRET
from tests.support.process import ROOT, Process

from hubbub.store import migrate

RELEASES = sorted((Path(__file__).with_name("releases")).glob("*.sql"))
UPGRADE = ROOT / "docs/howto/upgrade.md"
# What must be the same before and after.
SUMS = """
    SELECT count(*), md5(string_agg(concat_ws('|', user_id, username, email, password, display_name), ',' ORDER BY user_id)) FROM users;
    SELECT count(*), md5(string_agg(concat_ws('|', room_id, room_name, last_seq, message_count, member_count), ',' ORDER BY room_id))
    FROM rooms;
    SELECT count(*), md5(string_agg(concat_ws('|', message_id, room_id, user_id, seq, change_seq, message_text, created_at, edited_at,
        is_deleted, reply_to), ',' ORDER BY message_id)) FROM messages;
    SELECT count(*), md5(string_agg(concat_ws('|', room_id, user_id, is_active, read_seq, delivered_seq), ',' ORDER BY room_id, user_id))
    FROM room_members;
    SELECT count(*), md5(string_agg(message_id::text || user_id, ',' ORDER BY message_id, user_id)) FROM message_reads;
    SELECT count(*) FROM hubbub.message_edits;
"""


def header(release: Path) -> dict[str, str]:
    found = re.match(
        r"-- Hubbub (?P<version>\S+), schema (?P<schema>\d+), commit (?P<commit>[0-9a-f]{40})\n", release.read_text()
    )
    assert found, f"{release.name} was not made by tests.migration.release"
    return found.groupdict()


@pytest.mark.parametrize("release", RELEASES, ids=lambda path: path.stem)
async def test_a_release_is_upgraded_with_all_its_data(release: Path, pg18: Databases) -> None:
    name, dump = pg18.empty(), release.read_text()
    pg18.cluster.psql(name, dump)
    before = pg18.cluster.psql(name, SUMS)
    assert [int(line.split("|")[0]) > 0 for line in before.splitlines()] == [True] * 6
    pending = [step for step in MIGRATIONS if step.split("_")[0] > header(release)["schema"]]
    assert await migrate.upgrade(connector(pg18.cluster.dsn(name))) == pending
    assert pg18.cluster.psql(name, SUMS) == before
    assert await catalog(pg18.cluster.dsn(name)) == await catalog(pg18.cluster.dsn(pg18.clone()))


def test_the_manual_lists_what_serves_what() -> None:
    rows = re.findall(r"^\| (\d+\.\d+\.\d+) \| (\d{4}) \| (\d{4}) \|$", UPGRADE.read_text(), re.MULTILINE)
    for release in RELEASES:
        compat = re.findall(r"^compat\t(\d+)$", release.read_text(), re.MULTILINE)[0]
        assert (header(release)["version"], header(release)["schema"], f"{int(compat):04}") in rows


async def test_the_code_of_the_last_release_serves_todays_schema(pg18: Databases, tmp_path: Path) -> None:
    """As it has to while nodes are upgraded one after another."""
    name = pg18.clone()
    with tarfile.open(RELEASES[-1].with_suffix(".tar.xz")) as archive:
        archive.extractall(tmp_path, filter="data")
    source = tmp_path / "src"
    env = {
        "PYTHONPATH": str(source), "DATABASE_URL": pg18.cluster.tcp_dsn(name), "HUBBUB_DATA_DIR": str(tmp_path), "PORT": "0",
        "JWT_SECRET": SECRET,
    }  # fmt: skip
    here = "import hubbub.cli.main as m; print('code in', m.__file__, flush=True); m.app(['serve'])"
    server = Process(
        [sys.executable, "-c", here],
        ready=r"Hubbub is ready at (\S+)",
        start_timeout=90,
        stop_timeout=30,
        env=env,
        cwd=tmp_path,
    )
    async with server:
        assert server.match is not None
        assert f"code in {source}" in server.output
        async with httpx.AsyncClient(base_url=server.match[1], timeout=30) as client:
            form = {"username": "ann", "email": "ann@example.org", "password": "correct horse battery"}
            token = (await client.post("/api/auth/register", json=form)).raise_for_status().json()["token"]
            client.headers["Authorization"] = f"Bearer {token}"
            (await client.post("/api/rooms/general/join")).raise_for_status()
            sent = (
                (await client.post("/api/rooms/general/messages", json={"message": "still"})).raise_for_status().json()
            )
            edit = await client.patch(f"/api/messages/{sent['message']['id']}", json={"message": "still here"})
            page = (await client.get("/api/rooms/general/messages")).raise_for_status().json()["data"]
            assert edit.is_success, edit.text
            assert [message["message"] for message in page] == ["still here"]
            assert (await client.get("/readyz")).status_code == 200
    pg18.drop(name)
