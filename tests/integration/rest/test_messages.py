"""Messages over REST: send, page, edit, delete, receipts; each once, each in its place."""

from __future__ import annotations

from tests.support.rest import Rest


async def test_a_message_is_sent_and_read(rest: Rest) -> None:
    ann, ben = await rest.register(), await rest.register()
    room = await rest.room(ann, None, ben)
    sent = await rest.send(ann, room, "Hello, Ben", clientId="c-1")
    assert sent["message"] == "Hello, Ben"
    assert sent["clientId"] == "c-1"
    page = await rest("GET", f"/api/rooms/{room['roomId']}/messages", ben)
    assert page["data"] == [sent]
    assert page["total"] == 1
