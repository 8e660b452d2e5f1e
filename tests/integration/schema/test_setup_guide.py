"""Every statement and command of the setup guide that Hubbub began from, as it is printed there (docs/howto/setup-guide.md).

What installs a server (brew, apt) or rents one (heroku) is mapped in that page, not run.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support.database import Databases, connector
from tests.support.process import ROOT

from hubbub.store import migrate

STATEMENTS = ROOT / "tests/checklist/seed.sql"
PEOPLE = """
    INSERT INTO users (username, email) VALUES ('john', 'john@example.org'), ('mary', 'mary@example.org');
    INSERT INTO room_members (room_id, user_id) SELECT room_id, user_id FROM rooms, users WHERE room_name = 'general';
    INSERT INTO messages (user_id, room_id, message_text) SELECT user_id, room_id, 'hello' FROM room_members;
"""
ROWS = "SELECT room_name, username, message_text, m.seq FROM messages m JOIN users USING (user_id) JOIN rooms USING (room_id) ORDER BY 1, 4"


@pytest.fixture(params=["pg18", "pg15"])
def databases(request: pytest.FixtureRequest) -> Iterator[Databases]:
    """A server with neither a `chatdb` nor a `chatuser`."""
    found: Databases = request.getfixturevalue(request.param)
    yield found
    found.drop("chatdb")
    found.cluster.psql("postgres", "DROP ROLE IF EXISTS chatuser")


@pytest.fixture
def shell(databases: Databases, tmp_path: Path) -> Callable[[str], str]:
    """Runs a line as somebody at that server would type it."""
    cluster = databases.cluster
    env = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PG")},
        "PATH": f"{cluster.bin_dir}:{os.environ['PATH']}", "PGHOST": str(cluster.socket_dir), "PGPORT": str(cluster.port),
        "PGUSER": "postgres", "PSQLRC": os.devnull,
    }  # fmt: skip

    def run(line: str) -> str:
        done = subprocess.run(["sh", "-c", line], check=False, cwd=tmp_path, env=env, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, ""), line
        return done.stdout

    return run


async def test_the_whole_guide(databases: Databases, shell: Callable[[str], str], tmp_path: Path) -> None:
    cluster = databases.cluster
    shell('psql postgres -c "CREATE DATABASE chatdb;"')
    assert await migrate.upgrade(connector(cluster.dsn("chatdb"))) != []  # npm run db:init
    cluster.psql("chatdb", PEOPLE)
    room = cluster.psql("chatdb", "SELECT room_id FROM rooms WHERE room_name = 'general'").strip()
    user = cluster.psql("chatdb", "SELECT user_id FROM users WHERE username = 'john'").strip()
    cluster.psql("chatdb", STATEMENTS.read_text().replace("{room}", room).replace("{user}", user))
    assert shell('psql postgres -tAc "SHOW hba_file"').strip().endswith("pg_hba.conf")
    # What the guide's GRANTs give is enough to read and write with.
    said = shell(f"psql chatdb -U chatuser -tAc \"SELECT count(*) FROM messages WHERE user_id = '{user}'\"")
    assert said.strip() == "1"

    before = cluster.psql("chatdb", ROWS)
    shell("pg_dump chatdb > backup.sql")
    shell('pg_dump chatdb > "backup_$(date +%Y%m%d_%H%M%S).sql"')
    cron = r"pg_dump chatdb > backup/chatdb_$(date +\%Y\%m\%d).sql"  # cron takes the backslashes away
    (tmp_path / "backup").mkdir()
    shell(cron.replace("\\", ""))
    assert len([path for path in tmp_path.glob("**/*.sql") if path.stat().st_size > 10_000]) == 3
    databases.drop("chatdb")
    shell("createdb chatdb")
    shell("psql -v ON_ERROR_STOP=1 chatdb < backup.sql")
    assert cluster.psql("chatdb", ROWS) == before
    assert await migrate.upgrade(connector(cluster.dsn("chatdb"))) == []
