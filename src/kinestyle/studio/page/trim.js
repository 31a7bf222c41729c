/**
 * From where to where the clip is taken: two handles on the timeline. What is left out is dimmed.
 */
const NAMES = ['start', 'stop'];

/**
 * @param {number | string | null} moment  seconds, a frame as in 45f, or none
 * @param {number} frameTime
 * @returns {number | null} a whole frame
 */
export function momentFrame(moment, frameTime) {
  if (moment === null || moment === undefined || moment === '') return null;
  if (typeof moment === 'string' && /f$/i.test(moment)) return parseInt(moment, 10);
  return Math.round(Number(moment) / frameTime);
}

export class Trim {
  /** Of the clip itself, which a result may outlast. */
  #frameCount = 1;
  #frames = [0, 0];
  #dragged = null;

  /**
   * @param {HTMLElement} track
   * @param {import('./clock.js').Clock} clock
   * @param {(name: string, moment: string | null) => void} changed
   */
  constructor(track, clock, changed) {
    this.track = track;
    this.clock = clock;
    this.changed = changed;
    this.shades = NAMES.map((name) => this.#add(`shade ${name}`));
    this.handles = NAMES.map((name, which) => this.#handle(name, which));
  }

  /** @param {number} frameCount  of the clip  @param {import('./controls.js').Values} values */
  show(frameCount, { start, stop }) {
    const last = frameCount - 1,
      { frameTime } = this.clock;
    this.#frameCount = frameCount;
    const clipped = (frame) => Math.min(Math.max(frame, 0), last);
    this.#frames = [
      clipped(momentFrame(start, frameTime) ?? 0),
      clipped(momentFrame(stop, frameTime) ?? last),
    ];
    this.#draw();
  }

  /** Where the time stands, becomes an end. @param {0 | 1} which  the beginning or the end */
  setHere(which) {
    this.#set(which, this.clock.wholeFrame);
    this.#done(which);
  }

  #add(className) {
    const element = document.createElement('div');
    element.className = `trim ${className}`;
    this.track.append(element);
    return element;
  }

  #handle(name, which) {
    const handle = this.#add(`handle ${name}`);
    const words = which ? 'To: where the result ends' : 'From: where the result begins';
    handle.tabIndex = 0;
    handle.setAttribute('role', 'slider');
    handle.setAttribute('aria-label', `Trim ${which ? 'to' : 'from'}`);
    handle.title = `${words} (${which ? 'E' : 'I'}); twice takes all`;
    handle.addEventListener('pointerdown', (event) => {
      this.#dragged = which;
      handle.setPointerCapture(event.pointerId);
      event.preventDefault();
      handle.focus();
    });
    handle.addEventListener('pointermove', ({ clientX }) => {
      if (this.#dragged !== which) return;
      const { left, width } = this.track.getBoundingClientRect();
      this.#set(which, ((clientX - left) / width) * (this.clock.frameCount - 1));
    });
    for (const end of ['pointerup', 'pointercancel'])
      handle.addEventListener(end, () => {
        if (this.#dragged !== which) return;
        this.#dragged = null;
        this.#done(which);
      });
    handle.addEventListener('dblclick', () => {
      this.#set(which, which ? 1e9 : 0);
      this.#done(which);
    });
    handle.addEventListener('keydown', (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!step) return;
      event.preventDefault();
      event.stopPropagation();
      this.#set(which, this.#frames[which] + step * (event.shiftKey ? 10 : 1));
      this.#done(which);
    });
    return handle;
  }

  #set(which, frame) {
    const [first, last] = this.#frames;
    const [least, most] = which ? [first + 1, this.#frameCount - 1] : [0, last - 1];
    this.#frames[which] = Math.max(least, Math.min(most, Math.round(frame)));
    this.#draw();
  }

  /** The whole is no trim at all. */
  #done(which) {
    const frame = this.#frames[which];
    const whole = which ? frame === this.#frameCount - 1 : frame === 0;
    this.changed(NAMES[which], whole ? null : `${frame}f`);
  }

  #draw() {
    const length = Math.max(this.clock.frameCount - 1, 1);
    this.#frames.forEach((frame, which) => {
      const at = (100 * frame) / length;
      const handle = this.handles[which],
        shade = this.shades[which];
      handle.style.left = `${at}%`;
      shade.style.left = which ? `${at}%` : '0';
      shade.style.right = which ? '0' : `${100 - at}%`;
      handle.setAttribute('aria-valuemin', 0);
      handle.setAttribute('aria-valuemax', this.#frameCount - 1);
      handle.setAttribute('aria-valuenow', frame);
      handle.setAttribute(
        'aria-valuetext',
        `frame ${frame}, ${(frame * this.clock.frameTime).toFixed(2)} seconds`,
      );
    });
  }
}
