"""Who may use the studio's HTTP interface, and what that says of itself."""

from __future__ import annotations

import dataclasses
import socket
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

pytest.importorskip("fastapi")
from fastapi.testclient import TestClient

from kinestyle.errors import DataError, KinestyleError
from kinestyle.studio.app import make_app
from kinestyle.studio.config import StudioConfig
from kinestyle.studio.error_responses import STATUSES, GuessError, status_of
from kinestyle.studio.serving import Server
from kinestyle.studio.wrong_tokens import ADDRESSES, FREE, WrongTokens
from studio_client import BASE


def test_what_the_server_is(client: TestClient, walk: dict[str, Any]):
    assert walk["id"], "a worker has worked"
    assert client.get("/api/health").json()["status"] == "ok"
    limits, config = client.get("/api/limits").json(), StudioConfig(workers=1)
    secret = {"bundle", "styles", "host", "port", "token", "live", "live_rate"}
    assert limits == {
        f.name: getattr(config, f.name) for f in dataclasses.fields(config) if f.name not in secret
    }
    assert ".bvh" in client.get("/api/formats").json()["write"]
    rows = client.get("/api/styles").json()["styles"]
    assert {"name": "bandai1/old", "label": "old", "default": True}.items() <= next(
        r for r in rows if r["label"] == "old"
    ).items()
    assert [row["example"] for row in client.get("/api/examples").json()] == ["walk", "wave"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/nosuch", 404),
        ("POST", "/api/health", 404),
        ("PUT", "/api/clips", 404),
        ("GET", "/api/clips/x", 404),
    ],
)
def test_other_places(client: TestClient, method: str, path: str, status: int):
    answer = client.request(method, path)
    assert answer.status_code == status
    assert answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:80",
        "127.0.0.1.evil.example",
        "localhost.",
        "",
        "[::2]",
        "169.254.1.1",
    ],
)
def test_other_names_for_this_machine_are_refused(client: TestClient, host: str):
    assert client.get("/api/styles", headers={"host": host}).status_code == 403


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:7860", "127.0.0.1:1", "[::1]", "[::1]:7860", "LOCALHOST"]
)
def test_this_machine_by_its_names(client: TestClient, host: str):
    assert client.get("/api/styles", headers={"host": host}).status_code == 200


def test_other_sites_pages_are_refused(client: TestClient):
    for origin in (
        "http://evil.example",
        "null",
        "http://127.0.0.1:9",
        "https://127.0.0.1.evil.example",
        "http://[::1",
        "http://[x]",
        "http://[::1]]:80",
    ):
        assert client.post("/api/examples/walk", headers={"origin": origin}).status_code == 403, (
            origin
        )
    own = client.post("/api/examples/walk", headers={"origin": BASE})
    assert own.status_code == 201
    assert not [name for name in own.headers if name.startswith("access-control")]
    assert client.options(
        "/api/clips", headers={"origin": BASE, "access-control-request-method": "POST"}
    ).status_code in (
        404,
        405,
    )


def test_the_token():
    app = make_app(StudioConfig(workers=1, token="sesame"))
    client = TestClient(app, base_url=BASE)  # without workers
    for headers in (
        {},
        {"authorization": "Bearer Sesame"},
        {"authorization": "sesame"},
        {"authorization": "Bearer  sesame"},
        {"authorization": "Bearer é".encode()},
    ):
        answer = client.get("/api/styles", headers=headers)
        assert answer.status_code == 401, headers
        assert "Bearer" in answer.json()["error"]["message"]
    assert client.get("/api/styles", headers={"authorization": "Bearer sesame"}).status_code == 200
    assert client.get("/api/health").status_code == 200
    assert client.get("/api//styles").status_code in (401, 404)
    assert app.openapi()["components"]["securitySchemes"]


def test_who_guesses_at_the_token_has_to_wait(monkeypatch: pytest.MonkeyPatch):
    now = [1000.0]
    monkeypatch.setattr(WrongTokens.__init__, "__defaults__", (lambda: now[0],))
    app = make_app(StudioConfig(workers=1, token="sesame"))

    def ask(token: str, address: str = "192.0.2.7") -> Any:
        client = TestClient(app, base_url=BASE, client=(address, 5000))
        return client.get("/api/styles", headers={"authorization": f"Bearer {token}"})

    client = TestClient(app, base_url=BASE, client=("192.0.2.7", 5000))
    assert {client.get("/api/styles").status_code for _ in range(2 * FREE)} == {401}, "no guesses"
    assert {ask(f"guess {i}").status_code for i in range(FREE)} == {401}
    refused = ask("sesame")
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert "10 wrong tokens came from your address; try again in 1 s" in refused.text
    assert ask("sesame", "192.0.2.8").status_code == 200, "others do not wait"
    for wait in (2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0):
        now[0] += 61.0
        assert ask("guess").status_code == 401
        now[0] += wait - 0.5
        assert ask("sesame").status_code == 429
    now[0] += 1.0
    assert ask("sesame").status_code == 200
    assert ask("guess").status_code == 401, "the right one clears it"


def test_guesses_are_counted_by_network_and_forgotten():
    now = [0.0]
    guesses = WrongTokens(lambda: now[0])
    for i in range(FREE):
        guesses.wrong(f"2001:db8:1:2::{i:x}")
    with pytest.raises(GuessError):
        guesses.check("2001:db8:1:2:ffff::1")
    guesses.check("2001:db8:1:3::1")
    now[0] += 1000.0
    guesses.wrong("2001:db8:1:2::1")
    guesses.check("2001:db8:1:2::1")
    for i in range(ADDRESSES + 10):
        guesses.wrong(f"10.0.{i // 256}.{i % 256}")
    assert len(guesses._guesses) == ADDRESSES


@pytest.mark.parametrize("token", ["", " ", "two words", "\udcff", "é", "a\n", "x" * 501])
def test_a_token_that_no_client_could_show_is_refused(token: str):
    with pytest.raises(DataError, match=r"the token is .*, expected 1 to 500 letters"):
        StudioConfig(host="0.0.0.0", token=token)


def test_any_other_token_is_in_the_address_of_the_page():
    token = "!#%&+=?/~"
    server = Server(StudioConfig(port=0, token=token))
    fragment = server.address.partition("#")[2]
    server.listening.close()
    assert parse_qs(fragment) == {"token": [token]}
    client = TestClient(server.app, base_url=BASE)
    shown = {"authorization": f"Bearer {token}"}
    assert client.get("/api/styles", headers=shown).status_code == 200


@pytest.mark.parametrize("length", ["²", "9" * 5000, "-1", "1e3", ""])
def test_a_length_that_is_none_is_refused(client: TestClient, length: str):
    headers = {"content-length": length.encode("latin-1")}
    answer = client.post("/api/clips?name=a.bvh", content=b"x", headers=headers)
    assert answer.status_code in (400, 413)


def test_the_description_is_complete(client: TestClient):
    found = client.get("/api/openapi.json").json()
    for path, methods in found["paths"].items():
        for method, route in methods.items():
            assert route["description"], (method, path)
            good = [
                answer for status, answer in route["responses"].items() if status.startswith("2")
            ]
            assert good, (method, path)
            for status, answer in route["responses"].items():
                if status.startswith("4"):
                    assert answer["content"]["application/json"]["schema"]["$ref"].endswith(
                        "/ErrorAnswer"
                    ), (
                        method,
                        path,
                        status,
                    )
    assert "HTTPValidationError" not in found["components"]["schemas"]
    assert {"/api/clips", "/api/stylize", "/api/jobs/{job}", "/api/previews/{style}"} <= found[
        "paths"
    ].keys()
    page = client.get("/api/docs")
    assert "POST /api/clips/{clip_id}/stylize" in page.text
    assert "http://" not in page.text
    assert "https://" not in page.text
    assert "script" not in page.text


def test_every_exception_for_users_has_a_status():
    def below(kind: type) -> set[type]:
        return {kind, *(found for one in kind.__subclasses__() for found in below(one))}

    for kind in below(KinestyleError):
        assert kind in STATUSES, f"{kind.__name__} has no row in STATUSES"
        assert 400 <= status_of(kind("x")) < 500


def test_the_access_log_tells_nothing_of_clips(
    client: TestClient, walk_file: Path, caplog: pytest.LogCaptureFixture
):
    with caplog.at_level("INFO", logger="kinestyle.studio"):
        clip = client.post("/api/clips?name=secret.bvh", content=walk_file.read_bytes()).json()
        client.get(f"/api/clips/{clip['id']}/motion")
        client.get("/secret/place")
        client.get("/api/secret")
    text = caplog.text
    assert "POST /api/clips 201" in text
    assert "GET /api/clips/{clip_id}/motion 200" in text
    assert "secret" not in text
    assert clip["id"] not in text


def test_telemetry_stays_off(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FASTAPI_OTEL_AUTO_CONFIGURE", "true")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    app = make_app(StudioConfig())
    assert not any(
        app._telemetry[key]
        for key in ("tracing", "metrics", "logs", "operation_spans", "auto_configure")
    )
    assert not app._native_telemetry.enabled()


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_all_addresses_are_said_as_ones_that_work(host: str):
    """Each is one that this machine itself can listen at; none stands for all."""
    server = Server(StudioConfig(host=host, port=0, token="mine"))
    port = server.port
    server.listening.close()
    first, *others = [urlsplit(address) for address in server.addresses]
    assert (first.hostname, first.port, first.fragment) == ("127.0.0.1", port, "token=mine")
    for address in others:
        assert (address.port, address.fragment) == (port, "token=mine")
        family = socket.AF_INET6 if ":" in str(address.hostname) else socket.AF_INET
        with socket.socket(family) as own:
            own.bind((address.hostname, 0))  # refuses what is not an address of this machine
    assert not {"0.0.0.0", "::"} & {address.hostname for address in (first, *others)}


def test_one_address_is_said_as_it_is():
    for host in ("127.0.0.1", "localhost"):
        server = Server(StudioConfig(host=host, port=0))
        server.listening.close()
        assert [urlsplit(one).hostname for one in server.addresses] == [host]
