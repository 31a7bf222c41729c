/**
 * What is asked for: one value, from which the request, the card, the header, the label in the
 * picture, the address and, by the request, the command are all made. Nothing here touches the
 * page.
 *
 * @typedef {import('./controls.js').Setting} Setting
 * @typedef {import('./session.js').OpenClip} OpenClip
 *
 * @typedef {Object} Ask
 * @property {'style' | 'like' | 'random'} kind  where the style comes from
 * @property {string[]} styles       one or two names
 * @property {boolean} mixing        whether the next style is a second one
 * @property {OpenClip | null} reference
 * @property {import('./controls.js').Values} values
 * @property {Record<string, number>} seeds  each kind keeps its own: coming back to a style one
 *   finds its middle, while a surprise starts with its first draw
 *
 * @typedef {Object} Desk            two asks about one clip, of which one is looked at
 * @property {OpenClip | null} source
 * @property {'A' | 'B'} slot
 * @property {Ask} A
 * @property {Ask | null} B
 */
import { cueSettings, shownValue } from './controls.js';

/** @param {Setting[]} settings  @returns {Setting[]} all that has a value */
export const allSettings = (settings) => [...cueSettings(settings), ...settings];

/** @param {Setting[]} settings */
const defaultsOf = (settings) =>
  Object.fromEntries(allSettings(settings).map((one) => [one.name, one.default]));

/** @param {Setting[]} settings  @param {string | null} style  @returns {Desk} */
export function freshDesk(settings, style) {
  const ask = {
    kind: style ? 'style' : 'random',
    styles: style ? [style] : [],
    mixing: false,
    reference: null,
    values: defaultsOf(settings),
    seeds: { style: 0, like: 0, random: 1 },
  };
  if (!style) ask.values.seed = ask.seeds.random;
  return { source: null, slot: 'A', A: ask, B: null };
}

/** @param {Ask} ask  @param {Partial<Ask>} change  @returns {Ask} */
export function changed(ask, change) {
  const next = { ...ask, ...change };
  if (next.kind === ask.kind) return next;
  const seeds = { ...next.seeds, [ask.kind]: ask.values.seed };
  return { ...next, seeds, values: { ...next.values, seed: seeds[next.kind] } };
}

/** All values as they are at first. @param {Ask} ask  @param {Setting[]} settings */
export const withDefaults = (ask, settings) => ({
  ...ask,
  values: { ...defaultsOf(settings), seed: ask.kind === 'random' ? 1 : 0 },
});

/** Another clip: full strength, and nothing that was said in its predecessor's time. */
export function forAnotherClip(ask, settings) {
  const values = { ...ask.values };
  for (const one of allSettings(settings)) {
    const curve = one.over_time && typeof values[one.name] === 'string';
    if (one.kind === 'moment' || curve || one.name === 'strength') values[one.name] = one.default;
  }
  return { ...ask, values };
}

/**
 * A click on a style's card.
 * @param {Ask} ask  @param {string} title
 * @param {boolean} second  whether it is meant as a second one
 * @returns {Partial<Ask>}
 */
export function styleChosen({ styles, mixing }, title, second) {
  if (!second && !mixing) return { kind: 'style', styles: [title] };
  if (!styles.includes(title))
    return { kind: 'style', mixing: true, styles: [...styles.slice(-1), title] };
  const left = styles.length > 1 ? styles.filter((name) => name !== title) : styles;
  return { kind: 'style', styles: left };
}

/** @param {Ask} ask  @returns {Partial<Ask>} */
export const mixingSwitched = ({ styles, mixing }) =>
  mixing ? { mixing: false, styles: styles.slice(0, 1) } : { mixing: true };

/** Whether two styles are mixed. @param {Ask} ask */
export const isMix = ({ kind, styles }) => kind === 'style' && styles.length === 2;

/** The shares of both styles. @param {number | string} mix  of the second, or keys of it */
function sharesOf(mix) {
  if (typeof mix === 'number') return [1 - mix, mix];
  const keys = mix.split(',').map((key) => key.split(':').map(Number));
  return keys.map(([time, share]) => `${time}:${Number((1 - share).toFixed(3))},${share}`).join(';');
}

/** Where the style comes from, as the server is asked; null where that is missing. */
function cueOf(ask) {
  const { kind, styles, values, reference } = ask;
  if (kind === 'random') return { random: true };
  if (kind === 'like') return reference && { like: reference };
  if (!styles.length) return null;
  if (!isMix(ask)) return { style: styles };
  const { mix, second } = values;
  if (second !== 'all') return { style: [styles[0], `${styles[1]}@${second}`] };
  return { style: styles, weights: sharesOf(mix) };
}

/**
 * @param {Ask} ask  @param {Setting[]} settings
 * @returns {object | null} the request, whose reference is still the open clip; null where
 *   something is missing
 */
export function requestOf(ask, settings) {
  const cue = cueOf(ask);
  return cue && { ...cue, ...Object.fromEntries(settings.map(({ name }) => [name, ask.values[name]])) };
}

/** @param {Ask} ask  @param {Setting[]} settings  @returns {string} it, in a few words */
export function labelOf(ask, settings) {
  const { kind, styles, values } = ask;
  const like = `like ${ask.reference?.name ?? 'the reference'}`;
  const cue = { style: styles.join(' + '), like, random: 'surprise' }[kind];
  const others = settings
    .filter(({ name, default: usual }) => values[name] !== usual)
    .map((one) => `${one.label.toLowerCase()} ${shownValue(one, values[one.name])}`);
  return [cue, ...others].join(', ');
}
