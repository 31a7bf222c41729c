/** The studio: puts the parts together and lets them move. */
import { Service } from './backend.js';
import { bareMeshes } from './character.js';
import { Clock } from './clock.js';
import { Clips } from './clips.js';
import { Compare } from './compare.js';
import { Connection } from './connection.js';
import { addressOf, readAddress } from './address.js';
import { freshDesk, labelOf, mixingSwitched, styleChosen } from './asking.js';
import { Controls, following, MIX } from './controls.js';
import { CurveLane, parseCurve } from './curve.js';
import { followTheme } from './colours.js';
import { dropFiles, isStyle, pickFiles, saveFile } from './files.js';
import { Grid } from './grid.js';
import { keyTable } from './key_table.js';
import { Layers } from './layers.js';
import { Library } from './library.js';
import { listenForKeys, showKeys } from './keys.js';
import { Live } from './live.js';
import { Messages } from './messages.js';
import { Models } from './models.js';
import { Notices, say, showProgress } from './notices.js';
import { showCurveOffer, showOffers } from './offers.js';
import { Opening } from './opening.js';
import { OwnStyles } from './own.js';
import {
  buildSegments,
  pressSegments,
  ReferenceView,
  copied,
  showClip,
  showFormats,
  showOutcome,
} from './panel.js';
import { Previews } from './previews.js';
import { Session } from './session.js';
import { Stage } from './stage.js';
import { Timeline } from './timeline.js';
import { Trim } from './trim.js';
import { GRID_SIZE, isGrid, View } from './view.js';

/** Milliseconds without a change until the address is written. */
const ADDRESS_MS = 150;

const VIEWS = [
  ['side', 'Side by side'],
  ['overlay', 'Overlay'],
  ['both', 'A and B'],
  ['grid', 'Grid'],
  ['takes', 'Takes'],
];
const GRID_SIZES = [6, 12, 16, 22];
const CUES = [
  ['style', 'Style'],
  ['like', 'Like a clip'],
  ['random', 'Surprise me'],
];

const element = (id) => document.getElementById(id);

const service = new Service();
const session = new Session(service);
const notices = new Notices();
const clock = new Clock();
const stage = Stage.on(element('stage'), notices);
stage.prepare(bareMeshes());
const view = new View(stage, element('cells'));
const timeline = new Timeline(clock, () => stage.touch());
view.arranged = (frameCount) => {
  timeline.setLength(frameCount);
  showTrim();
};
const messages = new Messages(element('notes'), session, timeline);
const models = new Models(service, view);
models.changed = () => {
  messages.ofMesh = models.notes;
  messages.update();
  layers.show();
};
const layers = new Layers(element('layers'), stage, view, models);
const previews = new Previews(element('styles'), element('previews'), service, chooseStyle);
previews.isBusy = () => session.busy;
const compare = new Compare(session, view, fail);
const grid = new Grid(session, view, () => previews.cards, fail);
const library = new Library(previews);
const own = new OwnStyles(session, library, (title) => chooseStyle(title, false), fail);
const controls = new Controls(element('controls'), (name, value) => {
  seen.began = performance.now();
  session.set(name, value);
});
const trim = new Trim(element('scrub').parentElement, clock, (name, moment) => {
  seen.began = performance.now();
  session.set(name, moment);
});
const curve = new CurveLane(element('curve-lane'), (value) => session.set(curveOf().name, value));
const clips = new Clips(session, notices, keepAddress);
const opening = new Opening(session, notices, clips);
const reference = new ReferenceView();
const connection = new Connection(service);
const live = new Live(service, view);

const seen = { frames: 0, latencies: [], began: 0, fresh: false };

// ---- what is asked for ----

function chooseStyle(title, second) {
  if (second && service.refusal('mixing')) return notices.fail(service.refusal('mixing'));
  seen.began = performance.now();
  session.choose(styleChosen(session.ask, title, second));
}

const switchMixing = () => session.choose(mixingSwitched(session.ask));
const chooseCue = (kind) => session.choose({ kind });

/** Styles among files that were dropped or picked are told to the server, the rest is opened. */
async function openFiles(all, asReference = false) {
  const files = all.filter((file) => !isStyle(file));
  if (files.length < all.length) notices.clear();
  for (const style of all.filter(isStyle)) await own.add(style);
  if (files.length) await opening.openFiles(files, asReference);
}

function fail(error) {
  if (!error.unreachable)
    notices.fail(
      error.message,
      error.opening && error.kind === 'rig' ? opening.askForRig(error.opening) : null,
    );
  previews.mayFetch = true;
  showProgress(null);
}

// ---- what is shown ----

/** What the timeline's curve is of. */
const curveOf = () =>
  [MIX, ...session.settings].find(({ name }) => name === element('curve-of').value);

function showCurve() {
  const setting = curveOf();
  const mixed = session.mixing && session.values.second === 'all';
  for (const option of element('curve-of').options)
    option.hidden = option.disabled = option.value === MIX.name && !mixed;
  if (!setting) return;
  if (setting === MIX && !mixed) {
    const other = session.settings.find(({ over_time: does }) => does);
    if (!other) return;
    element('curve-of').value = other.name;
    return showCurve();
  }
  const value = session.values[setting.name];
  element('curve-flat').disabled = typeof value === 'number';
  if (!session.source) return;
  const { frameCount, frameTime } = session.source.motion;
  curve.show(setting, value, (frameCount - 1) * frameTime);
}

function toggleCurve() {
  if (element('curves').hidden) return;
  const lane = element('curve');
  lane.hidden = !lane.hidden;
  element('curves').setAttribute('aria-pressed', String(!lane.hidden));
  showCurve();
}

function showChoice() {
  const { kind, styles, mixing } = session.ask;
  pressSegments(element('cues'), (value) => value === kind);
  for (const [cue] of CUES) element(`by-${cue}`).hidden = cue !== kind;
  for (const id of ['mix', 'style-search']) element(id).hidden = kind !== 'style';
  element('mix').setAttribute('aria-pressed', String(mixing));
  element('chosen').textContent = kind === 'style' ? chosenWords(styles, mixing) : '';
  previews.show(kind === 'style' ? styles : []);
  library.show(kind === 'style' ? styles.at(-1) : null);
  controls.show(session.values, session.mixing, live.on ? live.state.settings : null);
  showSteps();
  showTrim();
  showCurve();
  grid.update();
  compare.update();
  element('result').setAttribute('aria-busy', String(!live.on));
  keepAddress();
}

const chosenWords = (styles, mixing) =>
  styles.length === 2 ? styles.join(' + ') : mixing ? 'choose a second style' : '';

/** Which steps there are, and which of the two results this is. */
function showSteps() {
  element('undo').disabled = !session.history.canUndo;
  element('redo').disabled = !session.history.canRedo;
  pressSegments(element('slots'), (slot) => slot === session.desk.slot);
  for (const button of element('slots').children) {
    const ask = session.desk[button.dataset.value];
    const words = ask ? labelOf(ask, session.settings) : 'none yet: begins as the other';
    button.title = `Result ${button.dataset.value}: ${words} (B)`;
  }
}

/** The address says what is shown: at once, but seldom enough while a slider moves. */
function keepAddress() {
  clearTimeout(keepAddress.timer);
  const early = (keepAddress.at ?? -Infinity) + ADDRESS_MS - performance.now();
  if (early > 0) keepAddress.timer = setTimeout(keepAddress, early);
  else if (session.source) {
    keepAddress.at = performance.now();
    const shown = { view: view.mode, clips: clips.entries };
    history.replaceState(null, '', `#${addressOf(session.desk, session.settings, shown)}`);
  }
}

/** Which part of the clip is taken; and that alone is played, and of a cycle one round. */
function showTrim() {
  if (!session.source) return;
  trim.show(session.source.motion.frameCount, session.values);
  const { result } = view;
  const last = result && result.clipFrame(result.motion.frameCount - 1);
  const part = session.values.start || session.values.stop || session.values.loop;
  clock.range = result && part ? [result.from, last] : [0, Infinity];
}

function showSource(opened) {
  live.stop();
  notices.clear();
  clock.setClip(opened.motion.frameCount, opened.motion.frameTime);
  view.setOriginal(opened.motion, opened.name);
  timeline.setCharacters(view.compared);
  models.look(opened);
  previews.setClip(opened);
  showClip(opened);
  opening.show();
  opening.showAnimations();
  clips.look();
  showResult(null);
  showCurve();
  grid.update();
}

function showResult(result) {
  if (live.on) return;
  if (result) {
    const label = labelOf(result.ask, session.settings);
    if (view.setResult(result.motion, label, session.beginning(result.request))) {
      timeline.setCharacters(view.compared);
      notices.clear();
    }
    previews.mayFetch = true;
    seen.fresh = true;
    compare.update();
  } else {
    view.clearResult();
  }
  showTrim();
  messages.update();
  showOutcome(
    result,
    [view.original, view.result].map((character) => character?.meanSlide ?? null),
  );
  keepAddress();
}

/** What is there of the next result. */
function showPart(part) {
  view.setPart(part?.motion ?? null, part ? labelOf(part.ask, session.settings) : '');
  if (part) seen.fresh = true;
}

function setMode(mode) {
  view.setMode(mode);
  pressSegments(element('views'), (value) => value === mode);
  element('grid-size').hidden = !isGrid(mode);
  grid.update();
  compare.update();
  keepAddress();
}

// ---- a performer ----

function showLive({ source, stage, lookahead_seconds: late, command, error }) {
  const said = {
    waiting: `Nothing comes yet: send to ${source}`,
    calibrating: 'Stand, and take some steps',
    running: `${Math.round(1000 * late)} ms late`,
  };
  element('live-state').textContent = error ?? said[stage];
  element('command').textContent = command ?? '';
  element('command').parentElement.hidden = !command;
}

live.wanted = () => session.restyling();
live.called = (title) => session.called(title);
live.label = () => labelOf(session.ask, session.settings);
live.told = showLive;
live.failed = fail;
live.switched = (on) => {
  element('live').setAttribute('aria-pressed', String(on));
  document.body.classList.toggle('live', on);
  element('live-state').textContent = '';
  session.paused = on;
  if (on && isGrid(view.mode)) setMode('side');
  if (!on && session.source) {
    showSource(session.source);
    session.again();
  }
  showChoice();
};

function cancel() {
  clips.cancel();
  session.cancel();
}

// ---- what is done with the result ----

async function download() {
  await session.settled();
  if (!session.result) return;
  try {
    const format = element('format').value;
    const { bytes, name, notes } = await service.file(session.result.clip.id, format);
    saveFile(bytes, name ?? session.result.clip.name.replace(/\.[^.]*$/, '') + format);
    messages.addWritten(notes);
    say('Downloaded.');
  } catch (error) {
    if (!error.expired) return fail(error);
    await session.remake();
    notices.fail('The result had expired and was made again; please download it now.');
  }
}

async function copyCommand() {
  if (!live.on) await session.settled();
  const command = live.on ? live.state.command : session.result?.clip.command;
  if (!command) return;
  element('copy').textContent = (await copied(command)) ? 'Copied' : 'Selected';
  setTimeout(() => (element('copy').textContent = 'Copy'), 1500);
}

// ---- keys ----

const nextVariation = () => {
  const seed = session.settings.find(({ name }) => name === 'seed');
  session.set(seed.name, following(seed, session.values.seed));
};
const chooseNumber = (event) => {
  const card = previews.shown[Number(event.key) - 1];
  if (card) chooseStyle(card.title, false);
};
const surprise = () => (session.ask.kind === 'random' ? nextVariation() : chooseCue('random'));
const openFile = () => element('open').click();
const showHelp = () => element('keys').showModal();

// ---- putting it together ----

const switchTheme = followTheme(() => {
  stage.recolour();
  previews.refresh();
  timeline.setCharacters(view.compared);
});

session.on('source', showSource);
session.on('part', showPart);
session.on('result', showResult);
session.moment = () => clock.seconds;
session.on('reference', (opened) => {
  reference.set(opened);
  opening.showAnimations(true);
});
session.on('settled', () => element('result').setAttribute('aria-busy', 'false'));
session.on('choice', showChoice);
session.on('choice', () => {
  if (!live.on) return;
  view.resultLabel = live.label();
  view.arrange();
  live.restyle();
});
session.on('working', showProgress);
session.on('failed', fail);

connection.lost = () => {
  previews.mayFetch = false;
  notices.wait('The studio’s server does not answer. It goes on when it is back.');
};
connection.found = async (restarted) => {
  notices.wait(null);
  say('The server is back.');
  if (!session.settings.length) return start();
  await session.recover(restarted);
  previews.mayFetch = true;
  if (restarted) grid.again();
};

showOffers(service, (sentence) => notices.fail(sentence));
buildSegments(element('views'), VIEWS, setMode);
buildSegments(element('cues'), CUES, chooseCue);
buildSegments(
  element('slots'),
  ['A', 'B'].map((slot) => [slot, slot]),
  (slot) => slot !== session.desk.slot && session.switchSlot(),
);
for (const size of GRID_SIZES)
  element('grid-size').lastChild.add(
    new Option(`${size} at once`, size, size === GRID_SIZE, size === GRID_SIZE),
  );
setMode(view.mode);
showResult(null);

pickFiles(element('open'), element('file'), (files) => openFiles(files, false));
pickFiles(element('open-like'), element('file-like'), (files) => openFiles(files, true));
dropFiles(element('drop'), element('by-like'), openFiles);
element('example').addEventListener(
  'change',
  ({ target }) => target.value && opening.open({ example: target.value }),
);
element('grid-size').addEventListener('change', ({ target }) => {
  grid.size = Number(target.value);
  grid.update();
});
element('curves').addEventListener('click', toggleCurve);
element('curve-of').addEventListener('change', showCurve);
element('curve-flat').addEventListener('click', () =>
  session.set(curveOf().name, parseCurve(session.values[curveOf().name])[0][1]),
);
element('mix').addEventListener('click', switchMixing);
element('undo').addEventListener('click', () => session.undo());
element('redo').addEventListener('click', () => session.redo());
element('defaults').addEventListener('click', () => session.reset());
element('live').addEventListener('click', () => live.toggle());
element('surprise').addEventListener('click', nextVariation);
element('cancel').addEventListener('click', cancel);
element('download').addEventListener('click', download);
element('copy').addEventListener('click', copyCommand);
element('theme').addEventListener('click', () => switchTheme());
element('help').addEventListener('click', showHelp);
const keys = keyTable({
  clock,
  timeline,
  stage,
  controls,
  view,
  session,
  trim,
  cancel,
  chooseNumber,
  copyCommand,
  download,
  nextVariation,
  openFile,
  switchMixing: () => element('mix').click(),
  setMode,
  showHelp,
  surprise,
  switchTheme: () => switchTheme(),
  toggleCurve,
  toggleLayer: (name) => layers.toggle(name),
});
listenForKeys(keys);
showKeys(element('key-list'), keys);

/** First sight: a demo clip, already restyled and playing; or what the address says. */
async function start() {
  try {
    const [formats, { styles }, examples, rigs, settings, limits] = await Promise.all([
      service.formats(),
      service.styles(),
      service.examples(),
      service.rigs(),
      service.settings(),
      service.limits(),
    ]);
    controls.build(settings);
    showCurveOffer(settings);
    element('curve-of').replaceChildren(
      ...[...settings, MIX]
        .filter(({ over_time: does }) => does)
        .map(({ name, label }) => new Option(label, name)),
    );
    opening.families = rigs.families;
    opening.mostBytes = limits.max_upload_bytes;
    showFormats(formats);
    element('example').replaceChildren(
      new Option('Demo clips…', ''),
      ...examples.map(({ example, title }) => new Option(title, example)),
    );
    element('live-row').hidden = !(await live.find());
    library.setStyles(styles);
    own.showAll();
    // one of the best learned: the server says them first
    const first = previews.cards.find(({ style }) => style.well_learned) ?? previews.cards[0];
    const fresh = freshDesk(settings, first?.title ?? null);
    const known = new Set(previews.cards.map(({ title }) => title));
    const said = readAddress(location.hash.slice(1), fresh, settings, known);
    session.begin(settings, fresh);
    const demo = examples.length ? { example: examples[0].example } : null;
    if (said) await restore(said, demo);
    else if (demo) await opening.open(demo);
  } catch (error) {
    fail(error);
  }
}

/** What the address says; where its clip is gone, the rest of it on a demo clip. */
async function restore({ desk, likes, clip, view: mode, more }, demo) {
  const lost = [];
  const found = async (place) => {
    try {
      return place && (await session.find(place));
    } catch (error) {
      if (error.kind !== 'gone') throw error;
      lost.push(error.message);
      return null;
    }
  };
  const put = { ...desk };
  for (const [slot, place] of Object.entries(likes)) {
    const like = await found(place);
    if (like) await session.ready(like);
    if (like) put[slot] = { ...put[slot], reference: like };
  }
  const source = (await found(clip)) ?? (demo && (await session.find(demo)));
  session.begin(session.settings, put);
  if (session.reference) reference.set(session.reference);
  if (VIEWS.some(([value]) => value === mode)) setMode(mode);
  if (source) await session.place(source);
  const others = await Promise.all(more.map((id) => found({ id, name: 'A clip of the list' })));
  clips.add(others.filter(Boolean));
  if (!lost.length) return;
  await session.settled();
  notices.fail(lost.join(' '));
}

let before = performance.now();
function draw(now) {
  const ms = now - before;
  before = now;
  clock.tick(Math.min(ms, 100) / 1000);
  stage.draw(clock.frame, clock.playing, ms);
  timeline.show();
  previews.draw(now);
  reference.draw(now);
  seen.frames++;
  if (seen.fresh) {
    seen.fresh = false;
    seen.latencies.push(performance.now() - seen.began);
  }
  requestAnimationFrame(draw);
}

/** For those who look inside: the browser's console, and the tests. */
window.kinestyle = {
  clips,
  session,
  opening,
  messages,
  models,
  stage,
  view,
  clock,
  timeline,
  previews,
  grid,
  live,
  seen,
  /**
   * What is drawn.
   * @param {'original' | 'result'} which
   * @param {number} frame
   * @returns {Float32Array} J x 3 metres
   */
  drawnPosition: (which, frame) => view[which].drawnPosition(frame),
};

requestAnimationFrame(draw);
start();
