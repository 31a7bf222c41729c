"""Random sequences of controls on the real page: after each, what the page shows, what it was
answered, what is drawn and what the command says are the same.

What is wanted is read from the controls themselves, as a person sees them, never from the page's
own state.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright drives the browser")
pytest.importorskip("fastapi", reason="the studio needs the studio extra")
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from kinestyle.formats.bvh import write_bvh
from kinestyle.runtime.options import BodyParts, Choice, Moment, Switch, options_of
from kinestyle.runtime.settings import Settings
from made_rigs import walk
from studio_browser import Visit, browsing, serving, visiting
from test_studio_page import pytestmark  # noqa: F401  # its mark is taken over

OPTIONS = {option.name: option for option in options_of(Settings) if not option.of_clip}
CHOICES = [option for option in OPTIONS.values() if isinstance(option, Choice)]
SWITCHES = [option.name for option in OPTIONS.values() if isinstance(option, Switch)]
MOMENTS = [option.name for option in OPTIONS.values() if isinstance(option, Moment)]
LABELS = {"side": "Side by side", "overlay": "Overlay", "both": "A and B"}
CUES = {"style": "Style", "like": "Like a clip", "random": "Surprise me"}

SHOWN = """(() => {
  const pressed = (group) => [...document.querySelectorAll(`${group} [aria-pressed="true"]`)];
  const field = (input) => input.type === 'checkbox' ? input.checked : input.value;
  const of = (name) => document.getElementById(`control-${name}`);
  const names = [...kinestyle.session.settings.map(({ name }) => name), 'mix', 'second'];
  const labels = [...document.querySelectorAll('#cells .name')];
  const command = document.getElementById('command');
  const { result, source } = kinestyle.session;
  return {
    cue: pressed('#cues').map((button) => button.dataset.value),
    panes: ['style', 'like', 'random']
      .filter((one) => !document.getElementById(`by-${one}`).hidden),
    cards: kinestyle.previews.cards.filter(({ button }) => button.ariaPressed === 'true')
      .map(({ title }) => title),
    mixing: document.getElementById('mix').ariaPressed === 'true',
    chosen: document.getElementById('chosen').textContent,
    slot: pressed('#slots').map((button) => button.dataset.value),
    values: Object.fromEntries(names.map((name) => [name, field(of(name))])),
    curves: names.filter((name) => of(name).classList.contains('over-time')),
    labels: labels.map((label) => label.childNodes[0].textContent),
    notes: labels.map((label) => label.querySelector('small')?.textContent ?? ''),
    mode: kinestyle.view.mode,
    command: command.parentElement.hidden ? '' : command.textContent,
    downloadable: !document.getElementById('download').disabled,
    facts: document.getElementById('facts').textContent,
    reference: document.querySelector('#reference p').textContent,
    request: result && { ...result.request, like: result.request.like?.name },
    id: result?.clip.id ?? null,
    of: source.clip?.id ?? null,
    drawn: [
      kinestyle.view.original.motion === source.motion,
      (kinestyle.view.result?.motion ?? null) === (result?.motion ?? null),
    ],
  };
})()"""


class Walk(RuleBasedStateMachine):
    """One visit for all walks; each begins with the page opened anew."""

    visit: ClassVar[Visit]
    address: ClassVar[str]
    reference: ClassVar[Path]

    def __init__(self) -> None:
        super().__init__()
        page = self.visit.page
        page.goto("about:blank")
        page.goto(self.address, wait_until="commit")
        self.visit.until("kinestyle.session.result && !kinestyle.session.busy")
        self.seen: list[dict[str, Any]] = []
        self.compare()

    # ---- what is done ----

    @rule(which=st.integers(0, 5), second=st.booleans())
    def choose_a_card(self, which: int, second: bool) -> None:
        if self.shown["cue"] != ["style"]:
            return
        cards = self.visit.page.locator("#styles button")
        cards.nth(which).click(modifiers=["Shift"] if second else [])
        self.compare()

    @rule(cue=st.sampled_from(sorted(CUES)))
    def choose_a_cue(self, cue: str) -> None:
        group = self.visit.page.locator("#cues")
        group.get_by_role("button", name=CUES[cue], exact=True).click()
        self.compare()

    @rule()
    def switch_mixing(self) -> None:
        self.key("m")

    @rule(value=st.sampled_from([0.0, 0.35, 1.0, 1.5]))
    def set_the_strength(self, value: float) -> None:
        self.visit.page.locator("#control-strength").fill(str(value))
        self.compare()

    @rule(times=st.integers(1, 3), key=st.sampled_from("[]{}"))
    def nudge(self, times: int, key: str) -> None:
        for _ in range(times):
            self.key(key, settled=False)
        self.compare()

    @rule(option=st.sampled_from(CHOICES), data=st.data())
    def choose(self, option: Choice, data: st.DataObject) -> None:
        value = data.draw(st.sampled_from(sorted(option.choices)))
        self.visit.page.locator(f"#control-{option.name}").select_option(value)
        self.compare()

    @rule(name=st.sampled_from(SWITCHES))
    def switch(self, name: str) -> None:
        self.visit.page.locator(f"#control-{name}").click()
        self.compare()

    @rule(name=st.sampled_from(MOMENTS), value=st.sampled_from(["", "20f", "100f", "1.5", "soon"]))
    def set_a_moment(self, name: str, value: str) -> None:
        self.type_into(name, value)

    @rule(value=st.sampled_from(["all", "upper", "arms=0.5", "left_am"]))
    def set_the_parts(self, value: str) -> None:
        self.type_into("parts", value)

    @rule(value=st.sampled_from(["all", "arms", "lower"]))
    def set_the_second(self, value: str) -> None:
        box = self.visit.page.locator("#control-second")
        if box.is_visible():
            box.select_option(value)
        self.compare()

    @rule()
    def draw_a_curve(self) -> None:
        page = self.visit.page
        if not page.locator("#curve").is_visible():
            page.locator("#curves").click()
        area = page.locator("#curve-lane").bounding_box()
        assert area is not None
        page.mouse.click(area["x"] + 0.4 * area["width"], area["y"] + 0.7 * area["height"])
        self.compare()

    @rule()
    def next_variation(self) -> None:
        self.key("n")

    @rule(
        key=st.sampled_from(["Control+z", "Control+z", "Control+Shift+Z"]), times=st.integers(1, 2)
    )
    def undo_or_redo(self, key: str, times: int) -> None:
        for _ in range(times):
            self.key(key, settled=False)
        self.compare()

    @rule()
    def other_slot(self) -> None:
        self.key("b")

    @rule()
    def defaults(self) -> None:
        self.visit.page.locator("#defaults").click()
        self.compare()

    @rule(key=st.sampled_from(["o", "0", "f"]))
    def look_otherwise(self, key: str) -> None:
        self.key(key)

    @rule()
    def look_at_both(self) -> None:
        self.visit.page.get_by_role("button", name="A and B").click()
        self.compare()

    @rule(name=st.sampled_from(["walk", "wave"]))
    def another_clip(self, name: str) -> None:
        self.visit.page.locator("#example").select_option(name)
        self.visit.page.locator("#example").select_option("")
        self.compare()

    @rule()
    def open_a_reference(self) -> None:
        self.visit.page.locator("#file-like").set_input_files(self.reference)
        self.visit.page.wait_for_timeout(200)
        self.compare()

    @rule(key=st.sampled_from(["n", "]", "m", "r"]))
    def begin_and_cancel(self, key: str) -> None:
        self.key(key, settled=False)
        self.key("Escape")

    @precondition(lambda self: self.shown["id"])
    @rule()
    def reload(self) -> None:
        before = self.shown
        self.visit.page.wait_for_timeout(250)
        self.visit.page.reload(wait_until="commit")
        self.visit.until("kinestyle.session.result && !kinestyle.session.busy")
        self.compare()
        same = ("cue", "cards", "mixing", "slot", "values", "curves", "mode", "request", "command")
        assert {key: self.shown[key] for key in same} == {key: before[key] for key in same}

    # ---- what must hold ----

    def compare(self) -> None:
        self.visit.page.wait_for_timeout(30)  # an event may be on its way
        self.visit.until("!kinestyle.session.busy")
        shown = self.shown = self.visit.read(SHOWN)
        assert shown["panes"] == shown["cue"]
        assert shown["drawn"] == [True, True]
        (cue,) = shown["cue"]
        wanted = self.wanted(cue)
        if wanted is None:
            assert (shown["request"], shown["command"], shown["downloadable"]) == (None, "", False)
            assert all("no result yet" in label for label in self.result_labels())
            return
        found = {key: value for key, value in shown["request"].items() if value is not None}
        assert found == wanted
        words = {"style": " + ".join(shown["cards"]), "random": "surprise"}
        for label in self.result_labels():
            assert label.startswith(words.get(cue, f"like {self.reference.name}"))
        self.compare_with_server(wanted, cue)
        self.compare_with_command(cue)

    def wanted(self, cue: str) -> dict[str, Any] | None:
        """The request, as the controls say it; None where something is missing."""
        shown, values = self.shown, {}
        if cue == "like" and "No reference" in shown["reference"]:
            return None
        for name, option in OPTIONS.items():
            value = shown["values"][name]
            if name in shown["curves"]:
                value = shown["request"][name]
                assert ":" in value
            elif isinstance(option, Moment):
                value = (value if value.endswith("f") else float(value)) if value else None
            elif not isinstance(option, (Choice, Switch, BodyParts)):
                value = option.value_type(float(value))
            if value is not None:
                values[name] = value
        if cue == "random":
            return {**values, "random": True}
        if cue == "like":
            return {**values, "like": self.reference.name}
        cards = list(shown["cards"])
        if len(cards) < 2:
            assert shown["chosen"] == ("choose a second style" if shown["mixing"] else "")
            return {**values, "style": cards}
        assert shown["mixing"]
        cards = shown["chosen"].split(" + ")
        assert sorted(cards) == sorted(shown["cards"])
        second = shown["values"]["second"]
        if second != "all":
            return {**values, "style": [cards[0], f"{cards[1]}@{second}"]}
        if "mix" in shown["curves"]:
            return {**values, "style": cards, "weights": shown["request"]["weights"]}
        mix = float(shown["values"]["mix"])
        return {**values, "style": cards, "weights": [pytest.approx(1 - mix), pytest.approx(mix)]}

    def result_labels(self) -> list[str]:
        """Of what is drawn as the result."""
        shown = self.shown
        if shown["mode"] == "both":
            return [
                label
                for label, note in zip(shown["labels"], shown["notes"], strict=True)
                if [note] == shown["slot"]
            ]
        return shown["labels"][-1:]

    def compare_with_server(self, wanted: dict[str, Any], cue: str) -> None:
        """The result is one of the clip that is there, made as it is asked for now."""
        clip = self.visit.page.evaluate(
            "id => fetch(`api/clips/${id}`).then(answer => answer.json())", self.shown["id"]
        )
        assert clip["of"] == self.shown["of"]
        assert clip["name"].partition("_")[0] in self.shown["facts"]
        made = Settings(**{name: clip["request"][name] for name in OPTIONS})
        assert made == Settings(**{k: v for k, v in wanted.items() if k in OPTIONS})
        styles = clip["request"].get("style") or []
        assert list(styles) == (wanted.get("style") or []), cue

    def compare_with_command(self, cue: str) -> None:
        words = shlex.split(self.shown["command"])
        assert words[:2] == ["kinestyle", "stylize"]
        values = {name: words[at + 1] for at, name in enumerate(words[:-1]) if name[:2] == "--"}
        assert ("--random" in words) == (cue == "random")
        assert ("--like" in words) == (cue == "like")
        assert words.count("--style") == (len(self.shown["cards"]) if cue == "style" else 0)
        request = self.shown["request"]
        for name, option in OPTIONS.items():
            value = request[name]
            assert (option.flag in words) == (value not in (option.default, None)), name
            if option.flag in words and not isinstance(option, Switch):
                said = values[option.flag]
                assert said == str(value) or float(said) == value, name

    # ---- how it is done ----

    def key(self, key: str, settled: bool = True) -> None:
        self.visit.page.locator("#stage").focus()
        self.visit.page.keyboard.press(key)
        if settled:
            self.compare()

    def type_into(self, name: str, value: str) -> None:
        box = self.visit.page.locator(f"#control-{name}")
        box.fill(value)
        box.press("Enter")
        box.blur()
        self.compare()


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[type[Walk]]:
    path = tmp_path_factory.mktemp("walk") / "shown.bvh"
    write_bvh(walk(seconds=2.0).clip, path)
    with (
        serving("--workers", "1") as server,
        browsing() as browser,
        visiting(browser, server.address) as visit,
    ):
        visit.page.set_default_timeout(20_000)
        yield type(
            "Machine", (Walk,), {"visit": visit, "address": server.address, "reference": path}
        )
        # a refusal is noted by the browser; nothing else may be
        refused = ("422", "409")
        assert [error for error in visit.errors if not any(one in error for one in refused)] == []


def run(machine: type[Walk], examples: int, steps: int) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_page_command_and_result_agree_on_a_short_walk(machine: type[Walk]) -> None:
    run(machine, examples=1, steps=25)


@pytest.mark.slow
def test_page_command_and_result_agree_on_long_walks(machine: type[Walk]) -> None:
    run(machine, examples=3, steps=30)
