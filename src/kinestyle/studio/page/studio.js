/** The studio: puts the parts together and lets them move. */
import { Clock } from './clock.js';
import { Connection } from './connection.js';
import { Controls, MIX } from './controls.js';
import { CurveLane, parseCurve } from './curve.js';
import { followTheme } from './colours.js';
import { dropFiles, isRig, isStyle, pickFiles, saveFile } from './files.js';
import { Grid } from './grid.js';
import { keyTable } from './key_table.js';
import { listenForKeys, showKeys } from './keys.js';
import { Live } from './live.js';
import { Notices, say, showProgress } from './notices.js';
import {
  buildSegments,
  pressSegments,
  ReferenceView,
  resultLabel,
  showClip,
  showOutcome,
} from './panel.js';
import { Previews } from './previews.js';
import {
  chosenReading,
  chosenRig,
  showAnimationChoice,
  showReading,
  showRigChoice,
  showWarnings,
} from './rig.js';
import { Service } from './service.js';
import { Session } from './session.js';
import { Stage } from './stage.js';
import { Timeline } from './timeline.js';
import { Trim } from './trim.js';
import { GRID_SIZE, View } from './view.js';

/** The style that a first sight shows, where the bundle has it. */
const FIRST_STYLE = 'old';

const VIEWS = [
  ['side', 'Side by side'],
  ['overlay', 'Overlay'],
  ['grid', 'Grid'],
];
const LAYERS = [
  ['follow', 'Follow', 'The camera goes along (F)'],
  ['path', 'Path', 'The path of the hips over the floor'],
  ['prints', 'Prints', 'Where feet stood, coloured where they slid'],
  ['fit', 'Fit', 'Fit the view (0)'],
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
const stage = new Stage(element('stage'));
const view = new View(stage, element('cells'));
const timeline = new Timeline(clock, () => stage.touch());
view.arranged = (frameCount) => {
  timeline.setLength(frameCount);
  showTrim();
};
const previews = new Previews(element('styles'), element('previews'), service, chooseStyle);
const grid = new Grid(session, view, () => previews.cards, fail);
const controls = new Controls(element('controls'), (name, value) => {
  seen.began = performance.now();
  session.set(name, value);
});
const trim = new Trim(element('scrub').parentElement, clock, (name, moment) => {
  seen.began = performance.now();
  session.set(name, moment);
});
const curve = new CurveLane(element('curve-lane'), (value) => session.set(curveOf().name, value));
const reference = new ReferenceView();
const connection = new Connection(service);
const live = new Live(service, view);

const seen = { frames: 0, latencies: [], began: 0, fresh: false };
let mixing = false;
/** Rigs that the server knows by name. @type {string[]} */
let families = [];

// ---- what is asked for ----

function chooseStyle(title, second) {
  seen.began = performance.now();
  const { styles } = session.choice;
  if (second || mixing) {
    const both = styles.includes(title)
      ? styles.filter((name) => name !== title || styles.length < 2)
      : [...styles.slice(-1), title];
    session.choose({ kind: 'style', styles: both });
  } else {
    session.choose({ kind: 'style', styles: [title] });
  }
}

function setMixing(on) {
  mixing = on;
  element('mix').setAttribute('aria-pressed', String(on));
  if (!on && session.choice.styles.length > 1)
    session.choose({ styles: session.choice.styles.slice(0, 1) });
  showChoice();
}

const chooseCue = (kind) => session.choose({ kind });

async function open(what, asReference = false) {
  notices.clear();
  if (await session.open(what, asReference))
    say(asReference ? 'Reference opened.' : 'Clip opened.');
}

/**
 * Files that were dropped or picked: a clip, a clip and its rig, a rig alone, which is that of the
 * clip that is there, or styles, with any of these or alone.
 */
async function openFiles(all, asReference = false) {
  const styles = all.filter(isStyle),
    files = all.filter((file) => !isStyle(file));
  for (const style of styles) await addStyle(style);
  if (!files.length) return;
  const [rig] = files.filter(isRig),
    motion = files.filter((file) => !isRig(file));
  if (rig && !motion.length && (asReference ? session.reference : session.source))
    return stateRig({ file: rig }, asReference);
  return open({ files: motion.length ? motion : files, rig: rig && { file: rig } }, asReference);
}

/** A `.style` file that was dropped or picked: it is one more style, and chosen. */
async function addStyle(file) {
  notices.clear();
  try {
    const { title, seconds } = await session.addStyle(file);
    showOwnStyle(title, seconds);
    chooseStyle(title, false);
    say(`${title} is among the styles.`);
  } catch (error) {
    fail(error);
  }
}

function showOwnStyle(title, seconds) {
  const style = {
    seconds,
    get name() {
      return session.called(title);
    },
  };
  previews.addStyle(style, title);
}

/** Read the clip that is there again, on a rig that the person states. */
async function stateRig(rig, asReference = false) {
  const { files, example, animation, reading } = asReference ? session.reference : session.source;
  await open({ files, example, rig, animation, reading }, asReference);
  // as it was, where it does not fit
  showRigChoice(element('rig-choice'), families, session.source?.rig ?? null);
}

/** Read another animation of the file that is there. @param {string} animation */
async function chooseAnimation(animation, asReference = false) {
  const { files, example, rig, reading } = asReference ? session.reference : session.source;
  await open({ files, example, rig, animation, reading }, asReference);
  showAnimations(asReference); // as it was, where it is refused
}

/** Which animation is read, of a file with several. */
function showAnimations(asReference = false) {
  const { clip } = asReference ? session.reference : session.source;
  showAnimationChoice(element(asReference ? 'like-animation' : 'animation'), clip.inspection);
}

/** Read the clip's file again, as the person says: which axis is up, say. */
async function stateReading() {
  const { files, example, rig, animation } = session.source;
  await open({ files, example, rig, animation, reading: chosenReading(element('reading')) });
  // as it was, where it is refused
  showReading(element('reading'), session.source.reading);
}

/** A clip may have been refused for its rig, which the person may know. */
function askForRig([what, asReference]) {
  const select = document.createElement('select');
  showRigChoice(select, families, what.rig ?? null);
  select.addEventListener('change', () => open({ ...what, rig: chosenRig(select) }, asReference));
  const label = document.createElement('label');
  label.append('Its rig, if you know it: ', select);
  return label;
}

function fail(error) {
  if (!error.unreachable)
    notices.fail(
      error.message,
      error.opening && error.status === 422 ? askForRig(error.opening) : null,
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
    element('curve-of').value = session.settings.find(({ over_time: does }) => does).name;
    return showCurve();
  }
  const value = session.values[setting.name];
  element('curve-flat').disabled = typeof value === 'number';
  if (!session.source) return;
  const { frameCount, frameTime } = session.source.motion;
  curve.show(setting, value, (frameCount - 1) * frameTime);
}

function toggleCurve() {
  const lane = element('curve');
  lane.hidden = !lane.hidden;
  element('curves').setAttribute('aria-pressed', String(!lane.hidden));
  showCurve();
}

function showChoice() {
  const { kind, styles } = session.choice;
  pressSegments(element('cues'), (value) => value === kind);
  for (const [cue] of CUES) element(`by-${cue}`).hidden = cue !== kind;
  element('mix').hidden = kind !== 'style';
  element('chosen').textContent =
    styles.length === 2 ? styles.join(' + ') : mixing ? 'choose a second style' : '';
  previews.show(kind === 'style' ? styles : []);
  controls.show(session.values, session.mixing, live.on ? live.state.settings : null);
  showTrim();
  showCurve();
  grid.update();
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
  view.setOriginal(opened.motion, opened.clip.name);
  timeline.setCharacters(view.compared);
  showClip(opened);
  showRigChoice(element('rig-choice'), families, opened.rig);
  showAnimations();
  element('reading').hidden = !opened.files;
  showReading(element('reading'), opened.reading);
  showResult(null);
  showCurve();
  grid.update();
}

function showResult(result) {
  if (live.on) return;
  if (result) {
    view.setResult(result.motion, resultLabel(session), session.beginning(result.request));
    timeline.setCharacters(view.compared);
    notices.clear();
    previews.mayFetch = true;
    seen.fresh = !session.busy;
  }
  showOutcome(
    result,
    session.source?.clip?.warnings ?? [],
    [view.original, view.result].map((character) => character?.meanSlide ?? null),
  );
}

/** What is there of the next result. */
function showPart(part) {
  view.setPart(part?.motion ?? null, resultLabel(session));
  if (part) seen.fresh = true;
}

function setMode(mode) {
  view.setMode(mode);
  pressSegments(element('views'), (value) => value === mode);
  element('grid-size').hidden = mode !== 'grid';
  grid.update();
}

function toggleLayer(name) {
  if (name === 'fit') stage.fit();
  else if (name === 'follow') stage.setFollow(!stage.follow);
  else stage.layers[name] = !stage.layers[name];
  showLayers();
  stage.touch();
}

function showLayers() {
  pressSegments(element('layers'), (name) =>
    name === 'fit' ? null : name === 'follow' ? stage.follow : stage.layers[name],
  );
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
live.label = () => resultLabel(session);
live.told = showLive;
live.failed = fail;
live.switched = (on) => {
  element('live').setAttribute('aria-pressed', String(on));
  document.body.classList.toggle('live', on);
  element('live-state').textContent = '';
  session.paused = on;
  if (on && view.mode === 'grid') setMode('side');
  if (!on && session.source) {
    showSource(session.source);
    session.request();
  }
  showChoice();
};

// ---- what is done with the result ----

async function download() {
  if (!session.result) return;
  try {
    const format = element('format').value;
    const { bytes, name, notes } = await service.file(session.result.clip.id, format);
    saveFile(bytes, name ?? session.result.clip.name.replace(/\.[^.]*$/, '') + format);
    showWarnings(element('result-warnings'), notes);
    say('Downloaded.');
  } catch (error) {
    if (error.expired)
      await session
        .recover(true)
        .then(() =>
          notices.fail('The result had expired and was made again; please download it now.'),
        );
    else fail(error);
  }
}

async function copyCommand() {
  const command = live.on ? live.state.command : session.result?.clip.command;
  if (!command) return;
  try {
    await navigator.clipboard.writeText(command);
    element('copy').textContent = 'Copied';
  } catch {
    getSelection().selectAllChildren(element('command'));
    element('copy').textContent = 'Selected';
  }
  setTimeout(() => (element('copy').textContent = 'Copy'), 1500);
}

// ---- keys ----

const nextVariation = () => session.set('seed', session.values.seed + 1);
const chooseNumber = (event) => {
  const card = previews.cards[Number(event.key) - 1];
  if (card) chooseStyle(card.title, false);
};
const surprise = () => (session.choice.kind === 'random' ? nextVariation() : chooseCue('random'));
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
  showAnimations(true);
});
session.on('choice', showChoice);
session.on('choice', () => {
  if (!live.on) return;
  view.resultLabel = live.label();
  view.arrange();
  live.restyle();
});
session.on('working', showProgress);
session.on('failed', fail);

connection.lost = () =>
  notices.wait(
    'The studio’s server does not answer. Your clip is kept in this page; it goes on as soon as ' +
      'the server is back.',
  );
connection.found = async (restarted) => {
  notices.wait(null);
  say('The server is back.');
  if (!session.source) return start();
  await session.recover(restarted);
  if (restarted) grid.again();
};

buildSegments(element('views'), VIEWS, setMode);
buildSegments(element('layers'), LAYERS, toggleLayer);
buildSegments(element('cues'), CUES, chooseCue);
for (const size of GRID_SIZES)
  element('grid-size').lastChild.add(
    new Option(`${size} at once`, size, size === GRID_SIZE, size === GRID_SIZE),
  );
showLayers();
setMode(view.mode);
showResult(null);

pickFiles(element('open'), element('file'), openFiles);
pickFiles(element('open-like'), element('file-like'), (files) => openFiles(files, true));
dropFiles(element('drop'), element('by-like'), openFiles);
for (const [row, asReference] of [
  ['animation', false],
  ['like-animation', true],
])
  element(row).addEventListener('change', ({ target }) =>
    chooseAnimation(target.value, asReference),
  );
element('reading').addEventListener('change', stateReading);
element('rig-choice').addEventListener('change', ({ target }) => stateRig(chosenRig(target)));
element('example').addEventListener(
  'change',
  ({ target }) => target.value && open({ example: target.value }),
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
element('mix').addEventListener('click', () => setMixing(!mixing));
element('live').addEventListener('click', () => live.toggle());
element('surprise').addEventListener('click', nextVariation);
element('cancel').addEventListener('click', () => session.cancel());
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
  chooseNumber,
  copyCommand,
  download,
  nextVariation,
  openFile,
  setMixing: () => setMixing(!mixing),
  setMode,
  showHelp,
  surprise,
  switchTheme: () => switchTheme(),
  toggleCurve,
  toggleLayer,
});
listenForKeys(keys);
showKeys(element('key-list'), keys);

const local = ['localhost', '127.0.0.1', '[::1]'].includes(location.hostname);
element('privacy').querySelector('span').textContent = local
  ? 'All stays on this machine'
  : `Files go to ${location.host} only`;
element('privacy').title =
  'Files go from this page to the studio’s own server and nowhere else; ' +
  'it forgets them after a while.';

/** First sight: a demo clip, already restyled and playing. */
async function start() {
  try {
    const [formats, { styles }, examples, rigs, settings] = await Promise.all([
      service.formats(),
      service.styles(),
      service.examples(),
      service.rigs(),
      service.settings(),
    ]);
    session.setDefaults(settings);
    controls.build(settings);
    element('curve-of').replaceChildren(
      ...[...settings, MIX]
        .filter(({ over_time: does }) => does)
        .map(({ name, label }) => new Option(label, name)),
    );
    families = rigs.families;
    element('formats').textContent = formats.read
      .map((ending) => (ending === '.amc' ? '.amc with .asf' : ending))
      .join(', ');
    element('formats').parentElement.title = `Reads ${element('formats').textContent}`;
    for (const id of ['file', 'file-like'])
      element(id).accept = [...formats.read, '.asf', '.json', '.style'].join(',');
    element('format').replaceChildren(...formats.write.map((format) => new Option(format, format)));
    element('example').replaceChildren(
      new Option('Demo clips…', ''),
      ...examples.map(({ example, title }) => new Option(title, example)),
    );
    element('live-row').hidden = !(await live.find());
    previews.setStyles(styles);
    for (const [title, { sent }] of session.ownStyles) showOwnStyle(title, sent?.seconds ?? 0);
    const first = previews.cards.find(({ title }) => title === FIRST_STYLE) ?? previews.cards[0];
    session.choice = first
      ? { kind: 'style', styles: [first.title] }
      : { kind: 'random', styles: [] };
    showChoice();
    if (examples.length) await open({ example: examples[0].example });
  } catch (error) {
    fail(error);
  }
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
  session,
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
