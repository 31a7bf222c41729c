"""Cue and Settings: what they refuse, and that each setting is in every interface.

A setting is described once, as a field of `Settings`. These tests walk the fields, so a further one
is tested by being there.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from kinestyle.cli import main
from kinestyle.cli.measuring import evaluate
from kinestyle.cli.restyling import stylize
from kinestyle.errors import StyleError
from kinestyle.rig.presets import preset
from kinestyle.runtime.cue import Cue
from kinestyle.runtime.options import (
    BodyParts,
    Choice,
    Moment,
    Number,
    Option,
    Switch,
    WholeNumber,
    options_of,
)
from kinestyle.runtime.settings import EDITS, Settings, SettingsChanges
from one_more_setting import package_with_one_more_setting

OPTIONS = options_of(Settings)
each_option = pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)


def another(option: Option) -> Any:
    """A value that is not the default."""
    if isinstance(option, Choice):
        return [value for value in option.choices if value != option.default][-1]
    if isinstance(option, WholeNumber):
        return 7
    if isinstance(option, Switch):
        return not option.default
    if isinstance(option, Moment):
        return "45f"
    if isinstance(option, BodyParts):
        return "spine,left_arm=0.5"
    return 0.25 if isinstance(option, Number) else "mixamo"


# ---------------------------------------------------------------- every setting, everywhere


def test_the_fields_are_those_that_were_asked_for() -> None:
    names = [field.name for field in fields(Settings)]
    assert names == [option.name for option in OPTIONS]
    assert {"strength", "seed", "root", "out_of_domain", "rig"} <= set(names)


def test_the_keywords_for_type_checkers_are_the_fields() -> None:
    changes = {
        name: getattr(kind, "__forward_arg__", kind)
        for name, kind in SettingsChanges.__annotations__.items()
    }
    assert changes == {field.name: field.type for field in fields(Settings)}


@each_option
def test_a_setting_is_an_option_of_the_command_line(option: Option) -> None:
    (found,) = [one for one in stylize.params if one.name == option.name]
    assert found.opts == [option.flag, *option.aliases]
    assert found.default == option.default
    said = CliRunner().invoke(main, ["stylize", "--help"]).output
    assert "".join(option.sentence.split()) in "".join(said.split())


@each_option
def test_a_setting_is_an_option_of_the_evaluation(option: Option) -> None:
    """But for the seed, as each case has its own, and what test clips do not need."""
    found = [one.name for one in evaluate.params]
    left_out = "seed", "rig", "keep_original", "t_pose", "parts", "keep", "output", *EDITS
    # its own option --part says which parts of the evaluation are run
    found = [one for one in found if one != "parts"]
    assert (option.name in found) == (option.name not in left_out)


@each_option
def test_a_setting_is_in_the_copied_command(option: Option) -> None:
    settings = Settings(**{option.name: another(option)})
    words = settings.as_options()
    value = [] if isinstance(option, Switch) else [str(another(option))]
    assert words == [option.flag, *value]
    assert Settings().as_options() == []
    given = stylize.make_context("stylize", ["in.bvh", "-o", "out.bvh", *words]).params
    parsed = {name: given[name] for name in Settings.__dataclass_fields__}
    if option.of_clip:
        parsed, settings = parsed | {"rig": None}, Settings()
        assert given["rig"] == preset("mixamo")
    assert Settings(**parsed) == settings


@each_option
def test_a_setting_is_in_the_http_schema(option: Option) -> None:
    pytest.importorskip("fastapi")
    from kinestyle.studio.app import make_app
    from kinestyle.studio.config import StudioConfig

    app = make_app(StudioConfig(workers=1))
    paths, schemas = app.openapi()["paths"], app.openapi()["components"]["schemas"]
    body = paths["/api/stylize"]["post"]["requestBody"]["content"]["multipart/form-data"]
    found = [body["schema"]["properties"][option.name]]
    if option.of_clip:
        upload = paths["/api/clips"]["post"]
        assert option.name in [parameter["name"] for parameter in upload["parameters"]]
    else:
        found.append(schemas["StylizeRequest"]["properties"][option.name])
        assert found[0] == found[1]
        assert option.schema.items() <= found[0].items()
    for one in found:
        assert one["description"] == option.sentence
        assert one.get("default") == option.default


@each_option
def test_a_setting_is_described_for_the_page(option: Option) -> None:
    pytest.importorskip("fastapi")
    from fastapi.testclient import TestClient

    from kinestyle.studio.app import make_app
    from kinestyle.studio.config import StudioConfig

    client = TestClient(make_app(StudioConfig(workers=1)), base_url="http://127.0.0.1")
    rows = {row["name"]: row for row in client.get("/api/settings").json()}
    if option.of_clip:
        assert option.name not in rows
        page = client.get("/").text
        assert f'id="{option.name}-choice"' in page
        return
    assert json.loads(json.dumps(option.as_dict())).items() <= rows[option.name].items()


def test_one_more_setting_is_one_more_field(tmp_path: Path) -> None:
    """A copy of the package with a field more, and nothing else, has it in every interface."""
    pytest.importorskip("fastapi")
    source = package_with_one_more_setting(tmp_path)
    script = """
import json
from kinestyle.cli.restyling import stylize
from kinestyle.runtime.settings import Settings
from kinestyle.studio.app import make_app
from kinestyle.studio.config import StudioConfig
from fastapi.testclient import TestClient

app = make_app(StudioConfig(workers=1))
schemas = app.openapi()["components"]["schemas"]
client = TestClient(app, base_url="http://127.0.0.1")
print(json.dumps({
    "command line": [option for one in stylize.params for option in one.opts],
    "schema": schemas["StylizeRequest"]["properties"],
    "page": {row["name"]: row for row in client.get("/api/settings").json()},
    "copied": Settings(twist=0.5).as_options(),
}))
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": str(source), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert "--twist" in found["command line"]
    assert found["schema"]["twist"]["maximum"] == 1.0
    assert found["page"]["twist"]["label"] == "Twist"
    assert found["copied"] == ["--twist", "0.5"]


# ---------------------------------------------------------------- values


def test_settings_are_values() -> None:
    settings = Settings(strength=np.float32(0.5), seed=np.int64(3))
    assert settings == Settings(strength=0.5, seed=3)
    assert hash(settings) == hash(Settings(strength=0.5, seed=3))
    assert (type(settings.strength), type(settings.seed)) == (float, int)
    assert json.loads(json.dumps(settings.as_dict())) == settings.as_dict()
    with pytest.raises(FrozenInstanceError):
        settings.strength = 1.0  # type: ignore[misc]
    with pytest.raises(StyleError, match="strength is -1"):
        replace(settings, strength=-1)


def test_a_cue_is_a_value() -> None:
    cue: Cue[str] = Cue.of("old", like=["a", "b"], weights=[1, 2, 3])
    assert cue == Cue(("old",), ("a", "b"), (1.0, 2.0, 3.0))
    assert Cue.of(**cue.as_dict()) == cue
    assert cue.map(str.upper).like == ("A", "B")
    assert Cue.of(["old"], like="a") == Cue(("old",), ("a",))
    assert hash(cue) == hash(Cue.of(**cue.as_dict()))
    mixed = ["--style", "old", "--like", "a", "--like", "b", "--mix", "1,2,3"]
    assert cue.as_options() == mixed
    drawn: Cue[str] = Cue.of(random=True, like_rig="cmu")
    assert drawn.as_options() == ["--like-rig", "cmu", "--random"]


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Settings(strength=float("nan")), "strength is nan, expected a number from 0 to"),
        (lambda: Settings(strength=True), "strength is True, expected a number"),
        (lambda: Settings(strength="1"), "strength is '1', expected a number"),  # type: ignore[arg-type]
        (lambda: Settings(strength=1e300), "strength is 1e\\+300, expected a number from 0"),
        (lambda: Settings(seed=1.5), "seed is 1.5, expected a whole number"),  # type: ignore[arg-type]
        (lambda: Settings(seed=2**32), "seed is 4294967296, expected a whole number from 0 to"),
        (
            lambda: Settings(root="up"),
            "root is 'up', expected one of auto, planted, predicted, copied",
        ),  # type: ignore[arg-type]
        (lambda: Settings(root=[]), "root is \\[\\], expected one of auto, planted"),  # type: ignore[arg-type]
        (lambda: Settings(out_of_domain="guess"), "out_of_domain is 'guess', expected one of fade"),  # type: ignore[arg-type]
        (lambda: Cue(), "neither style nor like nor random is given"),
        (lambda: Cue.of("old", random=True), "random draws a style without any cue"),
        (lambda: Cue.of(random=True, weights=[1.0]), "random draws a style without any cue"),
        (lambda: Cue.of("old", weights=[1, 2]), "2 weights given for 1 styles to mix"),
    ],
)
def test_what_is_wrong_is_refused_when_it_is_made(make: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(StyleError, match=sentence):
        make()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"strength": -1.0}, ["--strength", "-1"]),
        ({"seed": -1}, ["--seed", "-1"]),
        ({"root": "up"}, ["--root", "up"]),
        ({"out_of_domain": "guess"}, ["--out-of-domain", "guess"]),
    ],
)
def test_a_refusal_has_one_wording(
    walk_file: Path, wrong: dict[str, Any], words: list[str]
) -> None:
    pytest.importorskip("fastapi")
    from kinestyle.studio.schemas import StylizeRequest

    with pytest.raises(StyleError) as refused:
        Settings(**wrong)
    request = StylizeRequest(style="old", **wrong)
    with pytest.raises(StyleError) as over_http:
        request.settings()
    line = ["stylize", str(walk_file), "--style", "old", "-o", "out.bvh", *words]
    answer = CliRunner().invoke(main, line)
    assert str(over_http.value) == str(refused.value)
    assert answer.exit_code == 1
    assert answer.stderr == f"kinestyle: {refused.value}\n"


def test_beyond_is_still_an_option(tmp_path: Path) -> None:
    given = stylize.make_context("stylize", ["in.bvh", "-o", "out.bvh", "--beyond", "ignore"])
    assert given.params["out_of_domain"] == "ignore"


def test_naming_them_loads_neither_numpy_nor_onnxruntime() -> None:
    script = (
        "import sys, kinestyle.cli\n"
        "from kinestyle import Cue, Settings\n"
        "loaded = {'numpy', 'onnxruntime'} & set(sys.modules)\n"
        "sys.exit(f'loaded {loaded}' if loaded else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
