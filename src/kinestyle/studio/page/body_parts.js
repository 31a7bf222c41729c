/**
 * The parts of the body that take the style: as text, the way the command line has it, and on a
 * small figure with a weight for each part.
 *
 * @typedef {Record<string, string[]>} Parts  by name, the smallest parts that each is made of
 */

const NS = 'http://www.w3.org/2000/svg';

/** The figure faces the viewer: its left is on the right. */
const SHAPES = {
  head: 'M32 3a8 8 0 0 1 8 8v3a8 8 0 0 1-5 7v3h-6v-3a8 8 0 0 1-5-7v-3a8 8 0 0 1 8-8z',
  spine: 'M22 26h20l-1 24H23z',
  hips: 'M23 52h18l2 10H21z',
  left_arm: 'M44 26h4a5 5 0 0 1 5 5l5 33h-7l-6-26z',
  right_arm: 'M20 26h-4a5 5 0 0 0-5 5L6 64h7l6-26z',
  left_leg: 'M33 64h10l-1 46h6v5H36z',
  right_leg: 'M31 64H21l1 46h-6v5h12z',
};

const words = (name) => name.replace('_', ' ');

/**
 * @param {string} text  @param {Parts} parts
 * @returns {{weights: Record<string, number>, others: string[]}} of the smallest parts; and what is
 *   said of joints
 */
export function readParts(text, parts) {
  const weights = Object.fromEntries(parts.all.map((name) => [name, 0])),
    others = [];
  for (const item of text.split(',').map((each) => each.trim())) {
    const [name, weight = '1'] = item.split('=');
    if (parts[name]) for (const part of parts[name]) weights[part] = Number(weight);
    else others.push(item);
  }
  return { weights, others };
}

/** The inverse, in as few words as there are. @param {Parts} parts */
export function sayParts(weights, others, parts) {
  const left = new Set(parts.all.filter((name) => weights[name] > 0));
  const larger = Object.entries(parts).sort(([, a], [, b]) => b.length - a.length);
  const said = [];
  for (const [name, members] of larger) {
    const weight = weights[members[0]];
    if (!members.every((part) => left.has(part) && weights[part] === weight)) continue;
    for (const part of members) left.delete(part);
    said.push(weight === 1 ? name : `${name}=${Number(weight.toFixed(2))}`);
  }
  return [...said, ...others].join(',') || 'all=0';
}

/** The control, see `controls.js`. */
export function partsControl(setting, changed) {
  const { parts } = setting;
  const input = Object.assign(document.createElement('input'), { type: 'text', spellcheck: false });
  const figure = document.createElementNS(NS, 'svg');
  const sliders = document.createElement('div');
  const [body, shown] = ['details', 'div'].map((name) => document.createElement(name));
  let { weights, others } = readParts(String(setting.default), parts);
  const say = () => changed(sayParts(weights, others, parts));
  const rows = {};
  figure.setAttribute('viewBox', '0 0 64 118');
  figure.setAttribute('role', 'group');
  figure.setAttribute('aria-label', 'Parts on a figure');
  for (const name of parts.all.filter((one) => SHAPES[one])) {
    const shape = figure.appendChild(document.createElementNS(NS, 'path'));
    const said = words(name);
    for (const [key, value] of Object.entries({
      d: SHAPES[name],
      tabindex: 0,
      role: 'checkbox',
      'aria-label': said[0].toUpperCase() + said.slice(1),
    }))
      shape.setAttribute(key, value);
    shape.append(Object.assign(document.createElementNS(NS, 'title'), { textContent: said }));
    const toggle = () => {
      weights = { ...weights, [name]: weights[name] > 0 ? 0 : 1 };
      say();
    };
    shape.addEventListener('click', toggle);
    shape.addEventListener('keydown', (event) => {
      if (![' ', 'Enter'].includes(event.key)) return;
      event.preventDefault();
      event.stopPropagation();
      toggle();
    });
    const label = Object.assign(document.createElement('label'), { textContent: said });
    const slider = Object.assign(document.createElement('input'), {
      type: 'range',
      min: 0,
      max: 1,
      step: 0.05,
      title: `How much of the style: ${said}`,
    });
    slider.addEventListener('input', () => {
      weights = { ...weights, [name]: Number(slider.value) };
      say();
    });
    label.append(slider);
    sliders.append(label);
    rows[name] = { shape, slider };
  }
  input.addEventListener('change', () => changed(input.value.trim() || String(setting.default)));
  body.className = 'body-parts';
  body.append(
    Object.assign(document.createElement('summary'), { textContent: 'On a figure' }),
    shown,
  );
  shown.className = 'figure';
  shown.append(figure, sliders);
  sliders.className = 'weights';
  const set = (text) => {
    ({ weights, others } = readParts(text, parts));
    input.value = text;
    for (const [name, { shape, slider }] of Object.entries(rows)) {
      shape.setAttribute('aria-checked', String(weights[name] > 0));
      shape.style.fillOpacity = 0.15 + 0.85 * weights[name];
      slider.value = weights[name];
    }
  };
  return { input, elements: [input, body], set };
}
