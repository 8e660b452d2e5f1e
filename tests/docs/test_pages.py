"""Every block of the manual is run, page by page and from top to bottom, as a reader would; or says who runs it, or why not."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conformance.conftest import node_clients  # noqa: F401 - a fixture
from tests.docs import markdown
from tests.docs.pages import PAGES, RUN_BY, Page
from tests.docs.stage import LANGUAGES, World, reader
from tests.support.cluster import Cluster, wheel_bin
from tests.support.prometheus import needed

pytestmark = pytest.mark.timeout(900)


def to_run(page: str) -> list[markdown.Block]:
    if any(page.startswith(place) for place in RUN_BY):
        return []
    return [block for block in markdown.blocks(page) if block.is_run_here and block.language in LANGUAGES]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """On a server of the manual's own: its pages change settings and roles, and `hubbub doctor` wants a durable one."""
    with Cluster(wheel_bin(), durable=True, settings={"shared_preload_libraries": "pg_stat_statements"}) as server:
        yield asyncio.run(World.make(server, tmp_path_factory.mktemp("programs")))


@pytest.mark.parametrize("name", [page for page in markdown.pages() if to_run(page)])
async def test_a_reader_does_what_the_page_says(name: str, world: World, request: pytest.FixtureRequest) -> None:
    found = to_run(name)
    needs_node = any(block.language == "js" for block in found)
    modules: Path | None = request.getfixturevalue("node_clients") / "node_modules" if needs_node else None
    if any(block.text.startswith("prometheus ") for block in found):
        needed("prometheus")
    async with reader(world, PAGES.get(name, Page()), modules) as here:
        for block in found:
            failure = await here.do(block)
            if failure is not None:
                pytest.fail(f"{block.place}: {failure}", pytrace=False)
        await here.prove()
