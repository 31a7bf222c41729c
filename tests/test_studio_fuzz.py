"""The studio against requests made from its own description, valid and not: nothing is a 5xx, and
all is as described.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("schemathesis")
import httpx2
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from kinestyle.studio.config import StudioConfig
from kinestyle.studio.serving import Server
from studio_server import running

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
EXAMPLES = 8


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running(StudioConfig(port=0, workers=1, job_seconds=60.0)) as server:
        yield server


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("mode", ["positive", "negative"])
def test_requests_made_from_the_description(server: Server, mode: str):
    schema = schemathesis.openapi.from_url(f"{server.address}api/openapi.json")
    clip = httpx2.post(f"{server.address}api/examples/walk", trust_env=False).json()["id"]
    asked = 0
    for found in schema.get_all_operations():
        operation = found.ok()

        @settings(
            max_examples=EXAMPLES,
            derandomize=True,
            deadline=None,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=schemathesis.GenerationMode(mode)))
        def ask(case: Any) -> None:
            nonlocal asked
            asked += 1
            if (
                asked % 2
                and isinstance(case.path_parameters, dict)
                and "clip_id" in case.path_parameters
            ):
                case.path_parameters["clip_id"] = clip  # ids that are there are not found by chance
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                response = case.call()
                case.validate_response(response, checks=CHECKS)

        with contextlib.suppress(Unsatisfiable):  # where nothing can be got wrong
            ask()
    assert asked > 20
    assert httpx2.get(f"{server.address}api/health", trust_env=False).json()["status"] == "ok"
