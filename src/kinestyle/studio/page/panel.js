/** What the panel says of the clip, the choice and the result. */
import { colour } from './colours.js';
import { shownValue } from './controls.js';
import { showRig, showWarnings } from './rig.js';
import { drawSketch, sketch } from './sketch.js';

const element = (id) => document.getElementById(id);

const bold = (text) => Object.assign(document.createElement('b'), { textContent: text });

/**
 * A row of buttons of which one, or some, are pressed.
 * @param {HTMLElement} group
 * @param {[string, string, string?][]} choices  value, words, title
 * @param {(value: string) => void} chosen
 */
export function buildSegments(group, choices, chosen) {
  for (const [value, words, title] of choices) {
    const button = document.createElement('button');
    Object.assign(button, { type: 'button', textContent: words, title: title ?? '' });
    button.dataset.value = value;
    button.addEventListener('click', () => chosen(value));
    group.append(button);
  }
}

/**
 * @param {HTMLElement} group
 * @param {(value: string) => boolean | null} isPressed  null for what only acts
 */
export function pressSegments(group, isPressed) {
  for (const button of group.children) {
    const on = isPressed(button.dataset.value);
    if (on !== null) button.setAttribute('aria-pressed', String(on));
  }
}

/**
 * @param {import('./session.js').Session} session
 * @returns {string} what the result is, in a few words
 */
export function resultLabel(session) {
  const { kind, styles } = session.choice;
  const like = `like ${session.reference?.clip?.name ?? 'the reference'}`;
  const cue = { style: styles.join(' + '), like, random: 'surprise' }[kind];
  const changed = session.settings
    .filter((setting) => session.values[setting.name] !== setting.default)
    .map((setting) => {
      const value = shownValue(setting, session.values[setting.name]);
      return `${setting.label.toLowerCase()} ${value}`;
    });
  return [cue, ...changed].join(', ');
}

/** @param {import('./session.js').OpenClip} source */
export function showClip({ clip, motion }) {
  const rate = Number((1 / motion.frameTime).toFixed(2));
  const facts = [
    `${clip.duration_seconds.toFixed(1)} s`,
    `${motion.frameCount} frames at ${rate}`,
    `${motion.jointCount} joints`,
  ];
  element('facts').replaceChildren(bold(clip.name), ` · ${facts.join(' · ')}`);
  element('rig').hidden = !clip.inspection;
  if (clip.inspection) showRig(element('rig'), clip.inspection);
  showWarnings(element('warnings'), clip.warnings);
}

/**
 * @param {import('./session.js').Result | null} result
 * @param {string[]} known  warnings that the clip itself has
 * @param {(number | null)[]} slides  metres a second of planted feet, before and after
 */
export function showOutcome(result, known, [before, after]) {
  for (const id of ['download', 'copy', 'format']) element(id).disabled = !result;
  const command = result?.clip.command ?? '';
  element('command').textContent = command;
  element('command').parentElement.hidden = !command;
  showWarnings(
    element('result-warnings'),
    result ? result.clip.warnings.filter((sentence) => !known.includes(sentence)) : [],
  );
  if (!result) {
    element('measures').textContent = 'none yet';
    return;
  }
  const said = (speed) => `${(100 * speed).toFixed(1)} cm/s`;
  element('measures').replaceChildren(
    ...(after === null
      ? ['no foot is planted']
      : ['feet slide ', bold(said(after)), before === null ? '' : `, before ${said(before)}`]),
    ' · ends ',
    bold(`${(result.clip.end_distance_m ?? 0).toFixed(2)} m`),
    ' away',
  );
  element('measures').title =
    'Mean speed of planted feet over the floor, and how far the hips end from where they did. ' +
    `Made in ${Math.round(1000 * result.seconds)} ms.`;
}

/** The reference clip, small and moving. */
export class ReferenceView {
  constructor() {
    this.canvas = element('reference').querySelector('canvas');
    this.pen = this.canvas.getContext('2d');
    this.text = element('reference').querySelector('p');
    this.sketch = null;
    this.text.textContent = 'No reference yet. Open a clip that shows the style.';
  }

  /** @param {import('./session.js').OpenClip} opened */
  set({ clip, motion }) {
    this.sketch = sketch(motion);
    this.text.replaceChildren(bold(clip.name), ` · ${clip.duration_seconds.toFixed(1)} s`);
  }

  /** @param {number} now  milliseconds */
  draw(now) {
    const { canvas, pen, sketch: drawn } = this;
    if (!drawn || !canvas.offsetParent) return;
    const ratio = Math.min(devicePixelRatio, 2),
      w = canvas.clientWidth,
      h = canvas.clientHeight;
    if (canvas.width !== Math.round(w * ratio)) {
      canvas.width = Math.round(w * ratio);
      canvas.height = Math.round(h * ratio);
    }
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, w, h);
    pen.strokeStyle = colour('restyled');
    drawSketch(
      pen,
      drawn,
      Math.floor(now / 1000 / drawn.frameTime) % drawn.frameCount,
      w / 2,
      h - 6,
      h - 16,
    );
  }
}
