"""Every operation of the served OpenAPI document, with what the document allows and what it does not (Schemathesis).

Promises that are held against each answer: no 5xx; a status, a media type, headers and a body that the document names
for the operation; nothing without a token where the document wants one. Before it: `campaigns/c19_bad_input.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import hypothesis
import requests
import schemathesis.openapi
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS: Final = [
    status_code_conformance, content_type_conformance, response_headers_conformance, response_schema_conformance,
]  # fmt: skip
ENDINGS: Final = ("logout", "deleteUser")
"""Operations after which the account can do nothing more: asked last, each as somebody else."""


class Drive:
    """Asks a server everything its document names.

    Args:
        url: where it is.
        tokens: of accounts that may be used up: the first for most of it, one for each of `ENDINGS`.
        known: by the name of a path's parameter, a value that is there: half of the requests name it.
        seed: of what is made up.

    Attributes:
        asked: how many requests were sent.
    """

    def __init__(self, url: str, tokens: Mapping[str, str], known: Mapping[str, str], seed: int) -> None:
        self.asked = 0
        self._url = url
        self._tokens = tokens
        self._known = known
        self._seed = seed
        self._session = requests.Session()
        document = self._session.get(f"{url}/openapi.json", timeout=10).json()
        self._operations = [found.ok() for found in schemathesis.openapi.from_dict(document).get_all_operations()]

    def close(self) -> None:
        self._session.close()

    def run(self, examples: int, failed: Callable[[str], None]) -> None:
        """`examples` requests of each kind for each operation; blocks. `failed` is told what the document does not say."""
        last = [op for op in self._operations if self._name(op) in ENDINGS]
        for operation in [*(op for op in self._operations if op not in last), *last]:
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                try:
                    self._ask(operation, mode, examples)
                except hypothesis.errors.Unsatisfiable:
                    pass  # an operation that takes nothing cannot be asked wrongly
                except BaseExceptionGroup as group:
                    for error in group.exceptions:
                        failed(f"{operation.label}: {error}")
                except (AssertionError, hypothesis.errors.HypothesisException) as error:
                    failed(f"{operation.label}: {error}")

    def _ask(self, operation: Any, mode: GenerationMode, examples: int) -> None:
        token = self._tokens.get(self._name(operation), self._tokens[""])
        is_open = {} in operation.definition.raw.get("security", [])

        @hypothesis.seed(self._seed)
        @settings(
            max_examples=examples, database=None, deadline=None, phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=operation.as_strategy(generation_mode=mode))
        def each(case: Case) -> None:
            number = self.asked
            self.asked += 1
            if number % 2:
                for name in case.path_parameters or {}:
                    case.path_parameters[name] = self._known[name]
            headers = {"Authorization": f"Bearer {token}"} if is_open or number % 5 else {}
            answer = case.call(base_url=self._url, session=self._session, headers=headers)
            assert answer.status_code < 500, answer.text[:300]
            if not headers:
                assert answer.status_code in (401, 404), f"{answer.status_code} without a token"
            case.validate_response(answer, checks=CHECKS)

        each()

    @staticmethod
    def _name(operation: Any) -> str:
        return str(operation.definition.raw["operationId"])
