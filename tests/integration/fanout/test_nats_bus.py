"""The `nats` bus beyond its contract: who hears what, what breaks and heals, who may sign in, what is forged."""

from __future__ import annotations

import asyncio
import math
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import quote
from uuid import UUID

import nats
import nats.aio.client
import pytest
import trustme
from tests.docs.markdown import blocks
from tests.support.bus import DEPLOYMENT, ROOM, BusNode, change, nats_bus
from tests.support.nats import NatsServer, Operator, nats_server
from tests.support.people import SECRET
from tests.support.process import eventually, free_port

from hubbub.domain.changes import Change, Reached, Renamed, Told
from hubbub.domain.events import UserJoined, UserTyping
from hubbub.event_loop import loop_factory
from hubbub.fanout import codec
from hubbub.fanout.line_bus import DEAF_SECONDS, PAYLOAD_BYTES, QUEUE_MAX
from hubbub.fanout.nats_connection import PATIENCE_SECONDS

OTHER_ROOM = UUID(int=9)
HEAL_SECONDS = 20.0  # pauses between tries grow to one second; the rest is for a machine that is busy


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[NatsServer]:
    async with nats_server(tmp_path) as server:
        yield server


@pytest.fixture
async def nodes(server: NatsServer) -> AsyncIterator[tuple[BusNode, BusNode]]:
    async with AsyncExitStack() as stack:
        made = BusNode(nats_bus(server.url)), BusNode(nats_bus(server.url))
        for node in made:
            stack.push_async_callback(node.bus.close)
            await node.start()
        for node in made:
            await node.hears()
        yield made


async def reaches(one: BusNode, two: BusNode, number: int) -> None:
    one.bus.publish(change(number))
    await eventually(lambda: change(number) in two.heard, HEAL_SECONDS)


async def test_a_node_hears_the_rooms_it_follows_and_what_is_of_no_room(nodes: tuple[BusNode, BusNode]) -> None:
    one, two = nodes
    who = {"user_id": UUID(int=2), "username": "ann", "display_name": "Ann", "room": "other", "room_id": OTHER_ROOM}
    joined = Change(
        room_id=OTHER_ROOM,
        number=2,
        event="user-joined",
        data=UserJoined(**who, avatar=None, message="Ann", timestamp="2026-11-22T10:00:00.000Z", change_seq=2),
    )
    typing = Told(room_id=OTHER_ROOM, event="user-typing", data=UserTyping(**who, is_typing=True))
    renamed = Renamed(user_id=UUID(int=2), display_name="Anna", avatar=None)
    elsewhere = [change(1, room_id=OTHER_ROOM), joined, typing]
    for hint in (*elsewhere, change(1), renamed):
        one.bus.publish(hint)
    await eventually(lambda: renamed in two.heard)
    await eventually(lambda: change(1) in two.heard)
    assert [hint for hint in two.heard if hint in elsewhere] == [joined]  # whoever joins may have sockets anywhere
    two.bus.follow(OTHER_ROOM, True)
    two.heard.clear()
    for number in range(2, 1_000):  # until the server has heard of it
        one.bus.publish(change(number, room_id=OTHER_ROOM))
        await asyncio.sleep(0.01)
        if two.heard:
            break
    one.bus.publish(typing)
    await eventually(lambda: typing in two.heard)
    two.bus.follow(OTHER_ROOM, False)
    for number in range(1_000, 2_000):
        two.heard.clear()
        one.bus.publish(change(number, room_id=OTHER_ROOM))
        await reaches(one, two, number)
        if two.heard == [change(number)]:
            break
    else:
        pytest.fail("a room that is followed no longer is still heard")


async def test_what_is_published_in_one_turn_leaves_together_for_each_room(nodes: tuple[BusNode, BusNode]) -> None:
    one, two = nodes
    two.bus.follow(OTHER_ROOM, True)
    hints = [change(number, room_id=(ROOM, OTHER_ROOM)[number % 2]) for number in range(1, 1_001)]
    before = one.bus.stats.statements
    for hint in hints:
        one.bus.publish(hint)
    await eventually(lambda: len([hint for hint in two.heard if hint.room_id == ROOM]) == 500)  # type: ignore[union-attr]
    assert [hint for hint in two.heard if hint.room_id == ROOM] == hints[1::2]  # type: ignore[union-attr]
    assert one.heard == hints  # at home they are delivered once
    assert one.bus.stats.statements - before <= 4  # 300 kB in payloads of 128 kB; a beat may fall into it
    assert one.bus.stats.sent == 1_000


async def test_a_change_too_large_for_a_payload_goes_as_a_pointer(nodes: tuple[BusNode, BusNode]) -> None:
    one, two = nodes
    for hint in (change(1), change(2, "x" * PAYLOAD_BYTES), change(3)):
        one.bus.publish(hint)
    await eventually(lambda: len(two.heard) == 3)
    assert two.heard == [change(1), Reached(room_id=ROOM, number=2), change(3)]


async def test_a_server_that_is_killed_and_comes_back(nodes: tuple[BusNode, BusNode], server: NatsServer) -> None:
    one, two = nodes
    for times in (1, 2):
        await server.kill()
        await eventually(lambda: one.bus.fault is not None and two.bus.fault is not None)
        one.bus.publish(change(times))
        await asyncio.sleep(0.2)
        await server.start()
        await eventually(lambda times=times: one.gaps == two.gaps == times + 1, HEAL_SECONDS)  # one when it began
        await one.hears()
        await two.hears()
        await reaches(one, two, 10 + times)
        await reaches(two, one, 20 + times)
    assert one.bus.stats.reconnects == two.bus.stats.reconnects == 2


async def test_a_server_that_hangs_is_seen_and_given_up(nodes: tuple[BusNode, BusNode], server: NatsServer) -> None:
    one, two = nodes
    server.send_signal(signal.SIGSTOP)
    for number in range(1, 1_001):
        one.bus.publish(change(number, "x" * 10_000))  # more than sockets hold
    await eventually(lambda: one.bus.fault is not None and two.bus.fault is not None, DEAF_SECONDS + 5)
    assert one.bus.fault == "other processes cannot be heard"
    await eventually(
        lambda: math.isinf(one.bus.stats.silence) and math.isinf(two.bus.stats.silence), PATIENCE_SECONDS + 5
    )
    server.send_signal(signal.SIGCONT)
    await one.hears(HEAL_SECONDS)
    await two.hears(HEAL_SECONDS)
    await reaches(one, two, 2_000)
    await reaches(two, one, 2_001)
    assert one.gaps >= 2
    assert two.gaps >= 2


async def test_it_begins_without_a_server_and_the_queue_is_bounded(tmp_path: Path) -> None:
    port = free_port()
    node = BusNode(nats_bus(f"nats://127.0.0.1:{port}"))
    await node.start()
    try:
        assert node.bus.fault == "other processes cannot be heard"
        for number in range(1, QUEUE_MAX + 501):
            node.bus.publish(change(number))
            if number % 1_000 == 0:
                await asyncio.sleep(0)
        await eventually(lambda: len(node.heard) == QUEUE_MAX + 500)
        assert node.bus.stats.lost == 500
        async with nats_server(tmp_path, port=port):
            await node.hears(HEAL_SECONDS)
            assert node.gaps == 1
            await eventually(lambda: node.bus.stats.sent == QUEUE_MAX)
    finally:
        await node.bus.close()


async def test_deployments_that_share_a_server_do_not_hear_each_other(server: NatsServer) -> None:
    here, there = BusNode(nats_bus(server.url)), BusNode(nats_bus(server.url, deployment="another"))
    try:
        for node in (here, there):
            await node.start()
            await node.hears()
        here.bus.publish(change(1))
        await asyncio.sleep(0.2)
        assert (there.heard, there.bus.stats.refused) == ([], 0)
    finally:
        await here.bus.close()
        await there.bus.close()


async def test_what_is_forged_is_dropped_and_counted(nodes: tuple[BusNode, BusNode], server: NatsServer) -> None:
    """B110 to B114: a wrong signature, a body for another room, pickle bytes, much too much; and garbage."""
    one, two = nodes
    everyone, room = f"hubbub.{DEPLOYMENT}.all", f"hubbub.{DEPLOYMENT}.room.{ROOM.hex}"
    hint = [codec.pack(change(1, "forged"))]
    ours = codec.Envelope(SECRET, DEPLOYMENT, "e" * 32)
    theirs = codec.Envelope("another key, of 32 characters or more", DEPLOYMENT, "e" * 32)
    forged = [
        (room, theirs.close(room, 0, hint)),
        (room, ours.close(f"hubbub.{DEPLOYMENT}.room.{OTHER_ROOM.hex}", 0, hint)),
        (everyone, ours.close(room, 0, hint)),
        (room, b"cos\nsystem\n(S'true'\ntR."),
        (room, b""),
        (everyone, b"\xff" * 200),
        (room, ours.close(room, 0, [b"x" * PAYLOAD_BYTES])),
        (everyone, b"\x00" * 8_000_000),
    ]
    client = await nats.connect(server.url)
    try:
        for subject, payload in forged:
            await client.publish(subject, payload)
        await client.publish(room, ours.close(room, 0, [b'["newer",1]']))
        await client.publish(room, ours.close(room, 0, [codec.pack(change(2))]))
        await client.flush()
        await eventually(lambda: change(2) in two.heard)
    finally:
        await client.close()
    assert two.heard == [change(2)]
    assert two.bus.stats.refused == one.bus.stats.refused == len(forged)
    assert two.bus.stats.unreadable == 1
    await reaches(one, two, 3)
    assert (one.gaps, two.gaps) == (1, 1)  # nobody was put out of the way by it


async def test_passwords_tokens_and_credentials_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine, other = Operator(), Operator()
    for name, operator in (("mine", mine), ("other", other)):
        (tmp_path / f"{name}.creds").write_text(operator.credentials)
    (manual,) = [block.text for block in blocks("docs/howto/nodes.md") if block.run_by]
    configs = {
        "password": 'authorization { user: "ann", password: "p@ss,word" }',
        "token": 'authorization { token: "s3cret" }',
        "file": mine.config,
        "manual": manual,
    }
    async with AsyncExitStack() as stack:
        urls = {}
        for name, config in configs.items():
            (tmp_path / name).mkdir()
            urls[name] = (await stack.enter_async_context(nats_server(tmp_path / name, config))).url
        right = [
            nats_bus(urls["password"].replace("//", "//ann:p%40ss%2Cword@")),
            nats_bus(urls["token"].replace("//", "//s3cret@")),
            nats_bus(urls["file"], credentials=str(tmp_path / "mine.creds")),
            nats_bus(urls["manual"].replace("//", f"//hubbub:{quote('…')}@")),
        ]
        wrong = [
            nats_bus(urls["password"].replace("//", "//ann:guess@")),
            nats_bus(urls["token"].replace("//", "//guess@")),
            nats_bus(urls["file"], credentials=str(tmp_path / "other.creds")),
            nats_bus(urls["file"]),
        ]
        try:
            await asyncio.gather(*(bus.start(lambda _: None) for bus in (*right, *wrong)))
            await eventually(lambda: all(bus.fault is None for bus in right))
            assert all(bus.fault is not None for bus in wrong)
        finally:
            await asyncio.gather(*(bus.close() for bus in (*right, *wrong)))
    said = capsys.readouterr().out
    assert "authorization violation" in said.lower()
    assert "guess" not in said


def test_tls_is_verified_both_ways_and_never_given_up(tmp_path: Path) -> None:
    """On the event loop that `serve` runs on."""
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(verify_tls(tmp_path))


async def verify_tls(tmp_path: Path) -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    files = {"ca": authority.cert_pem, "stranger": stranger.cert_pem}
    for name, of in (("server", "127.0.0.1"), ("node", "node.example"), ("misnamed", "elsewhere.example")):
        made = authority.issue_cert(of)
        files |= {f"{name}-cert": made.cert_chain_pems[0], f"{name}-key": made.private_key_pem}
    for name, pem in files.items():
        pem.write_to_path(str(tmp_path / f"{name}.pem"))

    def at(name: str) -> str:
        return str(tmp_path / f"{name}.pem")

    def config(name: str) -> str:
        return f'tls {{ cert_file: "{at(name + "-cert")}", key_file: "{at(name + "-key")}", ca_file: "{at("ca")}", verify: true }}'

    for name in ("one", "two", "three"):
        (tmp_path / name).mkdir()
    async with (
        nats_server(tmp_path / "one", config("server")) as right,
        nats_server(tmp_path / "two", config("misnamed")) as misnamed,
        nats_server(tmp_path / "three") as server,
    ):
        mine = {"certificate": at("node-cert"), "key": at("node-key")}
        secure = right.url.replace("nats:", "tls:")
        cases = {
            "good": nats_bus(secure, ca=at("ca"), **mine),
            "the server's own wish": nats_bus(right.url, ca=at("ca"), **mine),
            "without": nats_bus(server.url),
            "another authority": nats_bus(secure, ca=at("stranger"), **mine),
            "the system's authorities": nats_bus(secure, **mine),
            "without a certificate of our own": nats_bus(secure, ca=at("ca")),
            "another name": nats_bus(misnamed.url.replace("nats:", "tls:"), ca=at("ca"), **mine),
            "a server without TLS": nats_bus(server.url.replace("nats://", "tls://ann:s3cret@"), ca=at("ca")),
        }
        try:
            await asyncio.gather(*(bus.start(lambda _: None) for bus in cases.values()))
            heard = {name for name, bus in cases.items() if bus.fault is None}
            assert heard == {"good", "the server's own wish", "without"}
        finally:
            await asyncio.gather(*(bus.close() for bus in cases.values()))
