/**
 * The controls of a restyling: one for each setting that the server describes, by its kind. A
 * further setting of the library needs nothing here.
 *
 * @typedef {Object} Setting  see `/api/settings`
 * @property {string} name
 * @property {'number' | 'whole number' | 'frame count' | 'moment' | 'choice' | 'switch' |
 *   'parts'} kind
 * @property {string} label
 * @property {string} help
 * @property {number | string | boolean | null} default
 * @property {number} [least]
 * @property {number} [most]
 * @property {[number, number, number]} [slider]      least, most, step
 * @property {boolean} [over_time]                    whether keys as text do as well
 * @property {Record<string, string>} [choices]       value, words
 * @property {import('./body_parts.js').Parts} [parts]
 *
 * @typedef {Record<string, number | string | boolean | null>} Values  by the settings' names
 */

import { partsControl } from './body_parts.js';

/** Keys: less and more of a slider, the next of a whole number. */
export const KEYS = { strength: ['[', ']'], mix: ['{', '}'], seed: ['N'] };

/** The share of the second of two styles: part of the cue. @type {Setting} */
export const MIX = {
  name: 'mix',
  kind: 'number',
  label: 'Mix',
  help: 'the share of the second style',
  default: 0.5,
  slider: [0, 1, 0.05],
  over_time: true,
};

/** Where the second of two styles is: part of the cue, too. @type {Setting} */
export const SECOND = {
  name: 'second',
  kind: 'choice',
  label: 'Second style',
  help: 'whether the second style is mixed with the first, or has parts of the body for itself',
  default: 'all',
  choices: { all: 'mixed with the first' },
};

/** @param {Setting[]} settings  @returns {Setting[]} what belongs to the cue, of this server */
export function cueSettings(settings) {
  const parts = settings.find(({ kind }) => kind === 'parts')?.parts ?? {};
  const on = Object.keys(parts).filter((name) => name !== 'all');
  const words = on.map((name) => [name, `on ${name.replace('_', ' ')}`]);
  return [MIX, { ...SECOND, choices: { ...SECOND.choices, ...Object.fromEntries(words) } }];
}

/** @param {Setting} setting  @returns {string} a value as the page shows it */
export function shownValue({ slider, over_time: overTime }, value) {
  if (overTime && typeof value === 'string') return 'curve';
  return slider ? Number(value).toFixed(2) : `${value}`;
}

/** The next of a whole number; after the last comes the first. @param {Setting} setting */
export const following = ({ least, most }, value) => (value + 1 > most ? least : value + 1);

export class Controls {
  #rows = [];

  /**
   * @param {HTMLElement} container
   * @param {(name: string, value: number | string | boolean) => void} changed
   */
  constructor(container, changed) {
    this.container = container;
    this.changed = changed;
  }

  /** @param {Setting[]} settings */
  build(settings) {
    const all = [...cueSettings(settings), ...settings];
    this.#rows = all.map((setting) => this.#row(setting));
    this.container.replaceChildren(...this.#rows.map(({ element }) => element));
  }

  #row(setting) {
    const element = document.createElement('div');
    const label = document.createElement('label');
    const control = KINDS[setting.kind](setting, (value) => this.changed(setting.name, value));
    const keys = KEYS[setting.name] ? ` (${KEYS[setting.name].join(' ')})` : '';
    element.className = 'control';
    label.textContent = setting.label;
    label.htmlFor = control.input.id = `control-${setting.name}`;
    control.input.title = setting.help + keys;
    element.append(label, ...control.elements);
    return { setting, element, ...control };
  }

  /**
   * @param {Values} values
   * @param {boolean} mixing  whether two styles are mixed
   * @param {string[] | null} only  the settings there are; null for all of them
   */
  show(values, mixing, only = null) {
    for (const { setting, element, set } of this.#rows) {
      const ofTwo = [MIX.name, SECOND.name].includes(setting.name);
      const shared = setting.name !== MIX.name || values.second === SECOND.default;
      const is = ofTwo ? mixing && shared : !only || only.includes(setting.name);
      element.hidden = !is;
      set(values[setting.name]);
    }
  }

  /** A step of a slider. @param {string} name  @param {1 | -1} direction */
  nudge(name, direction) {
    const row = this.#rows.find(({ setting }) => setting.name === name);
    // a step of a slider is none of a curve
    if (!row || row.input.classList.contains('over-time')) return;
    const [least, most, step] = row.setting.slider;
    const wanted = Number(row.input.value) + direction * step;
    this.changed(name, Math.round(Math.min(most, Math.max(least, wanted)) * 1e4) / 1e4);
  }
}

const KINDS = {
  number(setting, changed) {
    return setting.slider ? slider(setting, changed) : numberBox(setting, Number, changed);
  },

  'whole number'(setting, changed) {
    const { input, set } = numberBox(setting, (text) => Math.trunc(Number(text)), changed);
    const box = document.createElement('div');
    box.className = 'counter';
    const next = document.createElement('button');
    next.type = 'button';
    next.textContent = `Next ${setting.label.toLowerCase()}`;
    next.addEventListener('click', () => changed(following(setting, Number(input.value))));
    box.append(input, next);
    return { input, elements: [box], set };
  },

  'frame count': (setting, changed) =>
    numberBox(setting, (text) => Math.trunc(Number(text)), changed),

  /** A time in the clip: seconds, or a frame as in 45f; nothing where none is said. */
  moment(_, changed) {
    const input = document.createElement('input');
    Object.assign(input, { type: 'text', placeholder: 'seconds or 45f', autocomplete: 'off' });
    input.addEventListener('change', () => {
      const typed = input.value.trim();
      changed(typed === '' ? null : Number.isFinite(Number(typed)) ? Number(typed) : typed);
    });
    return { input, elements: [input], set: (value) => (input.value = value ?? '') };
  },

  choice(setting, changed) {
    const input = document.createElement('select');
    for (const [value, words] of Object.entries(setting.choices)) {
      input.add(new Option(words, value));
    }
    input.addEventListener('change', () => changed(input.value));
    return { input, elements: [input], set: (value) => (input.value = value) };
  },

  parts: partsControl,

  switch(_, changed) {
    const input = document.createElement('input');
    input.type = 'checkbox';
    input.addEventListener('change', () => changed(input.checked));
    return { input, elements: [input], set: (value) => (input.checked = value) };
  },
};

function slider(setting, changed) {
  const input = document.createElement('input');
  const output = document.createElement('output');
  [input.min, input.max, input.step] = setting.slider;
  input.type = 'range';
  input.addEventListener('input', () => changed(Number(input.value)));
  const set = (value) => {
    const curve = typeof value === 'string';
    input.classList.toggle('over-time', curve);
    if (!curve) input.value = value;
    output.value = shownValue(setting, value);
  };
  return { input, elements: [input, output], set };
}

/** A field to type a number into; what is no number counts as the default. */
function numberBox(setting, parse, changed) {
  const input = document.createElement('input');
  const { least, most } = setting;
  Object.assign(input, { type: 'number', min: least, max: most });
  input.addEventListener('change', () => {
    const typed = input.value === '' ? setting.default : parse(input.value);
    changed(Math.min(most, Math.max(least, typed)));
  });
  return { input, elements: [input], set: (value) => (input.value = value) };
}
