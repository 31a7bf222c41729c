/**
 * The controls of a restyling, as a table. A further option of the library is a further row: how it
 * looks, where it starts, and what it adds to the request.
 *
 * @typedef {Object} Choice  where the manner comes from
 * @property {'style' | 'like' | 'random'} manner
 * @property {string[]} styles   one or two names
 *
 * @typedef {Object} Control
 * @property {string} name       key of its value
 * @property {string} label
 * @property {'slider' | 'take' | 'select'} kind
 * @property {number | string} start
 * @property {[number, number, number]} [range]      least, most, step
 * @property {[string, string][]} [options]          value, words
 * @property {[string, string]} [keys]               less, more
 * @property {string} [hint]
 * @property {(choice: Choice) => boolean} [shown]   always, unless said
 * @property {(value: any, choice: Choice) => object} send  its part of the request
 */

/** @type {Control[]} */
export const CONTROLS = [
  {
    name: 'strength',
    label: 'Strength',
    kind: 'slider',
    start: 1,
    range: [0, 1.5, 0.05],
    keys: ['[', ']'],
    hint: '0 is the clip itself, 1 the manner, more exaggerates',
    send: (strength) => ({ strength }),
  },
  {
    name: 'mix',
    label: 'Mix',
    kind: 'slider',
    start: 0.5,
    range: [0, 1, 0.05],
    keys: ['{', '}'],
    hint: 'share of the second style',
    shown: (choice) => choice.manner === 'style' && choice.styles.length === 2,
    send: (share, choice) =>
      choice.manner === 'style' && choice.styles.length === 2
        ? { weights: [1 - share, share] }
        : {},
  },
  {
    name: 'seed',
    label: 'Take',
    kind: 'take',
    start: 0,
    hint: '0 is the middle of the manner, every other number a take of it',
    send: (seed) => ({ seed }),
  },
  {
    name: 'root',
    label: 'Travel',
    kind: 'select',
    start: 'planted',
    options: [
      ['planted', 'as planted feet carry it'],
      ['predicted', 'as predicted'],
      ['copied', 'at the clip’s velocity'],
      ['keep', 'on the clip’s very path'],
    ],
    hint: 'how the result travels',
    send: (root) => ({ root }),
  },
  {
    name: 'out_of_domain',
    label: 'Unfamiliar',
    kind: 'select',
    start: 'fade',
    options: [
      ['fade', 'fade the manner out'],
      ['ignore', 'restyle it all the same'],
    ],
    hint: 'where the clip is unlike all that the model learned',
    send: (out_of_domain) => ({ out_of_domain }),
  },
];

/** @returns {Record<string, number | string>} */
export const startValues = () =>
  Object.fromEntries(CONTROLS.map(({ name, start }) => [name, start]));

/** @returns {object} what the controls add to a request */
export const sendValues = (values, choice) =>
  Object.assign({}, ...CONTROLS.map((control) => control.send(values[control.name], choice)));

/**
 * Build the controls below `place`.
 * @param {HTMLElement} place
 * @param {(name: string, value: number | string) => void} changed
 * @returns {{show(values: object, choice: Choice): void, nudge(name: string, direction: number):
 *   void}}
 */
export function buildControls(place, changed) {
  const parts = CONTROLS.map((control) => {
    const row = document.createElement('div');
    row.className = 'control';
    const label = document.createElement('label');
    label.textContent = control.label;
    label.htmlFor = `control-${control.name}`;
    const part = KINDS[control.kind](control, (value) => changed(control.name, value));
    part.input.id = label.htmlFor;
    if (control.hint)
      part.input.title = control.hint + (control.keys ? ` (${control.keys.join(' ')})` : '');
    row.append(label, ...part.elements);
    place.append(row);
    return { control, row, ...part };
  });
  return {
    show(values, choice) {
      for (const { control, row, set } of parts) {
        row.hidden = control.shown ? !control.shown(choice) : false;
        set(values[control.name]);
      }
    },
    nudge(name, direction) {
      const { control, input } = parts.find((part) => part.control.name === name);
      const [least, most, step] = control.range;
      changed(
        name,
        Math.min(most, Math.max(least, rounded(Number(input.value) + direction * step))),
      );
    },
  };
}

const rounded = (value) => Math.round(value * 1e4) / 1e4;

const KINDS = {
  slider(control, changed) {
    const input = document.createElement('input');
    const output = document.createElement('output');
    [input.min, input.max, input.step] = control.range;
    input.type = 'range';
    input.addEventListener('input', () => changed(Number(input.value)));
    const set = (value) => {
      input.value = value;
      output.value = Number(value).toFixed(2);
    };
    return { input, elements: [input, output], set };
  },

  take(control, changed) {
    const box = document.createElement('div');
    box.className = 'take';
    const input = document.createElement('input');
    input.type = 'number';
    input.min = 0;
    input.max = 999999;
    input.addEventListener('change', () =>
      changed(Math.max(0, Math.trunc(Number(input.value) || 0))),
    );
    const next = document.createElement('button');
    next.type = 'button';
    next.textContent = 'Next take';
    next.id = 'next-take';
    next.title = 'Next take (N)';
    next.addEventListener('click', () => changed(Number(input.value) + 1));
    box.append(input, next);
    return { input, elements: [box], set: (value) => (input.value = value) };
  },

  select(control, changed) {
    const input = document.createElement('select');
    for (const [value, words] of control.options) input.add(new Option(words, value));
    input.addEventListener('change', () => changed(input.value));
    return { input, elements: [input], set: (value) => (input.value = value) };
  },
};
