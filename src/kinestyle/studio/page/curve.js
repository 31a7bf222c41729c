/**
 * A number over the clip, as keys that are dragged on the timeline: click adds one, dragging moves
 * it, Delete or a double click removes it.
 *
 * @typedef {[number, number]} Key  seconds, value
 */
import { shownValue } from './controls.js';

const NS = 'http://www.w3.org/2000/svg';
const MARGIN_PX = 9,
  RADIUS_PX = 6,
  STEPS = 160;

/** @param {string | number} value  a number, or keys as the command line has them */
export const parseCurve = (value) =>
  typeof value === 'string'
    ? value.split(',').map((key) => /** @type {Key} */ (key.split(':').map(Number)))
    : [[0, value]];

/** @param {Key[]} keys  @returns {string | number} a number where it is the same everywhere */
export function formatCurve(keys) {
  const short = (number) => Number(number.toFixed(3));
  if (keys.every(([, value]) => value === keys[0][1])) return short(keys[0][1]);
  return keys.map(([time, value]) => `${short(time)}:${short(value)}`).join(',');
}

/**
 * What is between the keys, as the library has it: cubics that overshoot no key, level at the ends.
 * @param {Key[]} keys  @param {number} time  seconds
 */
export function curveAt(keys, time) {
  const last = keys.length - 1;
  if (time <= keys[0][0]) return keys[0][1];
  if (time >= keys[last][0]) return keys[last][1];
  const k = keys.findIndex(([at]) => at > time) - 1;
  const length = keys[k + 1][0] - keys[k][0],
    u = (time - keys[k][0]) / length,
    step = keys[k + 1][1] - keys[k][1];
  const bend = (1 - u) * slope(keys, k) - u * slope(keys, k + 1);
  return keys[k][1] + step * u * u * (3 - 2 * u) + length * u * (1 - u) * bend;
}

function slope(keys, k) {
  if (k === 0 || k === keys.length - 1) return 0;
  const [before, after] = [keys[k][0] - keys[k - 1][0], keys[k + 1][0] - keys[k][0]];
  const [from, to] = [
    (keys[k][1] - keys[k - 1][1]) / before,
    (keys[k + 1][1] - keys[k][1]) / after,
  ];
  if (from * to <= 0) return 0;
  return (3 * (before + after)) / ((2 * after + before) / from + (after + 2 * before) / to);
}

export class CurveLane {
  /** @type {Key[]} */
  #keys = [[0, 1]];
  #range = [0, 1.5];
  #duration = 1;
  #dragged = -1;

  /**
   * @param {HTMLElement} container
   * @param {(value: string | number) => void} changed
   */
  constructor(container, changed) {
    this.changed = changed;
    this.svg = container.appendChild(document.createElementNS(NS, 'svg'));
    this.svg.setAttribute('role', 'group');
    this.svg.setAttribute('aria-label', 'Keys of the curve');
    this.line = this.svg.appendChild(document.createElementNS(NS, 'path'));
    this.handles = this.svg.appendChild(document.createElementNS(NS, 'g'));
    this.svg.addEventListener('pointerdown', (event) => this.#press(event));
    this.svg.addEventListener('pointermove', (event) => this.#drag(event));
    for (const kind of ['pointerup', 'pointercancel'])
      this.svg.addEventListener(kind, () => this.#drop());
    this.svg.addEventListener('dblclick', (event) => this.#remove(this.#handleOf(event)));
    this.svg.addEventListener('keydown', (event) => this.#key(event));
    new ResizeObserver(() => this.#draw()).observe(container);
  }

  /**
   * @param {import('./controls.js').Setting} setting  @param {string | number} value
   * @param {number} seconds  of the clip
   */
  show(setting, value, seconds) {
    if (this.#dragged >= 0) return;
    this.setting = setting;
    this.#range = setting.slider;
    this.#duration = Math.max(seconds, 1e-3);
    this.#keys = parseCurve(value);
    this.#draw();
  }

  #x = (time) =>
    MARGIN_PX + (time / this.#duration) * (this.svg.clientWidth - 2 * MARGIN_PX);

  #y = (value) => {
    const [least, most] = this.#range;
    const height = this.svg.clientHeight - 2 * MARGIN_PX;
    return MARGIN_PX + (1 - (value - least) / (most - least)) * height;
  };

  /** @returns {Key} where the pointer is, on the steps of the slider */
  #keyAt({ clientX, clientY }) {
    const box = this.svg.getBoundingClientRect();
    const [least, most, step] = this.#range;
    const x = (clientX - box.left - MARGIN_PX) / (box.width - 2 * MARGIN_PX),
      y = 1 - (clientY - box.top - MARGIN_PX) / (box.height - 2 * MARGIN_PX);
    const value = Math.round((least + y * (most - least)) / step) * step;
    return [
      Math.min(Math.max(x, 0), 1) * this.#duration,
      Math.min(Math.max(value, least), most),
    ];
  }

  #handleOf({ target }) {
    return target.dataset?.key === undefined ? -1 : Number(target.dataset.key);
  }

  #press(event) {
    event.preventDefault();
    this.svg.setPointerCapture(event.pointerId);
    this.#dragged = this.#handleOf(event);
    if (this.#dragged < 0) {
      const key = this.#keyAt(event);
      // the number that was everywhere stays at both ends
      if (this.#keys.length === 1)
        this.#keys = [0, this.#duration].map((time) => [time, this.#keys[0][1]]);
      const after = this.#keys.findIndex(([time]) => time > key[0]);
      this.#dragged = after < 0 ? this.#keys.length : after;
      this.#keys.splice(this.#dragged, 0, key);
    }
    this.#draw();
    this.#focus(this.#dragged);
  }

  #drag(event) {
    if (this.#dragged < 0) return;
    this.#move(this.#dragged, this.#keyAt(event));
  }

  /** A key stays between its neighbours. */
  #move(index, [time, value]) {
    const gap = this.#duration / 1000;
    const least = index ? this.#keys[index - 1][0] + gap : 0,
      most = index < this.#keys.length - 1 ? this.#keys[index + 1][0] - gap : this.#duration;
    this.#keys[index] = [Math.min(Math.max(time, least), Math.max(least, most)), value];
    this.#draw();
  }

  #drop() {
    if (this.#dragged < 0) return;
    this.#dragged = -1;
    this.#say();
  }

  #remove(index) {
    if (index < 0 || this.#keys.length < 2) return;
    this.#keys.splice(index, 1);
    this.#draw();
    this.#focus(Math.min(index, this.#keys.length - 1));
    this.#say();
  }

  #key(event) {
    const index = this.#handleOf(event);
    if (index < 0) return;
    const [least, most, step] = this.#range,
      [time, value] = this.#keys[index];
    const moves = {
      ArrowLeft: [-this.#duration / 50, 0],
      ArrowRight: [this.#duration / 50, 0],
      ArrowUp: [0, step],
      ArrowDown: [0, -step],
    };
    if (['Delete', 'Backspace'].includes(event.key)) this.#remove(index);
    else if (moves[event.key]) {
      const [later, more] = moves[event.key];
      this.#move(index, [time + later, Math.min(Math.max(value + more, least), most)]);
      this.#focus(index);
      this.#say();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #focus(index) {
    this.handles.children[index]?.focus({ preventScroll: true });
  }

  #say() {
    this.changed(formatCurve(this.#keys));
  }

  #draw() {
    if (!this.setting || !this.svg.clientWidth) return;
    const points = Array.from({ length: STEPS + 1 }, (_, i) => {
      const time = (i / STEPS) * this.#duration;
      return `${this.#x(time).toFixed(1)} ${this.#y(curveAt(this.#keys, time)).toFixed(1)}`;
    });
    this.line.setAttribute('d', `M${points.join('L')}`);
    while (this.handles.children.length > this.#keys.length) this.handles.lastChild.remove();
    this.#keys.forEach(([time, value], i) => {
      const handle =
        this.handles.children[i] ??
        this.handles.appendChild(document.createElementNS(NS, 'circle'));
      handle.dataset.key = i;
      const said = `${time.toFixed(2)} s, ${shownValue(this.setting, value)}`;
      for (const [name, word] of Object.entries({
        cx: this.#x(time),
        cy: this.#y(value),
        r: RADIUS_PX,
        tabindex: 0,
        role: 'button',
        'aria-label': `Key at ${said}`,
      }))
        handle.setAttribute(name, word);
    });
  }
}
