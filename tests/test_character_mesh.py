"""What readers of GLB and FBX find of a file's character: where its vertices are, what carries them
and how they look, and what is said of meshes that are not sound.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import numpy as np
import pytest

from kinestyle.errors import KinestyleError, MotionFileError
from kinestyle.formats import character_mesh
from kinestyle.formats.bvh import format_bvh, parse_bvh
from kinestyle.formats.character_mesh import CharacterMesh, Images, strongest
from kinestyle.formats.fbx import format_fbx, parse_fbx
from kinestyle.formats.fbx.curves import property_record
from kinestyle.formats.fbx.objects import Objects
from kinestyle.formats.fbx.records import parse, record, serialize
from kinestyle.formats.gltf import format_gltf, parse_gltf
from kinestyle.formats.gltf.accessors import Packer
from kinestyle.formats.gltf.meshopt_indices import decode_indices
from kinestyle.formats.meshes import holds_mesh, mesh_of
from kinestyle.formats.placeholder import build_placeholder, find_bind_pose
from kinestyle.json_object import JsonObject
from kinestyle.motion import rotation
from kinestyle.motion.clip import Clip
from made_characters import (
    FLOATS,
    GREEN,
    SHORTS,
    WHOLE,
    character_fbx,
    character_glb,
    glb,
    opened,
    png,
    small,
    uri,
)
from made_rigs import as_rig, walk

Change = Callable[[dict[str, Any], Packer], None]


@pytest.fixture(scope="module")
def clip() -> Clip:
    return as_rig(walk(seconds=1.0).clip)


def read(data: bytes) -> tuple[Clip, CharacterMesh]:
    clip = parse_gltf(data, "made.glb")
    mesh = mesh_of(clip)
    assert mesh is not None
    return clip, mesh


def vertices(clip: Clip, mesh: CharacterMesh, frame: int = 0) -> np.ndarray:
    turned = rotation.to_matrix(clip.world_rotation[frame])
    return np.concatenate(mesh.posed(clip.world_position[frame], turned))


@pytest.mark.parametrize("ending", [".glb", ".fbx"])
def test_the_mesh_moves_with_its_joints_from_where_it_was_bound(clip: Clip, ending: str):
    """Against the body that was written: each vertex stays where it is on its joint."""
    if ending == ".glb":
        found = parse_gltf(character_glb(clip), "made.glb")
    else:
        found = parse_fbx(character_fbx(clip), "made.fbx")
    mesh = mesh_of(found)
    assert mesh is not None
    # the reader may say lengths in another unit than the clip that was written
    unit = np.linalg.norm(found.skeleton.offsets[1]) / np.linalg.norm(clip.skeleton.offsets[1])
    pose = find_bind_pose(clip)
    body = build_placeholder(pose)
    position, turned = pose.world()
    inverse = rotation.inverse(turned[body.joint])
    on_joint = rotation.rotate(inverse, body.vertex - position[body.joint])
    for frame in (0, clip.frame_count // 2):
        wanted = clip.world_position[frame, body.joint] + rotation.rotate(
            clip.world_rotation[frame, body.joint], on_joint
        )
        apart = vertices(found, mesh, frame)[:, None] / unit - wanted[None]
        nearest = np.linalg.norm(apart, axis=-1).min(axis=0)
        assert nearest.max() < 2e-3 * np.ptp(wanted, axis=0).max()


def test_what_kinestyle_wrote_is_no_character(clip: Clip):
    for found in (
        parse_gltf(format_gltf(clip, "made.glb")[0], "made.glb"),
        parse_fbx(format_fbx(clip, "made.fbx")[0], "made.fbx"),
        parse_bvh(format_bvh(clip, "made.bvh")[0], "made.bvh"),
    ):
        assert not holds_mesh(found)
        assert mesh_of(found) is None


def test_at_rest_the_mesh_is_the_file_s_and_a_vertex_goes_where_its_joint_goes():
    clip, mesh = read(small())
    rest = [[0, 0, 0], [1, 0, 0], [1, 2, 0], [0, 2, 0]]
    np.testing.assert_allclose(vertices(clip, mesh), rest, atol=1e-6)
    quarter = np.array([np.eye(3), [[0, -1, 0], [1, 0, 0], [0, 0, 1]]])
    moved = np.concatenate(mesh.posed(clip.world_position[0] + [0, 0, 5], quarter))
    np.testing.assert_allclose(moved, [[0, 0, 5], [1, 0, 5], [0, 3, 5], [0, 2, 5]], atol=1e-6)


def without_binds(fields: dict[str, Any], packer: Packer) -> None:
    del fields["skins"][0]["inverseBindMatrices"]


def test_a_skin_without_bind_matrices_is_bound_where_its_joints_are_zero():
    clip, mesh = read(small(without_binds))
    wanted = [[0, 0, 0], [1, 0, 0], [1, 4, 0], [0, 4, 0]]
    np.testing.assert_allclose(vertices(clip, mesh), wanted, atol=1e-6)


def on_a_joint(fields: dict[str, Any], packer: Packer) -> None:
    """A further mesh without a skin, below a node that is no joint."""
    primitive = fields["meshes"][0]["primitives"][0]
    attributes = {"POSITION": primitive["attributes"]["POSITION"]}
    fields["meshes"].append({"primitives": [{"attributes": attributes, "mode": 5}]})
    fields["nodes"] += [
        {"name": "holder", "translation": [0, 1, 0], "scale": [2, 2, 2], "children": [4]},
        {"name": "hat", "mesh": 1},
    ]
    fields["nodes"][1]["children"] = [3]


def test_what_hangs_on_a_joint_goes_along():
    clip, mesh = read(small(on_a_joint))
    assert [len(part.triangle) for part in mesh.parts] == [2, 2]
    hat = vertices(clip, mesh)[:4]  # nodes are read from the top down
    np.testing.assert_allclose(hat.min(axis=0), [0, 3, 0], atol=1e-6)
    np.testing.assert_allclose(hat.max(axis=0), [2, 7, 0], atol=1e-6)
    # its strip's triangles all face the same way
    corner = mesh.parts[0].position[mesh.parts[0].triangle]
    faces = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])[:, 2]
    np.testing.assert_allclose(np.abs(faces), [2, 2])


def test_six_carriers_are_the_four_strongest_and_weights_one_in_sum():
    joint = np.arange(6)[None]
    bind, weight = strongest(joint, np.array([[1.0, 9.0, 2.0, 8.0, 3.0, 7.0]]))
    assert bind.tolist() == [[1, 3, 5, 4]]
    np.testing.assert_allclose(weight, np.array([[9, 8, 7, 3]]) / 27)
    bind, weight = strongest(joint[:, :2], np.array([[0.0, 0.0]]))
    assert (bind.tolist(), weight.tolist()) == ([[0] * 4], [[1, 0, 0, 0]])


def more_weights(fields: dict[str, Any], packer: Packer) -> None:
    attributes = fields["meshes"][0]["primitives"][0]["attributes"]
    attributes["JOINTS_1"] = packer.add(np.full((4, 4), 1, SHORTS), "VEC4")
    attributes["WEIGHTS_1"] = packer.add(np.array([[3, 0, 0, 0]] * 4, FLOATS), "VEC4")


def test_a_second_set_of_carriers_counts():
    clip, mesh = read(small(more_weights))
    moved = np.concatenate(
        mesh.posed(clip.world_position[0] + [[0, 0, 0], [4, 0, 0]], np.tile(np.eye(3), (2, 1, 1)))
    )
    np.testing.assert_allclose(moved[:2, 0], [3, 4], atol=1e-6)


def with_rows(key: str, rows: np.ndarray, kind: str) -> Change:
    def change(fields: dict[str, Any], packer: Packer) -> None:
        primitive = fields["meshes"][0]["primitives"][0]
        holder = primitive if key == "indices" else primitive["attributes"]
        holder[key] = packer.add(rows, kind)

    return change


def with_count(count: int) -> Change:
    def change(fields: dict[str, Any], packer: Packer) -> None:
        number = fields["meshes"][0]["primitives"][0]["indices"]
        fields["accessors"][number]["count"] = count

    return change


def in_draco(fields: dict[str, Any], packer: Packer) -> None:
    fields["meshes"][0]["primitives"][0]["extensions"] = {"KHR_draco_mesh_compression": {}}


HOSTILE: dict[str, tuple[Change, str]] = {
    "a corner that is not there": (
        with_rows("indices", np.array([0, 1, 4], SHORTS), "SCALAR"),
        "vertex 4",
    ),
    "a joint that is not there": (
        with_rows("JOINTS_0", np.full((4, 4), 7, SHORTS), "VEC4"),
        "below the 2 joints",
    ),
    "weights that are no numbers": (
        with_rows("WEIGHTS_0", np.full((4, 4), np.nan, FLOATS), "VEC4"),
        "nan",
    ),
    "points beyond all bounds": (
        with_rows("POSITION", np.full((4, 3), 3e30, FLOATS), "VEC3"),
        "at most",
    ),
    "fewer weights than points": (
        with_rows("WEIGHTS_0", np.ones((3, 4), FLOATS), "VEC4"),
        "4 rows",
    ),
    "triangles that are not there": (with_count(600), "within its"),
    "more triangles than are shown": (with_count(3_000_000), "300,000 triangles"),
    "Draco": (in_draco, "Draco"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_mesh_that_is_not_sound_is_refused_with_a_sentence(what: str):
    change, words = HOSTILE[what]
    clip = parse_gltf(small(change), "made.glb")
    with pytest.raises(MotionFileError, match=words):
        mesh_of(clip)


def test_no_area_no_triangle_and_no_triangle_no_mesh():
    none = with_rows("indices", np.array([0, 0, 1, 2, 2, 2], WHOLE), "SCALAR")
    assert mesh_of(parse_gltf(small(none), "made.glb")) is None


def looking(material: dict[str, Any], image: dict[str, Any]) -> Change:
    def change(fields: dict[str, Any], packer: Packer) -> None:
        fields["images"], fields["textures"] = [image], [{"source": 0, "sampler": 0}]
        fields["samplers"] = [{"wrapS": 33071}]
        fields["materials"] = [material]
        primitive = fields["meshes"][0]["primitives"][0]
        primitive["material"] = 0
        uv = packer.add(np.array([[0, 0], [1, 0], [1, 1], [0, 1]], FLOATS), "VEC2")
        primitive["attributes"]["TEXCOORD_0"] = uv

    return change


def test_a_material_is_read():
    moved = {"KHR_texture_transform": {"offset": [0.5, 0], "scale": [0.5, 1]}}
    look = {
        "pbrMetallicRoughness": {
            "baseColorFactor": [1, 0.2140411, 0, 0.5],
            "baseColorTexture": {"index": 0, "extensions": moved},
        },
        "alphaMode": "MASK",
        "alphaCutoff": 0.25,
        "doubleSided": True,
        "extensions": {"KHR_materials_unlit": {}},
    }
    image = png([[GREEN]])
    _, mesh = read(small(looking(look, {"uri": uri(image)})))
    (found,) = mesh.materials
    np.testing.assert_allclose(found.colour, [1, 0.5, 0, 0.5], atol=1e-4)
    assert (found.image, found.wrap, found.alpha, found.cutoff) == (
        0,
        ("clamp", "repeat"),
        "mask",
        0.25,
    )
    assert (found.is_double_sided, found.is_unlit) == (True, True)
    assert (mesh.images, mesh.notes) == ((("image/png", image),), ())
    np.testing.assert_allclose(mesh.parts[0].uv, [[0.5, 0], [1, 0], [1, 1], [0.5, 1]])


@pytest.mark.parametrize(
    "image",
    [
        {"uri": "skin.png"},
        {"uri": uri(b"no picture")},
        {"uri": uri(png([[GREEN]], size=(60_000, 60_000)))},
        {"bufferView": 99},
    ],
    ids=["elsewhere", "unknown", "huge", "nowhere"],
)
def test_an_image_that_cannot_be_shown_is_left_out_and_said(image: dict[str, Any]):
    look = {"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}
    _, mesh = read(small(looking(look, image)))
    assert (mesh.materials[0].image, mesh.images) == (-1, ())
    assert "texture" in mesh.notes[0]


def test_images_are_bounded_in_bytes_and_number(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(character_mesh, "MAX_IMAGE_BYTES", 200)
    images, one = Images(), png([[GREEN]])
    assert [images.number(i, one) for i in (0, 1, 0, 2, 3)] == [0, 1, 0, -1, -1]
    assert images.left_out == 2


def test_shapes_are_as_they_are_at_rest():
    def change(fields: dict[str, Any], packer: Packer) -> None:
        up = np.array([[0, 0, 1]] * 4, FLOATS)
        primitive = fields["meshes"][0]["primitives"][0]
        primitive["targets"] = [{"POSITION": packer.add(up, "VEC3")}]
        fields["meshes"][0]["weights"] = [0.5]

    clip, mesh = read(small(change))
    np.testing.assert_allclose(vertices(clip, mesh)[:, 2], 0.5, atol=1e-6)


def test_numbers_of_vertices_are_unpacked_from_meshopt():
    """Three triangles: one of its own, one on an edge of it with a new vertex, one stored whole."""
    table = bytes([0x00] * 16)
    data = bytes([0xE1, 0xF0, 0x10, 0xFF]) + bytes([0xFF, 20, 2, 2]) + table
    of = JsonObject("made.glb", "bufferViews[0]", {}, MotionFileError)
    found = np.frombuffer(decode_indices(data, "TRIANGLES", 9, 2, of), "<u2").reshape(3, 3)
    assert found.tolist() == [[0, 1, 2], [2, 1, 3], [10, 11, 12]]
    run = bytes([0xD1]) + bytes([4 << 1 | 0, 2 << 1 | 0]) + bytes(4)
    assert np.frombuffer(decode_indices(run, "INDICES", 2, 4, of), "<u4").tolist() == [2, 3]
    for broken in (data[:-3], b"", b"\0" * 40):
        with pytest.raises(MotionFileError, match="damaged"):
            decode_indices(broken, "TRIANGLES", 9, 2, of)


def test_an_fbx_s_texture_is_the_one_that_is_in_the_file(clip: Clip):
    image = png([[GREEN]])
    document = parse(character_fbx(clip), "made.fbx")
    objects = Objects(document)
    (model,) = [
        number
        for number, item in objects.by_number.items()
        if item.name == "Model" and item.decoded()[2] == "Mesh"
    ]
    material, texture, video = (np.int64(number) for number in (11, 12, 13))
    properties = [property_record("DiffuseColor", "Color", "", "A", 0.2, 0.3, 0.4)]
    objects.objects.children += [
        record(
            "Material",
            material,
            "cloth\x00\x01Material",
            "",
            children=[record("Properties70", children=properties)],
        ),
        record("Texture", texture, "cloth\x00\x01Texture", "", children=[]),
        record("Video", video, "cloth\x00\x01Video", "Clip", children=[record("Content", image)]),
    ]
    links = [
        record("C", "OO", material, np.int64(model)),
        record("C", "OP", texture, material, "DiffuseColor"),
        record("C", "OO", video, texture),
    ]
    for count, colour in ((3, (1.0, 1.0, 1.0, 1.0)), (1, (0.2, 0.3, 0.4, 1.0))):
        kept = len(objects.connections.children)
        objects.connections.children += links[:count]
        mesh = mesh_of(parse_fbx(serialize(document), "made.fbx"))
        del objects.connections.children[kept:]
        assert mesh is not None
        (found,) = mesh.materials
        assert (found.colour, found.image) == (colour, 0 if count == 3 else -1)
        assert mesh.images == ((("image/png", image),) if count == 3 else ())


WRONG = [None, True, -1, 7, 1e30, 2**40, "x", [], {}, [0], [None], [[]], [1e300] * 3]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where in some JSON there is something."""
    rows = value.items() if isinstance(value, dict) else enumerate(value)
    for key, below in rows:
        yield (*path, key)
        if isinstance(below, dict | list):
            yield from places(below, (*path, key))


@pytest.mark.parametrize("seed", range(4))
def test_whatever_a_field_says_there_is_a_mesh_or_a_sentence(seed: int):
    look = {
        "pbrMetallicRoughness": {"baseColorFactor": [1, 1, 1, 1], "baseColorTexture": {"index": 0}},
        "alphaMode": "BLEND",
        "emissiveFactor": [1, 0, 0],
    }
    whole, blob = opened(small(looking(look, {"uri": uri(png([[GREEN]]))})))
    random, meshes = Random(seed), 0
    for place in places(whole):
        fields = json.loads(json.dumps(whole))
        holder = fields
        for key in place[:-1]:
            holder = holder[key]
        holder[place[-1]] = random.choice(WRONG)
        try:
            mesh = mesh_of(parse_gltf(glb(fields, blob), "made.glb"))
        except KinestyleError:
            continue
        meshes += mesh is not None
        if mesh is not None:
            assert all(part.triangle.max() < len(part.position) for part in mesh.parts)
    assert meshes > 20
