"""A2: somebody was away for thirty days and a hundred thousand changes, and comes back while people go on talking.

They catch up by `sync`, page after page, exactly as the tables say, and neither their client nor the node grows by it.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final
from uuid import UUID

import asyncpg
import psutil
from tests.fault.harness.campaign import Run, campaign
from tests.fault.harness.client import connect
from tests.fault.harness.load import TOKEN_SECONDS, Size
from tests.fault.harness.world import MORE_BYTES, World, world
from tests.support import people
from tests.support.people import Person

PEOPLE: Final = Size(senders=4, rooms=5, rate=20, listeners=2)
MEMBERS: Final = 20  # of each room, beside those
PAGE_BYTES: Final = 4_000_000  # the largest answer that a client has to hold

# Thirty days of a room: of every twenty messages one was edited since, of every thirty one deleted; in their order, as a
# restored backup brings them. The rest of the counter is what those changes took.
_FILL: Final = """
    INSERT INTO messages (message_id, room_id, user_id, message_text, created_at, seq, change_seq, is_deleted, edited_at)
    SELECT gen_random_uuid(), $1, ($2::uuid[])[1 + n % 20], CASE WHEN n % 30 = 0 THEN '' ELSE 'what was said ' || n || repeat('.', n % 400) END,
        now() - interval '30 days' * (1 - n / $3::float8), $4::bigint + n,
        CASE WHEN n % 30 = 0 OR n % 20 = 0 THEN $4::bigint + $3::integer + n ELSE $4::bigint + n END,
        n % 30 = 0, CASE WHEN n % 20 = 0 THEN now() - interval '1 day' END
    FROM generate_series(1, $3::integer) AS n
"""


@campaign("A2", "thirty days away", short=4_000, nightly=100_000, unit="changes", alone=True)
async def a2(run: Run) -> None:
    async with world(run, nodes=1, size=PEOPLE) as here:
        await here.start()
        async with here.sql() as db:
            ann = await people.sign_up(db, "ann", expires_in=TOKEN_SECONDS)
            cursors = await fill(db, here, ann, run.count)
            await db.execute("VACUUM ANALYZE messages")
            await catch_up(here, run, db, ann, cursors)
        await here.finish()


async def fill(db: asyncpg.Connection, here: World, ann: Person, count: int) -> dict[str, int]:
    """Ann's rooms, as she left them and as they are; where she stopped."""
    crowd = [(await people.sign_up(db, f"member{number}")).user_id for number in range(MEMBERS)]
    cursors = {}
    names = [f"old{number}" for number in range(5)]
    for number, name in enumerate(names):
        room = await people.room(db, name, ann)
        for person in crowd:
            await people.members.add(db, person, room, person, True)
        at = cursors[str(room)] = await db.fetchval("SELECT last_seq FROM rooms WHERE room_id = $1", room)
        share = count * (9, 4, 3, 2, 2)[number] // 20
        async with db.transaction():
            await db.execute("SET LOCAL session_replication_role = replica")
            await db.execute(_FILL, room, crowd, share, at)
            await db.execute(
                "UPDATE rooms SET last_seq = $2, message_count = (SELECT count(*) FROM messages AS m WHERE m.room_id = $1"
                " AND NOT is_deleted), last_message_at = now() - interval '1 minute' WHERE room_id = $1",
                room, at + 2 * share,
            )  # fmt: skip
        for person in crowd[:3]:
            await db.execute(
                "UPDATE room_members SET is_active = false WHERE room_id = $1 AND user_id = $2", room, person
            )
        await db.execute("UPDATE rooms SET description = 'new' WHERE room_id = $1", room)
    return cursors


async def catch_up(here: World, run: Run, db: asyncpg.Connection, ann: Person, cursors: dict[str, int]) -> None:
    """All of it, by `sync`, each page held against the tables as it comes."""
    process = psutil.Process()
    node = here.nodes[0]
    ends = {str(row["room_id"]): row["last_seq"] for row in await db.fetch("SELECT room_id, last_seq FROM rooms")}
    ready: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def take(event: str, data: Any) -> None:
        if event == "ready" and not ready.done():
            ready.set_result(data)

    socket = await connect(node.url, ann.token, "websocket", take)
    epoch = (await ready)["epoch"]
    own, theirs = process.memory_info().rss, (await node.sample()).rss
    most_own, most_theirs = own, theirs
    asked, pages, slowest = dict(cursors), 0, 0.0
    while asked:
        began = time.monotonic()
        answer = await socket.call("sync", {"epoch": epoch, "rooms": asked}, timeout=30)
        slowest = max(slowest, time.monotonic() - began)
        pages += 1
        assert answer["success"], answer
        again = {}
        for room_id, page in answer["rooms"].items():
            await compare(run, db, UUID(room_id), asked[room_id], page)
            run.bit(len(page["changes"]))
            if page["more"]:
                again[room_id] = page["upTo"]
            elif page["upTo"] < ends[room_id]:
                run.violate("I4", f"a room ended at {page['upTo']} of {ends[room_id]}")
        if asked.keys() != answer["rooms"].keys():
            run.violate("I4", f"{asked.keys() - answer['rooms'].keys()} were left out")
        asked = again
        most_own = max(most_own, process.memory_info().rss)
        if pages % 10 == 0:
            most_theirs = max(most_theirs, (await node.sample()).rss)
    await socket.close()
    for what, before, most in (("the node", theirs, most_theirs), ("the client", own, most_own)):
        if most > before + MORE_BYTES:
            run.violate("I12", f"{what} went from {before >> 20} MB to {most >> 20} MB over {pages} pages")
    run.figures |= {
        "pages": pages, "slowest_page_ms": round(slowest * 1000),
        "node_grew_mb": round((most_theirs - theirs) / 1e6, 1), "client_grew_mb": round((most_own - own) / 1e6, 1),
    }  # fmt: skip


async def compare(run: Run, db: asyncpg.Connection, room_id: UUID, after: int, page: dict[str, Any]) -> None:
    """One page of one room is what the tables have between its two numbers; nobody writes there meanwhile."""
    want: list[Any] = [
        ("message", row["change_seq"], str(row["message_id"]), row["seq"], row["message_text"], row["is_deleted"])
        for row in await db.fetch(
            "SELECT * FROM messages WHERE room_id = $1 AND change_seq > $2 AND change_seq <= $3",
            room_id,
            after,
            page["upTo"],
        )
    ]
    want += [
        ("member", row["change_seq"], str(row["user_id"]), row["is_active"])
        for row in await db.fetch(
            "SELECT * FROM room_members WHERE room_id = $1 AND change_seq > $2 AND change_seq <= $3",
            room_id, after, page["upTo"],
        )
    ]  # fmt: skip
    want += [
        ("room", row["change_seq"], row["description"])
        for row in await db.fetch(
            "SELECT * FROM rooms WHERE room_id = $1 AND change_seq > $2 AND change_seq <= $3",
            room_id,
            after,
            page["upTo"],
        )
    ]
    got: list[Any] = []
    for change in page["changes"]:
        head = (change["type"], change["changeSeq"])
        if change["type"] == "message":
            got.append((*head, change["id"], change["seq"], change["message"], change["deleted"]))
        elif change["type"] == "member":
            got.append((*head, change["userId"], change["active"]))
        else:
            got.append((*head, change["description"]))
    run.checked["I4"] += len(got)
    if got != sorted(want, key=lambda one: one[1]):
        run.violate("I4", f"a page after {after} up to {page['upTo']} is not what the tables say")
