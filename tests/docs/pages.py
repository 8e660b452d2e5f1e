"""What a reader of a page has before beginning it, where that is not what every reader has (`stage.py`).

And, in one place, the programs that no test starts, with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

# Programs of other machines, of root, or of minutes. The commands they stand in are not run; what these say of Hubbub
# (commands, options, settings, files) is checked all the same.
ELSEWHERE = {
    "docker": "needs a Docker daemon",
    "git": "the reader's own repository",
    "heroku": "needs an account there",
    "journalctl": "needs systemd as the machine's init",
    "kubectl": "needs a cluster",
    "make": "`make -n`: the target is there; what it does takes minutes, or is this very run",
    "pip": "tests/integration/packaging/test_wheel.py installs the wheel, and serves by it",
    "python": "the bench and the campaigns take minutes; `make test` runs the campaigns",
    "sudo": "changes the machine",
    "sudoedit": "changes the machine",
}

# Pages all of whose blocks are seen to elsewhere.
RUN_BY = {
    "docs/reference/": "tests/meta/test_docs.py",
}


@dataclass(frozen=True)
class Page:
    """How a page's reader begins.

    Attributes:
        begins: `chat`: DATABASE_URL leads to `chatdb`, where people have talked; `older`: there, an older backend has;
            `nothing`: no DATABASE_URL, no `chatdb`.
        sql: what somebody has done in `chatdb` before.
        shell: what somebody has done in the reader's folder before.
        instead: what the page says, and what is run in its place.
        around: for a language, what stands around the page's code where it is tried.
        proof: SQL that is true of `chatdb` afterwards.
    """

    begins: str = "chat"
    sql: str = ""
    shell: str = ""
    instead: Mapping[str, str] = field(default_factory=dict)
    around: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    proof: str = ""


PAGES = {
    "README.md": Page(
        proof="SELECT count(*) = 3 FROM messages WHERE message_text LIKE 'Hello%' AND user_id = {user}",
    ),
    "docs/quickstart.md": Page(
        begins="nothing", instead={"git clone <this repository> hubbub && cd hubbub": "git clone"}
    ),
    "docs/howto/adopt.md": Page(begins="older", proof="SELECT count(*) > 0 FROM messages WHERE seq > 1"),
    "docs/howto/backup.md": Page(
        instead={
            # The disk is lost before the first of the two commands; and the newest backup, whatever its hour.
            "hubbub restore /mnt": "dropdb -f chatdb && createdb chatdb && hubbub restore /mnt",
            "/mnt/backups/hubbub-20261126T020000Z": '"$(ls -d /mnt/backups/hubbub-* | tail -1)"',
        },
        proof="SELECT count(*) = 3 FROM messages",
    ),
    "docs/howto/clients.md": Page(
        around={"js": ("const currentToken = () => token;", "if (!answer.success) throw new Error(answer.code);")}
    ),
    "docs/howto/javascript.md": Page(
        instead={"https://chat.example.org/js/client/": "{root}/src/hubbub/web/js/client/"},
        around={
            "js": (
                "const user = { userId: {user} }, roomId = {room}, currentToken = () => token;\n"
                "const [loadLastPage, show, showWaiting, offerAgain] = Array(4).fill(() => undefined);",
                'await new Promise((stored, failed) => { client.on("stored", stored); client.on("failed", failed); });',
            )
        },
        proof="SELECT count(*) = 1 FROM messages WHERE message_text = 'Hello'",
    ),
    "docs/howto/promote.md": Page(
        begins="nothing",
        shell="hubbub bench seed --messages 100 --rooms 3 --users 5",
        proof="SELECT count(*) = 100 FROM messages",
    ),
    "docs/howto/secure.md": Page(
        instead={"hubbub_app'": "hubbub_app' <<< $'one\\none'", "hubbub_report'": "hubbub_report' <<< $'two\\ntwo'"},
        proof="SELECT count(rolpassword) = 2 FROM pg_authid WHERE rolname IN ('hubbub_app', 'hubbub_report')",
    ),
    "docs/howto/seed.md": Page(begins="nothing", instead={"1e7": "1e2"}),
    "docs/howto/sql.md": Page(
        sql="""
            CREATE ROLE shop;
            CREATE TABLE orders (order_id int PRIMARY KEY, paid boolean); INSERT INTO orders VALUES (7, false);
            INSERT INTO rooms (room_name) VALUES ('orders'); INSERT INTO users (username) VALUES ('shop-bot');
            INSERT INTO room_members (room_id, user_id) SELECT room_id, user_id FROM rooms, users
            WHERE room_name = 'orders' AND username = 'shop-bot';
        """,
        shell="createdb restored",
        proof="SELECT count(*) = 1 FROM messages WHERE message_text = 'Order 7 is paid.'",
    ),
    "docs/howto/watch.md": Page(instead={"/tmp/prometheus": "prometheus"}),
}
