"""Fixtures every test may use; what they do is in plain modules under hub/testing."""

import gc
import os
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from hub.broker.settings import SHORT_LIVED
from hub.testing.kafka import BrokerDesk, bootstrap_for_tests, secure_kafka_for_tests
from hub.testing.secure import SecureKafka
from tests.mixed import mixed

# No deadline, and no complaint that examples come slowly: machines are shared and noisy. `same` draws the same examples each
# time, so that a change is judged by what it changed. To look for what no example has shown yet: pytest --hypothesis-profile
# search, or thorough for a long one.
_PATIENT: dict[str, Any] = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("same", max_examples=50, derandomize=True, database=None, **_PATIENT)
settings.register_profile("search", max_examples=50, **_PATIENT)
settings.register_profile("thorough", max_examples=2000, **_PATIENT)
settings.load_profile("same")

_DESK = pytest.StashKey[BrokerDesk]()


def pytest_configure(config: pytest.Config) -> None:
    os.environ.setdefault(SHORT_LIVED, "1")  # of every broker that a test or a process of it starts
    if not hasattr(config, "workerinput"):  # an xdist worker asks at the desk of who started it
        config.stash[_DESK] = BrokerDesk()
        config.stash[_DESK].open()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items[:] = mixed(items)


def pytest_collection() -> None:
    """What thousands of tests are made of stays until the end: the collector need not look at it, now or later."""
    gc.disable()


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.hookimpl(tryfirst=True)  # pytest's own hooks may raise here
def pytest_unconfigure(config: pytest.Config) -> None:
    if _DESK in config.stash:
        config.stash[_DESK].close()


@pytest.fixture(scope="session")
def kafka_bootstrap() -> Iterator[str]:
    """The address of the run's one Kafka; mark the test `kafka`."""
    yield from bootstrap_for_tests()


@pytest.fixture(scope="session")
def kafka_secure() -> Iterator[SecureKafka]:
    """The run's one guarded Kafka; mark the test `kafka`."""
    yield from secure_kafka_for_tests()


@pytest.fixture
def namespace() -> str:
    """A topic prefix of this test's own, like "t3fa9c1."."""
    return f"t{uuid.uuid4().hex[:6]}."
