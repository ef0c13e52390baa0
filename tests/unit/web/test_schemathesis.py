"""schemathesis asks every path of the document, by what the document says: no 500, no leak, and nothing that is not described.

Few examples for each here, always the same; `make fuzz-web` asks many more (CITYHUB_FUZZ_EXAMPLES).
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import CHECKS

from hub.model.event import CaseEvent
from hub.web.tokens import TokenKind
from tests.unit.web.front import MemoryWeb, memory_web, pothole

_EXAMPLES = int(os.environ.get("CITYHUB_FUZZ_EXAMPLES", "4"))
_SECRETS = ("Wang", "13800000000", "Traceback", "sqlite", "site-packages")
_CHECKS = ("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance")


@pytest.fixture(scope="module")
def web() -> Iterator[MemoryWeb]:
    with tempfile.TemporaryDirectory() as folder, memory_web(Path(folder)) as web:
        said = "Wang of 13800000000 says it is deep."
        own = CaseEvent(**pothole("S-1", text=said).model_dump() | {"source": "open311"})
        web.hub.publish(pothole("H1", text=said), own)
        web.settle()
        yield web


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_every_path_keeps_to_the_document(web: MemoryWeb) -> None:
    schema = schemathesis.openapi.from_asgi("/openapi.json", web.app)
    checks = CHECKS.get_by_names(list(_CHECKS))
    callers = cycle(
        [web.bearer("roads"), {}, web.bearer("app", TokenKind.OPEN311), web.bearer("hotline", TokenKind.SOURCE)]
    )
    asked = set()
    for found in schema.get_all_operations():
        operation = found.ok()

        @settings(
            max_examples=_EXAMPLES, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=operation.as_strategy())
        def ask(case: schemathesis.Case) -> None:
            asked.add((case.method, case.path))
            answer = case.call(headers=next(callers))
            if answer.status_code != 503:
                case.validate_response(answer, checks=checks)
            assert not any(secret in answer.text for secret in _SECRETS), answer.text

        ask()
    assert len(asked) == sum(len(methods) for methods in web.client.get("/openapi.json").json()["paths"].values())
