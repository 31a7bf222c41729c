/**
 * What is worth knowing of the clip and of the result: a line each, with one way on. The server says
 * what it is about and when it holds; of two notes on the same fact the result's is shown.
 *
 * @typedef {Object} Note  see `notes` of a clip in /api/docs
 * @property {string} sentence
 * @property {string | null} kind
 * @property {string | null} short
 * @property {[number, number][]} spans_seconds
 * @property {Record<string, number>} figures
 * @typedef {[string, () => void]} Way  words of a button, and what it does
 */

const MOST_WORDS = 15;

/** The beginning of what has no short form. @param {string} sentence */
export function firstWords(sentence) {
  const words = sentence.split(/\s+/);
  return words.length <= MOST_WORDS ? sentence : `${words.slice(0, MOST_WORDS - 1).join(' ')} …`;
}

const capital = (text) => text[0].toUpperCase() + text.slice(1);

/** @param {Note[]} ofClip  @param {Note[]} ofResult  @returns {Note[]} each fact once */
export function eachOnce(ofClip, ofResult) {
  const factOf = ({ kind, sentence }) => kind ?? sentence,
    found = new Map();
  for (const note of [...ofClip, ...ofResult]) found.set(factOf(note), note);
  return [...found.values()];
}

/**
 * Ways on, by the kind of note.
 * @param {import('./session.js').Session} session
 * @returns {Record<string, (note: Note) => Way | null>}
 */
function waysOf(session) {
  /** None where the service has not that setting. */
  const setting = (words, name, value) =>
    session.settings.some((one) => one.name === name)
      ? [words, () => session.set(name, value)]
      : null;
  const open = (id) => () => {
    const details = document.getElementById(id);
    details.open = true;
    details.scrollIntoView({ block: 'nearest' });
    details.querySelector('summary').focus();
  };
  const rig = () => ['See the rig', open('rig')];
  const byKind = {
    'out-of-domain': ({ figures }) =>
      'kept_share' in figures
        ? setting('Keep all of it', 'out_of_domain', 'ignore')
        : setting('Half strength', 'strength', 0.5),
    'action-kept': () => setting('Let them go', 'action', 'free'),
    travel: () => setting('Keep its path', 'root', 'keep'),
    cycle: () => setting('No cycle', 'cycle', 'no'),
    treadmill: () => setting('No treadmill', 'cycle', 'no'),
    seam: ({ figures }) => setting('End there', 'stop', `${figures.better_last_frame}f`),
    tempo: () => setting('Keep the tempo', 'timing', 'keep'),
    't-pose': () => setting('Leave it out', 't_pose', false),
    looped: () => setting('No loop', 'loop', 0),
    'root-motion': () => setting('Leave it', 'root_motion', 'keep'),
    reference: () => [
      'Another one',
      () => {
        session.choose({ kind: 'like' });
        document.getElementById('open-like').click();
      },
    ],
  };
  for (const kind of ['joints', 'names', 'unlike-sides', 'sides', 'four-legs', 'no-head'])
    byKind[kind] = rig;
  for (const kind of ['unit', 'up', 'floor']) byKind[kind] = () => ['How it is read', open('rig')];
  return byKind;
}

/** @param {string} sentence  @returns {Note} */
const plain = (sentence) => ({ kind: null, short: null, spans_seconds: [], figures: {}, sentence });

export class Messages {
  /** What is shown. @type {Note[]} */
  notes = [];

  /**
   * @param {HTMLUListElement} list
   * @param {import('./session.js').Session} session
   * @param {import('./timeline.js').Timeline} timeline
   */
  constructor(list, session, timeline) {
    Object.assign(this, { list, session, timeline });
    this.ways = waysOf(session);
  }

  /** What there is to say of the clip's mesh. @type {string[]} */
  ofMesh = [];

  /** Of the clip and the result that are there. */
  update() {
    const { source, result } = this.session;
    const notes = eachOnce(source?.clip?.notes ?? [], result?.clip.notes ?? []);
    this.#show(eachOnce(notes, this.ofMesh.map(plain)));
  }

  /** What a written file could not express. @param {string[]} sentences */
  addWritten(sentences) {
    this.#show(eachOnce(this.notes, sentences.map(plain)));
  }

  #show(notes) {
    this.notes = notes;
    this.list.replaceChildren(...notes.map((note) => this.#item(note)));
    this.timeline.mark(notes.flatMap((note) => note.spans_seconds.map((span) => ({ span, note }))));
  }

  #item(note) {
    const item = document.createElement('li'),
      text = document.createElement('span');
    text.textContent = note.short ?? capital(firstWords(note.sentence));
    text.title = note.sentence;
    const known = this.ways[note.kind]?.(note);
    const [words, act] = known ?? this.#more(text, note);
    const way = Object.assign(document.createElement('button'), {
      type: 'button',
      className: 'small',
      textContent: words,
    });
    way.addEventListener('click', act);
    item.append(text);
    if (text.textContent.length < note.sentence.length || known) item.append(way);
    return item;
  }

  /** @returns {Way} */
  #more(text, { sentence }) {
    return [
      'More',
      ({ target }) => {
        text.textContent = capital(sentence);
        target.remove();
      },
    ];
  }
}
