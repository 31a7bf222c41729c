"""What cards of styles show: some seconds of the clip that is looked at."""

from __future__ import annotations

import pytest

pytest.importorskip("fastapi")
from fastapi.testclient import TestClient

from kinestyle.formats.bvh import format_bvh
from made_rigs import as_rig, walk
from studio_client import unpack


def test_a_card_shows_seconds_from_the_middle_of_the_clip(client: TestClient):
    data, _ = format_bvh(as_rig(walk(seconds=9.0).clip), "own.bvh")
    clip = client.post("/api/clips?name=own.bvh", content=data).json()
    place = f"/api/clips/{clip['id']}/previews"
    old = client.get(f"{place}/old")
    assert old.status_code == 200
    head, position, _, _ = unpack(old.content)
    own, whole, _, _ = unpack(client.get(f"/api/clips/{clip['id']}/motion").content)
    rate = 1.0 / own["frame_time_seconds"]
    assert head["names"] == own["names"]
    assert head["frame_count"] == pytest.approx(4.0 * rate, abs=1)
    assert 0 < head["first_frame"] < own["frame_count"] - head["frame_count"]
    hips = head["roles"]["hips"]
    seen = whole[head["first_frame"] :][: head["frame_count"], hips]
    assert abs(position[:, hips] - seen).max() < 0.5  # it walks where the clip does, about
    assert client.get(f"{place}/proud").content != old.content
    assert client.get(f"{place}/bandai1/old").content == old.content


def test_a_card_of_what_is_not_there(client: TestClient):
    walk_id = client.post("/api/examples/walk").json()["id"]
    assert client.get(f"/api/clips/{walk_id}/previews/nosuch").status_code == 422
    assert client.get("/api/clips/nobody/previews/old").status_code == 404
