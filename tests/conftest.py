"""What every test may ask for: a PostgreSQL 18, a PostgreSQL 15, and a database of its own on either."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from tests.support.cluster import DEBIAN_15, Cluster, wheel_bin
from tests.support.database import Databases


@pytest.fixture(scope="session")
def pg18() -> Iterator[Databases]:
    """The databases of a PostgreSQL 18, from the wheel, that lives as long as the run."""
    with Cluster(wheel_bin()) as cluster:
        yield Databases(cluster)


@pytest.fixture(scope="session")
def pg15() -> Iterator[Databases]:
    """The same of a PostgreSQL 15, from Debian's package; skipped where that is not installed, but not in CI."""
    if not (DEBIAN_15 / "postgres").exists():
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI needs PostgreSQL 15 in {DEBIAN_15}: apt-get install postgresql-15")
        pytest.skip(f"no PostgreSQL 15 in {DEBIAN_15}")
    with Cluster(DEBIAN_15) as cluster:
        yield Databases(cluster)


@pytest.fixture
def database(pg18: Databases) -> Iterator[str]:
    """The address of a fresh Hubbub database, for this test alone."""
    name = pg18.clone()
    yield pg18.cluster.dsn(name)
    pg18.drop(name)


@pytest.fixture
def empty_database(pg18: Databases) -> Iterator[str]:
    """The address of a database with nothing in it."""
    name = pg18.empty()
    yield pg18.cluster.dsn(name)
    pg18.drop(name)
