"""C29: somebody guesses passwords, 200 a second, from one address; whoever knows theirs, elsewhere, signs in all the same."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import time
from collections import Counter
from typing import Final
from urllib.parse import urlsplit

from tests.fault.harness.campaign import Run, campaign
from tests.fault.harness.history import History
from tests.fault.harness.world import world
from tests.support.raw_client import Answer, read_answer

from hubbub.domain import limits

PER_SECOND: Final = 200
ATTACKER: Final = "127.0.0.2"  # all of 127.0.0.0/8 is this machine
AT_ONCE: Final = 100
BATCH: Final = 100
HONEST: Final = "127.0.0.3"
PASSWORD: Final = "correct horse"
REFUSED: Final = 0.95  # of the flood, before a password is hashed
P99_SECONDS: Final = 1.0  # of sends meanwhile, at night, when nothing runs beside it


@campaign("C29", "200 guesses of passwords a second", short=1_600, nightly=60_000, unit="guesses", alone=True)
async def c29(run: Run) -> None:
    async with world(run, nodes=2) as here:
        await here.start()
        urls = here.nodes.urls()
        answer = await post(
            urls[0], HONEST, "register", {"username": "honest", "email": "h@example.org", "password": PASSWORD}
        )
        assert answer.status == 201, answer.text
        await here.load.acknowledged(100)
        quiet = p99(here.history, 0.0)

        here.fault("the flood begins")
        began = time.monotonic()
        honest = Counter[int]()
        signing_in = asyncio.create_task(sign_in_again_and_again(urls, honest))
        flood = await guess(run, urls)
        signing_in.cancel()
        await asyncio.gather(signing_in, return_exceptions=True)
        here.fault("the flood is over")
        meanwhile = p99(here.history, began)

        refused = (flood[429] + flood[503]) / flood.total()
        if set(flood) - {401, 429, 503}:
            run.violate("I11", f"guesses were answered {dict(flood)}")
        # A short flood is over before the limit of a minute weighs: there the guesses that were heard are counted.
        most = 2 * limits.FAILURES_OF_ADDRESS * math.ceil((time.monotonic() - began) / 60)
        if refused < REFUSED and (run.nightly or flood[401] > most):
            run.violate("I11", f"only {refused:.1%} of the guesses were refused unheard, {flood[401]} were heard")
        if set(honest) - {200, 503} or honest[503] > honest[200] or not honest[200]:
            run.violate("I11", f"who knows the password was answered {dict(honest)}")
        if run.nightly and meanwhile > max(P99_SECONDS, 2 * quiet):
            run.violate("I11", f"sends took {meanwhile:.2f} s (p99) meanwhile, {quiet:.2f} s before")
        run.figures |= {
            "guesses_a_second": round(flood.total() / (time.monotonic() - began)), "refused_percent": round(refused * 100, 1),
            "p99_before_ms": round(quiet * 1000), "p99_meanwhile_ms": round(meanwhile * 1000),
            "signed_in": honest[200], "asked_to_wait": honest[503],
        }  # fmt: skip
        await here.finish()


async def guess(run: Run, urls: list[str]) -> Counter[int]:
    """The flood: every few milliseconds one guess, some at one name, some at names that change; its answers.

    What the machine cannot take is not asked: guesses that wait for their answers are bounded.
    """
    answers: Counter[int] = Counter()
    room = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> None:
        name = "honest" if number % 4 == 0 else f"sender{number % 3}" if number % 4 == 1 else f"nobody{number}"
        try:
            answer = await post(run.chance.choice(urls), ATTACKER, "login", {"username": name, "password": "a guess"})
            answers[answer.status] += 1
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            run.figures["unanswered"] = run.figures.get("unanswered", 0) + 1
        finally:
            room.release()

    async with asyncio.TaskGroup() as flood:
        for number in range(run.count):
            await room.acquire()
            flood.create_task(one(number))
            if number % BATCH == BATCH - 1:
                run.bit(BATCH)
            await asyncio.sleep(1 / PER_SECOND)
    return answers


async def sign_in_again_and_again(urls: list[str], answers: Counter[int]) -> None:
    """Somebody who knows the password, elsewhere, once a second, at one node after the other."""
    while True:
        url = urls[answers.total() % len(urls)]
        with contextlib.suppress(TimeoutError):  # as slow as all else on a machine that is too busy
            answers[(await post(url, HONEST, "login", {"username": "honest", "password": PASSWORD})).status] += 1
        await asyncio.sleep(1.0)


async def post(url: str, source: str, what: str, body: dict[str, str]) -> Answer:
    """One request from an address of one's choice."""
    place = urlsplit(url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port, local_addr=(source, 0))
    content = json.dumps(body).encode()
    writer.write(
        f"POST /api/auth/{what} HTTP/1.1\r\nHost: {place.netloc}\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n".encode()
        + content
    )
    return await read_answer(reader, writer)


def p99(history: History, since: float) -> float:
    """Of the sends begun since then: seconds from being sent to being acknowledged, that 99 of 100 did not exceed."""
    began: dict[str, float] = {}
    took: list[float] = []
    for record in history:
        if record.op == "send" and record.phase == "invoke" and record.t_mono >= since:
            began[record.client_id] = record.t_mono
        elif record.op == "send" and record.phase == "ok" and record.client_id in began:
            took.append(record.t_mono - began[record.client_id])
    return sorted(took)[int(len(took) * 0.99)]
