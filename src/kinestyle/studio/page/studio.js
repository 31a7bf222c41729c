/** The studio: puts the parts together and lets them move. */
import { Clock } from './clock.js';
import { Connection } from './connection.js';
import { buildControls } from './controls.js';
import { followTheme } from './colours.js';
import { dropFiles, pickFiles, saveFile } from './files.js';
import { Grid } from './grid.js';
import { listenForKeys, showKeys } from './keys.js';
import { Notices, say, showProgress } from './notices.js';
import { buildSegments, pressSegments, ReferenceView, resultLabel, showClip, showOutcome } from './panel.js';
import { Previews } from './previews.js';
import { Service } from './service.js';
import { Session } from './session.js';
import { Stage } from './stage.js';
import { Timeline } from './timeline.js';
import { GRID_SIZE, View } from './view.js';

/** The style that a first sight shows, where the bundle has it. */
const FIRST_STYLE = 'old';

const VIEWS = [['side', 'Side by side'], ['overlay', 'Overlay'], ['grid', 'Grid']];
const LAYERS = [
  ['follow', 'Follow', 'The camera goes along (F)'],
  ['path', 'Path', 'The way of the hips over the floor'],
  ['prints', 'Prints', 'Where feet stood, coloured where they slid'],
  ['fit', 'Fit', 'Fit the view (0)'],
];
const GRID_SIZES = [6, 12, 16, 22];
const MANNERS = [['style', 'Style'], ['like', 'Like a clip'], ['random', 'Surprise me']];

const element = (id) => document.getElementById(id);

const service = new Service();
const session = new Session(service);
const notices = new Notices();
const clock = new Clock();
const stage = new Stage(element('stage'));
const view = new View(stage, element('cells'));
const timeline = new Timeline(clock, () => stage.touch());
const previews = new Previews(element('styles'), element('previews'), service, chooseStyle);
const grid = new Grid(session, view, () => previews.cards, fail);
const controls = buildControls(element('controls'), (name, value) => {
  seen.began = performance.now();
  session.set(name, value);
});
const reference = new ReferenceView();
const connection = new Connection(service);

const seen = { frames: 0, latencies: [], began: 0, fresh: false };
let mixing = false;

// ---- what is asked for ----

function chooseStyle(title, second) {
  seen.began = performance.now();
  const { styles } = session.choice;
  if (second || mixing) {
    const both = styles.includes(title) ? styles.filter((name) => name !== title || styles.length < 2) : [...styles.slice(-1), title];
    session.choose({ manner: 'style', styles: both });
  } else {
    session.choose({ manner: 'style', styles: [title] });
  }
}

function setMixing(on) {
  mixing = on;
  element('mix').setAttribute('aria-pressed', String(on));
  if (!on && session.choice.styles.length > 1) session.choose({ styles: session.choice.styles.slice(0, 1) });
  showChoice();
}

function chooseManner(manner) {
  if (manner === 'random' && session.values.seed === 0) session.values = { ...session.values, seed: 1 };
  session.choose({ manner });
}

async function open(what, asReference = false) {
  notices.clear();
  if (await session.open(what, asReference)) say(asReference ? 'Reference opened.' : 'Clip opened.');
}

function fail(error) {
  if (!error.unreachable) notices.fail(error.message);
  previews.mayFetch = true;
  showProgress(null);
}

// ---- what is shown ----

function showChoice() {
  const { manner, styles } = session.choice;
  pressSegments(element('manners'), (value) => value === manner);
  for (const [kind] of MANNERS) element(`by-${kind}`).hidden = kind !== manner;
  element('mix').hidden = manner !== 'style';
  element('chosen').textContent = styles.length === 2 ? styles.join(' + ') : mixing ? 'choose a second style' : '';
  previews.show(manner === 'style' ? styles : []);
  controls.show(session.values, session.choice);
  grid.update();
}

function showSource(held) {
  notices.clear();
  clock.setClip(held.motion.frameCount, held.motion.frameTime);
  view.setOriginal(held.motion, held.clip.name);
  timeline.setCharacters(view.compared);
  showClip(held);
  showResult(null);
  grid.update();
}

function showResult(result) {
  if (result) {
    view.setResult(result.motion, resultLabel(session));
    timeline.setCharacters(view.compared);
    notices.clear();
    previews.mayFetch = true;
    seen.fresh = !session.busy;
  }
  showOutcome(result, session.source?.clip?.warnings ?? [], [view.original, view.result].map((character) => character?.meanSlide ?? null));
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
  pressSegments(element('layers'), (name) => (name === 'fit' ? null : name === 'follow' ? stage.follow : stage.layers[name]));
}

// ---- what is done with the result ----

async function download() {
  if (!session.result) return;
  try {
    const format = element('format').value;
    const { bytes, name } = await service.file(session.result.clip.id, format);
    saveFile(bytes, name ?? session.result.clip.name.replace(/\.[^.]*$/, '') + format);
    say('Downloaded.');
  } catch (error) {
    if (error.expired) await session.recover().then(() => notices.fail('The result had expired and was made anew; please download again.'));
    else fail(error);
  }
}

async function copyCommand() {
  const command = session.result?.clip.command;
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

const nextTake = () => session.set('seed', session.values.seed + 1);
const chooseNumber = (event) => {
  const card = previews.cards[Number(event.key) - 1];
  if (card) chooseStyle(card.title, false);
};
const KEYS = [
  { keys: [' ', 'k'], shown: 'Space', words: 'play or pause', run: () => clock.toggle() },
  { keys: ['ArrowLeft'], shown: '←', words: 'a frame back, with Shift ten', run: (event) => timeline.step(event.shiftKey ? -10 : -1) },
  { keys: ['ArrowRight'], shown: '→', words: 'a frame on, with Shift ten', run: (event) => timeline.step(event.shiftKey ? 10 : 1) },
  { keys: ['Home'], shown: 'Home', words: 'to the first frame', run: () => timeline.seek(0) },
  { keys: ['End'], shown: 'End', words: 'to the last frame', run: () => timeline.seek(1e9) },
  { keys: [','], shown: ',', words: 'slower', run: () => timeline.nudgeSpeed(-1) },
  { keys: ['.'], shown: '.', words: 'faster', run: () => timeline.nudgeSpeed(1) },
  { keys: ['l'], shown: 'L', words: 'loop', run: () => clock.setLoop(!clock.loop) },
  { keys: ['['], shown: '[', words: 'weaker', run: () => controls.nudge('strength', -1) },
  { keys: [']'], shown: ']', words: 'stronger', run: () => controls.nudge('strength', 1) },
  { keys: [...'123456789'], shown: '1 – 9', words: 'choose a style', run: chooseNumber },
  { keys: ['m'], shown: 'M', words: 'mix two styles', run: () => setMixing(!mixing) },
  { keys: ['{'], shown: '{', words: 'more of the first style', run: () => controls.nudge('mix', -1) },
  { keys: ['}'], shown: '}', words: 'more of the second style', run: () => controls.nudge('mix', 1) },
  { keys: ['n'], shown: 'N', words: 'next take', run: nextTake },
  { keys: ['r'], shown: 'R', words: 'surprise me', run: () => (session.choice.manner === 'random' ? nextTake() : chooseManner('random')) },
  { keys: ['g'], shown: 'G', words: 'grid of styles', run: () => setMode(view.mode === 'grid' ? 'side' : 'grid') },
  { keys: ['o'], shown: 'O', words: 'overlay or side by side', run: () => setMode(view.mode === 'overlay' ? 'side' : 'overlay') },
  { keys: ['f'], shown: 'F', words: 'follow', run: () => toggleLayer('follow') },
  { keys: ['0'], shown: '0', words: 'fit the view', run: () => stage.fit() },
  { keys: ['-', '_'], shown: '-', words: 'zoom out', run: () => stage.zoom(1.15) },
  { keys: ['+', '='], shown: '+', words: 'zoom in', run: () => stage.zoom(1 / 1.15) },
  { keys: ['a'], shown: 'A', words: 'turn left', run: () => stage.turn(-0.15, 0) },
  { keys: ['d'], shown: 'D', words: 'turn right', run: () => stage.turn(0.15, 0) },
  { keys: ['w'], shown: 'W', words: 'look from higher', run: () => stage.turn(0, -0.1) },
  { keys: ['s'], shown: 'S', words: 'look from lower', run: () => stage.turn(0, 0.1) },
  { keys: ['u'], shown: 'U', words: 'open a file', run: () => element('open').click() },
  { keys: ['x'], shown: 'X', words: 'download', run: download },
  { keys: ['c'], shown: 'C', words: 'copy the command', run: copyCommand },
  { keys: ['t'], shown: 'T', words: 'light or dark', run: () => switchTheme() },
  { keys: ['Escape'], shown: 'Esc', words: 'cancel what is being made', run: () => session.cancel() },
  { keys: ['?'], shown: '?', words: 'this page', run: () => element('keys').showModal() },
];

// ---- putting it together ----

const switchTheme = followTheme(() => {
  stage.recolour();
  previews.refresh();
  timeline.redraw();
  timeline.setCharacters(view.compared);
});

session.on('source', showSource);
session.on('result', showResult);
session.on('reference', (held) => reference.set(held));
session.on('choice', showChoice);
session.on('working', showProgress);
session.on('failed', fail);

connection.lost = () => notices.wait('The studio’s server does not answer. Your clip is kept in this page; it goes on as soon as the server is back.');
connection.found = async (restarted) => {
  notices.wait(null);
  say('The server is back.');
  if (!session.source) return start();
  if (restarted) await session.recover();
  else if (!session.result) session.request();
  if (restarted) grid.again();
};

buildSegments(element('views'), VIEWS, setMode);
buildSegments(element('layers'), LAYERS, toggleLayer);
buildSegments(element('manners'), MANNERS, chooseManner);
for (const size of GRID_SIZES) element('grid-size').lastChild.add(new Option(`${size} at once`, size, size === GRID_SIZE, size === GRID_SIZE));
showLayers();
setMode(view.mode);
showResult(null);

pickFiles(element('open'), element('file'), (files) => open({ files }));
pickFiles(element('open-like'), element('file-like'), (files) => open({ files }, true));
dropFiles(element('drop'), element('by-like'), (files, onReference) => open({ files }, onReference));
element('example').addEventListener('change', ({ target }) => target.value && open({ example: target.value }));
element('grid-size').addEventListener('change', ({ target }) => {
  grid.size = Number(target.value);
  grid.update();
});
element('mix').addEventListener('click', () => setMixing(!mixing));
element('surprise').addEventListener('click', nextTake);
element('cancel').addEventListener('click', () => session.cancel());
element('download').addEventListener('click', download);
element('copy').addEventListener('click', copyCommand);
element('theme').addEventListener('click', () => switchTheme());
element('help').addEventListener('click', () => element('keys').showModal());
listenForKeys(KEYS);
showKeys(element('key-list'), KEYS);

const local = ['localhost', '127.0.0.1', '[::1]'].includes(location.hostname);
element('privacy').querySelector('span').textContent = local ? 'All stays on this machine' : `Files go to ${location.host} only`;
element('privacy').title = 'Files go from this page to the studio’s own server and nowhere else; it forgets them after a while.';

/** First sight: a demo clip, already restyled and playing. */
async function start() {
  try {
    const [formats, { styles }, examples] = await Promise.all([service.formats(), service.styles(), service.examples()]);
    element('formats').textContent = formats.read.map((ending) => (ending === '.amc' ? '.amc with its .asf' : ending)).join(', ');
    for (const id of ['file', 'file-like']) element(id).accept = [...formats.read, '.asf'].join(',');
    element('format').replaceChildren(...formats.write.map((format) => new Option(format, format)));
    element('example').replaceChildren(new Option('Demo clips…', ''), ...examples.map(({ example, title }) => new Option(title, example)));
    previews.setStyles(styles);
    const first = previews.cards.find(({ title }) => title === FIRST_STYLE) ?? previews.cards[0];
    session.choice = first ? { manner: 'style', styles: [first.title] } : { manner: 'random', styles: [] };
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
  session, stage, view, clock, seen,
  /** What is drawn. @param {'original' | 'result'} which @param {number} frame @returns {Float32Array} J x 3 metres */
  drawnPosition: (which, frame) => view[which].drawnPosition(frame),
};

requestAnimationFrame(draw);
start();
