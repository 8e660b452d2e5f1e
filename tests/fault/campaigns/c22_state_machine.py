"""C22: any sequence of what people do, with retries, resumes from any age and crashes in between, beside a model of it.

After each step the rooms are in the database as they are in the model; what `sync` gives from an old number is exactly what
changed in the model since. A sequence that fails is made as short as it can be, and shown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar
from uuid import UUID

import asyncpg
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tests.fault.campaigns.c27_late_duplicates import rest
from tests.fault.harness.campaign import Run, campaign
from tests.fault.harness.client import AnySocket, connect
from tests.fault.harness.load import TOKEN_SECONDS, Size
from tests.fault.harness.world import World, world
from tests.support import people
from tests.support.people import Person

NOBODY: Final = Size(senders=1, rooms=1, rate=1, listeners=1)  # the load's people are beside the point here
NAMES: Final = ("ann", "bob", "carl")
STEPS: Final = 50
T = TypeVar("T")
who = st.sampled_from(NAMES)
pick = st.integers(0, 10**6)


@dataclass
class Said:
    """A message as the model has it."""

    id: str
    seq: int
    change_seq: int
    author: str
    client_id: str
    text: str
    deleted: bool = False
    edits: list[tuple[str, str, int]] = field(default_factory=list)  # client id, text, number answered


@dataclass
class ModelRoom:
    """A public room as the model has it."""

    id: str
    last_seq: int = 0
    said: list[Said] = field(default_factory=list)
    members: dict[str, tuple[bool, int]] = field(default_factory=dict)
    marks: dict[str, tuple[int, int]] = field(default_factory=dict)  # delivered, read

    def number(self) -> int:
        self.last_seq += 1
        return self.last_seq

    def is_in(self, name: str) -> bool:
        return self.members.get(name, (False, 0))[0]


class Bench:
    """What all sequences share: a node, a connection to the database, the campaign's loop."""

    def __init__(self, run: Run, here: World, db: asyncpg.Connection, loop: asyncio.AbstractEventLoop) -> None:
        self.run, self.here, self.db, self.loop = run, here, db, loop
        self.sequences = self.steps = self.crashes = 0

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the campaign's loop, from the thread of the state machine."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)


bench: Bench


class Chat(RuleBasedStateMachine):
    """One sequence, with accounts and a room of its own."""

    @initialize()
    def begin(self) -> None:
        bench.sequences += 1
        self.count = 0
        self.sockets: dict[str, AnySocket] = {}
        self.people: dict[str, Person] = {}
        bench.do(self._begin())
        for name in "ann", "bob":  # something to repeat and to undo from the first step on
            self.join(name, True)
            self.send(name, 1)
        self.edit("ann", 0)
        self.edit("ann", 0)

    async def _begin(self) -> None:
        mark = f"{bench.sequences}_{bench.run.chance.getrandbits(32):x}"
        for name in NAMES:
            self.people[name] = await people.sign_up(bench.db, f"{name}{mark}", expires_in=TOKEN_SECONDS)
        self.room = ModelRoom(str(await people.room(bench.db, f"room{mark}")))
        ready: asyncio.Future[Any] = bench.loop.create_future()

        def take(event: str, data: Any) -> None:
            if event == "ready":
                ready.set_result(data)

        self.sockets["ann"] = await connect(bench.here.nodes[0].url, self.people["ann"].token, "websocket", take)
        self.epoch = (await ready)["epoch"]

    def teardown(self) -> None:
        for socket in getattr(self, "sockets", {}).values():
            bench.do(socket.close())

    async def socket(self, name: str) -> AnySocket:
        found = self.sockets.get(name)
        if found is None or found.closed.is_set():
            url = bench.here.nodes[0].url
            found = self.sockets[name] = await connect(url, self.people[name].token, "websocket", lambda _e, _d: None)
        return found

    def call(self, name: str, event: str, data: dict[str, Any]) -> dict[str, Any]:
        async def work() -> dict[str, Any]:
            return await (await self.socket(name)).call(event, data, timeout=20)

        bench.steps += 1
        return bench.do(work())

    def fresh(self) -> str:
        self.count += 1
        return f"id-{self.count}"

    def expect(self, answer: dict[str, Any], want: dict[str, Any] | str) -> None:
        if isinstance(want, str):
            assert (answer["success"], answer.get("code")) == (False, want), answer
        else:
            assert {key: answer.get(key) for key in ("success", *want)} == {"success": True, **want}, (answer, want)

    @rule(name=who, by_rest=st.booleans())
    def join(self, name: str, by_rest: bool) -> None:
        if by_rest:
            path = f"/api/rooms/{self.room.id}/join"
            bench.do(rest(bench.here.nodes[0].url, "POST", path, self.people[name], {}))
        else:
            self.expect(self.call(name, "join", {"room": self.room.id}), {"roomId": self.room.id})
        if not self.room.is_in(name):
            number = self.room.number()
            if name not in self.room.members:
                self.room.marks[name] = (number, number)
            self.room.members[name] = (True, number)

    @precondition(lambda self: self.room.members)
    @rule(name=who)
    def leave(self, name: str) -> None:
        bench.do(rest(bench.here.nodes[0].url, "POST", f"/api/rooms/{self.room.id}/leave", self.people[name], {}))
        if self.room.is_in(name):
            self.room.members[name] = (False, self.room.number())

    @rule(name=who, times=st.integers(1, 3))
    def send(self, name: str, times: int) -> None:
        """Once, or several times at once: it is one message."""
        client_id = self.fresh()
        data = {"room": self.room.id, "message": f"text of {client_id}", "clientId": client_id}

        async def work() -> list[dict[str, Any]]:
            socket = await self.socket(name)
            return list(await asyncio.gather(*(socket.call("send-message", data, timeout=20) for _ in range(times))))

        answers = bench.do(work())
        bench.steps += 1
        if not self.room.is_in(name):
            for answer in answers:
                self.expect(answer, "not_found")
            return
        number = self.room.number()
        for answer in answers:
            self.expect(answer, {"seq": number, "id": answers[0]["id"]})
        assert sum(not answer["duplicate"] for answer in answers) == 1
        self.room.said.append(Said(answers[0]["id"], number, number, name, client_id, data["message"]))

    @precondition(lambda self: self.room.said)
    @rule(which=pick, other=st.booleans())
    def retry(self, which: int, other: bool) -> None:
        """A send of any age again, of a member or not; with another text it is a conflict, unless that is gone."""
        one = self.room.said[which % len(self.room.said)]
        text = "another text" if other else f"text of {one.client_id}"
        data = {"room": self.room.id, "message": text, "clientId": one.client_id}
        answer = self.call(one.author, "send-message", data)
        if other and not one.deleted:
            self.expect(answer, "conflict")
        else:
            self.expect(answer, {"seq": one.seq, "id": one.id, "duplicate": True})

    @precondition(lambda self: self.room.said)
    @rule(name=who, which=pick)
    def edit(self, name: str, which: int) -> None:
        one = self.room.said[which % len(self.room.said)]
        client_id = self.fresh()
        text = f"edit {client_id}"
        answer = self.call(name, "edit-message", {"id": one.id, "message": text, "clientId": client_id})
        if name != one.author or not self.room.is_in(name):
            self.expect(answer, "forbidden")
        elif one.deleted:
            self.expect(answer, "gone")
        else:
            one.change_seq, one.text = self.room.number(), text
            self.expect(answer, {"id": one.id, "changeSeq": one.change_seq})
            one.edits.append((client_id, text, one.change_seq))

    @precondition(lambda self: any(one.edits for one in self.room.said))
    @rule(which=pick, other=st.booleans())
    def edit_again(self, which: int, other: bool) -> None:
        """An edit of any age again: it is answered as the first time, and undoes nothing."""
        edits = [(one, *edit) for one in self.room.said for edit in one.edits]
        one, client_id, text, number = edits[which % len(edits)]
        data = {"id": one.id, "message": "another" if other else text, "clientId": client_id}
        answer = self.call(one.author, "edit-message", data)
        self.expect(answer, "conflict" if other else {"id": one.id, "changeSeq": number})

    @precondition(lambda self: self.room.said)
    @rule(name=who, which=pick)
    def delete(self, name: str, which: int) -> None:
        one = self.room.said[which % len(self.room.said)]
        answer = self.call(name, "delete-message", {"id": one.id})
        if name != one.author:
            self.expect(answer, "forbidden")
        elif one.deleted:
            self.expect(answer, {"changeSeq": one.change_seq})
        elif not self.room.is_in(name):
            self.expect(answer, "not_found")
        else:
            one.deleted, one.text, one.change_seq = True, "", self.room.number()
            self.expect(answer, {"id": one.id, "changeSeq": one.change_seq})

    @precondition(lambda self: self.room.said)
    @rule(name=who, which=pick, is_read=st.booleans())
    def mark(self, name: str, which: int, is_read: bool) -> None:
        one = self.room.said[which % len(self.room.said)]
        answer = self.call(name, "message-read" if is_read else "message-delivered", {"messageId": one.id})
        if not self.room.is_in(name):
            self.expect(answer, "not_found")
            return
        delivered, read = self.room.marks[name]
        self.room.marks[name] = (max(delivered, one.seq), max(read, one.seq) if is_read else read)
        delivered, read = self.room.marks[name]
        self.expect(answer, {"deliveredSeq": delivered, "readSeq": read})

    @rule(name=who, share=st.floats(0, 1), ahead=st.booleans())
    def resume(self, name: str, share: float, ahead: bool) -> None:
        """From any number there was; from one that there was not, it is to be told so."""
        cursor = self.room.last_seq + 1 if ahead else int(share * self.room.last_seq)
        answer = self.call(name, "sync", {"epoch": self.epoch, "rooms": {self.room.id: cursor}})
        self.expect(answer, "resync_required" if ahead else {"epoch": self.epoch})
        if ahead:
            return
        page = answer["rooms"][self.room.id]
        assert (page["upTo"], page["more"]) == (self.room.last_seq, False)
        got = [
            (one["changeSeq"], one["id"], one["seq"], one["message"], one["deleted"])
            if one["type"] == "message"
            else (one["changeSeq"], one["userId"], one["active"])
            for one in page["changes"]
        ]
        want: list[Any] = [
            (one.change_seq, one.id, one.seq, one.text, one.deleted)
            for one in self.room.said
            if one.change_seq > cursor
        ]
        want += [
            (number, self.people[person].id, active)
            for person, (active, number) in self.room.members.items()
            if number > cursor
        ]
        assert got == sorted(want), (cursor, got, want)

    @rule(odds=st.integers(1, 15))
    def crash(self, odds: int) -> None:
        """Once in a while the node is killed and started again; nothing is forgotten."""
        if odds == 7:
            bench.crashes += 1
            bench.do(self._crash())

    async def _crash(self) -> None:
        await bench.here.nodes[0].kill()
        await bench.here.nodes[0].start()

    @invariant()
    def the_database_is_the_model(self) -> None:
        if hasattr(self, "room"):
            bench.do(self._compare())

    async def _compare(self) -> None:
        room_id = UUID(self.room.id)
        assert await bench.db.fetchval("SELECT last_seq FROM rooms WHERE room_id = $1", room_id) == self.room.last_seq
        rows = await bench.db.fetch("SELECT * FROM messages WHERE room_id = $1 ORDER BY seq", room_id)
        assert [
            (str(row["message_id"]), row["seq"], row["change_seq"], row["message_text"], row["is_deleted"])
            for row in rows
        ] == [(one.id, one.seq, one.change_seq, one.text, one.deleted) for one in self.room.said]
        rows = await bench.db.fetch("SELECT * FROM room_members WHERE room_id = $1", room_id)
        names = {person.user_id: name for name, person in self.people.items()}
        assert {
            names[row["user_id"]]: (row["is_active"], row["change_seq"], row["delivered_seq"], row["read_seq"])
            for row in rows
        } == {name: (*state, *self.room.marks[name]) for name, state in self.room.members.items()}


@campaign("C22", "any sequence of commands", short=12, nightly=300, unit="sequences")
async def c22(run: Run) -> None:
    global bench
    async with world(run, nodes=1, size=NOBODY, env={"HUBBUB_SEND_RATE": "0"}) as here:
        await here.start()
        async with here.sql() as db:
            bench = Bench(run, here, db, asyncio.get_running_loop())
            how = settings(
                max_examples=run.count, stateful_step_count=STEPS if run.nightly else 20, deadline=None, database=None,
                suppress_health_check=list(HealthCheck), print_blob=False, phases=(Phase.generate, Phase.shrink),
            )  # fmt: skip
            seed(run.seed)(Chat)
            try:
                await asyncio.to_thread(run_state_machine_as_test, Chat, settings=how)
            except AssertionError as error:
                run.violate("I5", "\n".join([str(error), *getattr(error, "__notes__", [])])[:2_000])
            run.bit(bench.sequences)
            run.figures |= {"steps": bench.steps, "crashes": bench.crashes}
        await here.finish()
