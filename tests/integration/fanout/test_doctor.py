"""`hubbub doctor` says whether the bus can be used, and repeats no secret."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support.nats import nats_server
from tests.support.people import SECRET
from tests.support.process import free_port

from hubbub.cli.doctor import _bus
from hubbub.config import load
from hubbub.postgres.check import FAIL, OK

NODE = {"DATABASE_URL": "postgresql://x@127.0.0.1/x", "JWT_SECRET": SECRET}


async def test_what_doctor_says_of_the_bus(tmp_path: Path) -> None:
    async with nats_server(tmp_path, 'authorization { user: "ann", password: "hush" }') as server:
        at = server.url.removeprefix("nats://")
        for settings, status, words in (
            ({}, OK, "Workers of one machine"),
            ({**NODE, "HUBBUB_BUS": "postgres"}, OK, "LISTEN and NOTIFY"),
            ({**NODE, "HUBBUB_BUS": "postgres", "JWT_SECRET": ""}, FAIL, "JWT_SECRET must be set"),
            ({**NODE, "HUBBUB_BUS": f"nats://ann:hush@{at}"}, OK, f"nats://***@{at}"),
            ({**NODE, "HUBBUB_BUS": f"nats://ann:hushed@{at}"}, FAIL, "authorization violation"),
            ({**NODE, "HUBBUB_BUS": f"tls://ann:hush@{at}"}, FAIL, "the server speaks no TLS"),
            ({**NODE, "HUBBUB_BUS": f"nats://127.0.0.1:{free_port()}"}, FAIL, "tries for ever"),
            ({**NODE, "HUBBUB_BUS": f"nats://{at}", "HUBBUB_NATS_CREDENTIALS": "/nowhere"}, FAIL, "/nowhere"),
            ({**NODE, "HUBBUB_BUS": f"nats://{at},tls://{at}"}, FAIL, "all nats:// or all tls://"),
        ):
            check = await _bus(load(settings, dotenv=None))
            said = check.summary + (check.trouble.detail if check.trouble is not None else "")
            assert (check.status, words in said) == (status, True), (settings["HUBBUB_BUS"] if settings else "", said)
            assert "hush" not in said
            assert "takes this node in" not in said or re.search(r"NATS \d+\.\d+", said) or status == FAIL
