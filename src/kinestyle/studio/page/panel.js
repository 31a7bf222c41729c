/** What the panel says of the clip, the choice and the result. */
import { colour } from './colours.js';
import { showRig } from './rig.js';
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
}

/**
 * @param {import('./session.js').Result | null} result
 * @param {(number | null)[]} slides  metres a second of planted feet, before and after
 */
export function showOutcome(result, [before, after]) {
  for (const id of ['download', 'copy', 'format']) element(id).disabled = !result;
  const command = result?.clip.command ?? '';
  element('command').textContent = command;
  element('command').parentElement.hidden = !command;
  if (!result) {
    element('measures').textContent = 'none yet';
    return;
  }
  const said = (speed) => `${(100 * speed).toFixed(1)} cm/s`;
  element('measures').replaceChildren(
    ...(after === null
      ? ['no foot is planted']
      : ['feet slide ', bold(said(after)), before === null ? '' : `, before ${said(before)}`]),
    // where that is far, a note says so
    ...(result.clip.notes.some(({ kind }) => kind === 'travel')
      ? []
      : [' · ends ', bold(`${(result.clip.end_distance_m ?? 0).toFixed(2)} m`), ' away']),
  );
  element('measures').title =
    'Mean speed of planted feet over the floor, and how far the hips end from where they did. ' +
    `Made in ${Math.round(1000 * result.seconds)} ms.`;
}

/** Which formats can be opened and written. @param {{read: string[], write: string[]}} formats */
export function showFormats({ read, write }) {
  element('formats').textContent = read
    .map((ending) => (ending === '.amc' ? '.amc with .asf' : ending))
    .join(', ');
  element('formats').parentElement.title = `Reads ${element('formats').textContent}`;
  for (const id of ['file', 'file-like'])
    element(id).accept = [...read, '.asf', '.json', '.style'].join(',');
  element('format').replaceChildren(...write.map((format) => new Option(format, format)));
}

/** Pages that came over a plain line have no clipboard, but may copy what is selected. */
export async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    getSelection().selectAllChildren(element('command'));
    return document.execCommand('copy');
  }
}

const NO_REFERENCE = 'No reference yet. Open a clip that shows the style.';

/** The reference clip, small and moving. */
export class ReferenceView {
  constructor() {
    this.canvas = element('reference').querySelector('canvas');
    this.pen = this.canvas.getContext('2d');
    this.text = element('reference').querySelector('p');
    this.set(null);
  }

  /** @param {import('./session.js').OpenClip | null} opened */
  set(opened) {
    if (!opened) {
      this.sketch = null;
      this.text.textContent = NO_REFERENCE;
      return;
    }
    const { clip, motion } = opened;
    this.sketch = sketch(motion);
    this.text.replaceChildren(bold(clip.name), ` · ${clip.duration_seconds.toFixed(1)} s`);
  }

  /** @param {number} now  milliseconds */
  draw(now) {
    const { canvas, pen, sketch: drawn } = this;
    if (!canvas.offsetParent) return;
    const ratio = Math.min(devicePixelRatio, 2),
      w = canvas.clientWidth,
      h = canvas.clientHeight;
    if (canvas.width !== Math.round(w * ratio)) {
      canvas.width = Math.round(w * ratio);
      canvas.height = Math.round(h * ratio);
    }
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, w, h);
    if (!drawn) return;
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
