/**
 * What is asked for as the page's own address, so that a reload, a bookmark and a second tab find it
 * again. It stands behind the `#`, which no browser sends anywhere.
 *
 * @typedef {import('./asking.js').Ask} Ask
 * @typedef {import('./asking.js').Desk} Desk
 * @typedef {import('./controls.js').Setting} Setting
 * @typedef {Object} Place  where a clip is to be found again
 * @property {string} [example]
 * @property {string} [rig]        of an example, a family
 * @property {string} [id]         as the server calls it
 * @property {string} [name]
 */
import { allSettings, changed } from './asking.js';

/** @param {import('./session.js').OpenClip | null} opened  @returns {[string, string][]} */
function placeWords(prefix, opened) {
  if (!opened) return [];
  const { example, clip, rig, name } = opened;
  if (example)
    return [
      [`${prefix}example`, example],
      ...(rig?.family ? [[`${prefix}rig`, rig.family]] : []),
    ];
  return clip
    ? [
        [prefix || 'clip', clip.id],
        [`${prefix}name`, name],
      ]
    : [];
}

/** @returns {Place | null} */
function placeIn(words, prefix) {
  const [example, id] = [words.get(`${prefix}example`), words.get(prefix || 'clip')];
  if (example) return { example, rig: words.get(`${prefix}rig`) };
  return id ? { id, name: words.get(`${prefix}name`) ?? 'the clip' } : null;
}

/** @param {Ask} ask  @param {Setting[]} settings  @returns {URLSearchParams} */
function wordsOf(ask, settings) {
  const words = new URLSearchParams();
  if (ask.kind !== 'style') words.set('cue', ask.kind);
  for (const style of ask.styles) words.append('style', style);
  if (ask.mixing) words.set('mixing', 'yes');
  for (const [name, word] of placeWords('like-', ask.reference)) words.set(name, word);
  for (const { name, default: usual } of allSettings(settings))
    if (ask.values[name] !== usual) words.set(name, String(ask.values[name]));
  return words;
}

/** The inverse of `String`, for one kind of setting. */
function valueOf(setting, word) {
  if (setting.kind === 'switch') return word === 'true';
  const isNumber = word !== '' && Number.isFinite(Number(word));
  const mayBe = !['choice', 'parts'].includes(setting.kind);
  return mayBe && isNumber ? Number(word) : word;
}

/** @param {Ask} ask  as it is at first  @returns {{ask: Ask, like: Place | null}} */
function askIn(words, ask, settings, known) {
  const styles = words.getAll('style').filter((name) => known.has(name));
  const kind = ['like', 'random'].find((one) => one === words.get('cue')) ?? 'style';
  const values = {};
  for (const one of allSettings(settings))
    if (words.has(one.name)) values[one.name] = valueOf(one, words.get(one.name));
  const next = changed(ask, {
    kind: kind === 'style' && !ask.styles.length ? ask.kind : kind,
    styles: styles.length ? styles.slice(0, 2) : ask.styles,
    mixing: words.has('mixing'),
  });
  return {
    ask: { ...next, values: { ...next.values, ...values } },
    like: placeIn(words, 'like-'),
  };
}

/**
 * @param {Desk} desk  @param {Setting[]} settings
 * @param {{view: string, clips: import('./session.js').OpenClip[]}} shown
 * @returns {string} without its `#`
 */
export function addressOf(desk, settings, { view, clips }) {
  const words = wordsOf(desk[desk.slot], settings);
  const other = desk[desk.slot === 'A' ? 'B' : 'A'];
  for (const [name, word] of placeWords('', desk.source)) words.set(name, word);
  if (desk.slot === 'B') words.set('slot', 'B');
  if (other) words.set('other', String(wordsOf(other, settings)));
  if (view !== 'side') words.set('view', view);
  for (const { clip } of clips) if (clip && clip !== desk.source?.clip) words.append('more', clip.id);
  return String(words);
}

/**
 * @param {string} text  without its `#`
 * @param {Desk} fresh  @param {Setting[]} settings
 * @param {Set<string>} known  titles of styles
 * @returns {{desk: Desk, clip: Place | null, likes: Record<string, Place | null>,
 *   view: string | null, more: string[]} | null} a desk without its clips, and where those are;
 *   null where the address says nothing
 */
export function readAddress(text, fresh, settings, known) {
  const words = new URLSearchParams(text);
  if (![...words].length) return null;
  const slot = words.get('slot') === 'B' ? 'B' : 'A',
    there = slot === 'A' ? 'B' : 'A';
  const here = askIn(words, fresh.A, settings, known);
  const desk = { ...fresh, slot, B: null, [slot]: here.ask };
  const likes = { [slot]: here.like };
  if (words.has('other')) {
    const other = askIn(new URLSearchParams(words.get('other')), fresh.A, settings, known);
    [desk[there], likes[there]] = [other.ask, other.like];
  }
  return {
    desk,
    likes,
    clip: placeIn(words, ''),
    view: words.get('view'),
    more: words.getAll('more'),
  };
}
