"""A clip's own character over HTTP: the bytes that the page draws, how long they are kept, and what
a hostile file gets.
"""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
import pytest

pytest.importorskip("fastapi")
from fastapi.testclient import TestClient

from kinestyle.formats.gltf import parse_gltf
from kinestyle.formats.meshes import mesh_of
from kinestyle.motion import rotation
from kinestyle.studio.clip_store import ClipStore, Content, StoredClip, Upload
from kinestyle.studio.config import StudioConfig
from made_characters import character_fbx, character_glb, glb, opened
from made_rigs import as_rig, walk
from studio_client import open_walk

Arrays = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def hero() -> bytes:
    return character_glb(as_rig(walk(seconds=2.0).clip))


def send(client: TestClient, data: bytes, name: str = "hero.glb") -> dict[str, Any]:
    answer = client.post(f"/api/clips?name={name}", content=data)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def unpack_mesh(data: bytes) -> tuple[dict[str, Any], Arrays, list[bytes]]:
    """Head, arrays and images, as docs/STUDIO.md describes them."""
    (length,) = struct.unpack("<I", data[:4])
    head = json.loads(data[4 : 4 + length])
    count, at = head["vertex_count"], 4 + length
    arrays: Arrays = {}
    for name, dtype, shape in (
        ("bind", "<f4", (head["bind_count"], 3, 4)),
        ("position", "<f4", (count, 3)),
        ("uv", "<f4", (count, 2)),
        ("normal", "<i2", (count, 4)),
        ("carrier", "<u2", (count, 4)),
        ("weight", "<u2", (count, 4)),
        *([("colour", "u1", (count, 4))] if head["has_colours"] else []),
        ("triangle", "<u4", (head["triangle_count"], 3)),
    ):
        size = int(np.prod(shape))
        arrays[name] = np.frombuffer(data, dtype, size, at).reshape(shape)
        at += -(-arrays[name].nbytes // 4) * 4
    images = []
    for image in head["images"]:
        images.append(data[at : at + image["bytes"]])
        at += -(-image["bytes"] // 4) * 4
    assert at == len(data)
    return head, arrays, images


def unpack_motion(data: bytes) -> tuple[dict[str, Any], np.ndarray, np.ndarray]:
    """Head, positions (T, J, 3) in metres and rotations (T, J, 3, 3)."""
    (length,) = struct.unpack("<I", data[:4])
    head = json.loads(data[4 : 4 + length])
    frames, joints = head["frame_count"], head["joint_count"]
    at = 4 + length
    position = np.frombuffer(data, "<f4", 3 * frames * joints, at).reshape(frames, joints, 3)
    at += position.nbytes + 12 * frames * head["tips"] + 4 * frames
    q = np.frombuffer(data, "<i2", 4 * frames * joints, at).reshape(frames, joints, 4)
    assert at + q.nbytes == len(data)
    return head, position, rotation.to_matrix(rotation.normalize(q / 32767.0))


def drawn(mesh: bytes, motion: bytes, frame: int) -> np.ndarray:
    """(V, 3) metres, computed as the page does."""
    head, arrays, _ = unpack_mesh(mesh)
    shown, position, turned = unpack_motion(motion)
    joint = np.array(head["bind_joints"])
    bind = arrays["bind"] * shown["metres_per_unit"]
    point = np.concatenate([arrays["position"], np.ones((len(arrays["position"]), 1))], axis=1)
    place = turned[frame, joint] @ bind
    place[..., 3] += position[frame, joint]
    weight = arrays["weight"] / 65535.0
    return np.einsum("vc,vcij,vj->vi", weight, place[arrays["carrier"]], point)


def test_the_mesh_that_is_sent_moves_as_the_file_s_does(client: TestClient, hero: bytes):
    clip = send(client, hero)
    assert clip["holds_mesh"] is True
    mesh = client.get(f"/api/clips/{clip['id']}/mesh").content
    head, arrays, images = unpack_mesh(mesh)
    assert (arrays["weight"].astype(int).sum(axis=1) == 65535).all()
    assert arrays["triangle"].max() < head["vertex_count"]
    assert arrays["carrier"].max() < head["bind_count"]
    assert images[0].startswith(b"\x89PNG")
    assert [run["material"] for run in head["runs"]] == [0]
    assert head["materials"][0]["image"] == 0
    read = parse_gltf(hero, "hero.glb")
    found = mesh_of(read)
    assert found is not None
    motion = client.get(f"/api/clips/{clip['id']}/motion").content
    for frame in (0, read.frame_count - 1):
        turned = rotation.to_matrix(read.world_rotation[frame])
        wanted = np.concatenate(found.posed(read.world_position[frame], turned))
        shown = drawn(mesh, motion, frame)
        floor = (wanted - shown).mean(axis=0)  # the page's floor is at zero
        assert np.abs(floor[[0, 2]]).max() < 1e-4
        assert np.abs(wanted - floor - shown).max() < 1e-3


def test_a_result_and_its_parts_move_the_same_mesh(client: TestClient, hero: bytes):
    clip = send(client, hero)
    result = client.post(f"/api/clips/{clip['id']}/stylize", json={"style": "old"}).json()
    assert result["holds_mesh"] is True
    mesh = client.get(f"/api/clips/{result['id']}/mesh").content
    assert mesh == client.get(f"/api/clips/{clip['id']}/mesh").content
    motion = client.get(f"/api/clips/{result['id']}/motion").content
    head, position, _ = unpack_motion(motion)
    shown = drawn(mesh, motion, 20)
    # a body of capsules lies about its joints
    hips = position[20, head["roles"]["hips"]]
    assert np.linalg.norm(shown - hips, axis=1).max() < 1.5
    assert -0.1 < shown[:, 1].min() < 0.1
    assert 1.4 < shown[:, 1].max() < 2.1
    part = client.post(f"/api/clips/{clip['id']}/part?at=0.5", json={"style": "old"}).content
    assert unpack_motion(part)[0]["has_rotations"] is True


def test_an_fbx_shows_its_character_and_a_bvh_has_none(client: TestClient):
    clip = send(client, character_fbx(as_rig(walk(seconds=1.0).clip)), "hero.fbx")
    mesh = client.get(f"/api/clips/{clip['id']}/mesh").content
    motion = client.get(f"/api/clips/{clip['id']}/motion").content
    shown = drawn(mesh, motion, 5)
    assert -0.1 < shown[:, 1].min() < 0.1
    assert 1.4 < shown[:, 1].max() < 2.1
    plain = open_walk(client)
    assert plain["holds_mesh"] is False
    answer = client.get(f"/api/clips/{plain['id']}/mesh")
    assert (answer.status_code, answer.content) == (204, b"")
    assert client.get("/api/clips/nobody/mesh").status_code == 404


def test_a_mesh_that_is_not_sound_gets_a_sentence_and_the_clip_stays(
    client: TestClient, hero: bytes
):
    fields, blob = opened(hero)
    number = fields["meshes"][0]["primitives"][0]["attributes"]["JOINTS_0"]
    view = fields["bufferViews"][fields["accessors"][number]["bufferView"]]
    start = view["byteOffset"]
    broken = blob[:start] + b"\xff" * view["byteLength"] + blob[start + view["byteLength"] :]
    clip = send(client, glb(fields, broken), "broken.glb")
    answer = client.get(f"/api/clips/{clip['id']}/mesh")
    assert answer.status_code == 422
    message = answer.json()["error"]["message"]
    assert message.startswith("broken.glb")
    assert "joints of the skin" in message
    answer = client.post(f"/api/clips/{clip['id']}/stylize", json={"style": "old"})
    assert answer.status_code == 200


def test_a_mesh_is_kept_as_long_as_its_upload_and_counts():
    store = ClipStore(StudioConfig(kept_bytes=1000))

    def stored(name: str) -> StoredClip:
        upload = Upload(name, ((".glb", b"x" * 100),))
        return store.put(StoredClip(Content(name, name, upload, None, {}, b"y" * 10)))

    first = stored("a.glb")
    upload = first.content.upload
    store.keep_mesh(upload, b"m" * 300)
    assert (store.kept_bytes, store.mesh(upload)) == (410, b"m" * 300)
    result = store.put(StoredClip(Content("r", "r", upload, b"", {}, b"z" * 20), of=first.id))
    store.remove(first.id)
    assert store.mesh(upload) == b"m" * 300  # a result needs it
    store.remove(result.id)
    assert (store.kept_bytes, store.mesh(upload)) == (0, None)
    store.keep_mesh(upload, b"m")  # it came too late
    assert (store.kept_bytes, store.mesh(upload)) == (0, None)
    second, third = stored("b.glb"), stored("c.glb")
    store.keep_mesh(third.content.upload, b"m" * 900)
    assert store.mesh(third.content.upload) is not None
    assert len(store) == 1
    assert second.id != third.id
