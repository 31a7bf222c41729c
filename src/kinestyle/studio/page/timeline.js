/**
 * The timeline: scrubbing, and for each foot when it is planted and how it slides; and the strip of
 * key poses.
 */
import { colour } from './colours.js';
import { SLIDING_M_S } from './feet.js';
import { drawSketch, keyPoses, sketch } from './sketch.js';

const element = (id) => document.getElementById(id);

/** Width of a key pose, and how long lanes and poses wait for the viewer. */
const POSE_WIDTH_PX = 84,
  LATER_MS = 80;

/** Height of the marks of moments, and how many rows of them there are. */
const MARK_PX = 8,
  MOST_ROWS = 3;

/** Steps of the colours from still to sliding. */
const SHADES = 24;

export const SPEEDS = [0.1, 0.25, 0.5, 1, 1.5, 2];

export class Timeline {
  /**
   * @param {import('./clock.js').Clock} clock
   * @param {() => void} moved  called when the person moved the time
   */
  constructor(clock, moved) {
    this.clock = clock;
    this.moved = moved;
    this.scrub = element('scrub');
    this.readout = element('readout');
    this.lanes = element('lanes');
    this.strip = element('strip');
    this.poses = element('poses');
    this.shownFrame = -1;
    this.marks = element('marks');
    this.moments = [];
    this.characters = [];
    this.poseButtons = [];
    for (const speed of SPEEDS) element('speed').add(new Option(`${speed} ×`, speed));
    element('speed').value = 1;
    element('speed').addEventListener('change', () =>
      clock.setSpeed(Number(element('speed').value)),
    );
    element('play').addEventListener('click', () => clock.toggle());
    element('loop').addEventListener('click', () => clock.setLoop(!clock.loop));
    element('back').addEventListener('click', () => this.step(-1));
    element('next').addEventListener('click', () => this.step(1));
    this.scrub.addEventListener('input', () => this.seek(Number(this.scrub.value)));
    clock.changed = () => this.#showState();
    new ResizeObserver(() => this.redraw()).observe(this.lanes);
    new ResizeObserver(() => this.#makePoses()).observe(this.poses);
    this.#showState();
  }

  seek(frame) {
    this.clock.seek(frame);
    this.moved();
  }

  /**
   * Moments that something is said of: a click goes there.
   * @param {{span: [number, number], note: import('./messages.js').Note}[]} moments
   */
  mark(moments) {
    this.moments = moments;
    this.#placeMarks();
  }

  #placeMarks() {
    const { frameTime, frameCount } = this.clock,
      seconds = Math.max((frameCount - 1) * frameTime, 1e-3);
    const share = (time) => Math.min(Math.max(time / seconds, 0), 1);
    // each note has a row of its own, so that none lies over another
    const rows = [...new Set(this.moments.map(({ note }) => note))];
    this.marks.replaceChildren(
      ...this.moments.map(({ span: [from, to], note }) => {
        const mark = document.createElement('button');
        Object.assign(mark, { type: 'button', className: 'mark', title: note.sentence });
        const words = `${note.short ?? note.sentence}, ${from.toFixed(1)} to ${to.toFixed(1)} s`;
        mark.setAttribute('aria-label', words);
        mark.style.bottom = `${MARK_PX * Math.min(rows.indexOf(note), MOST_ROWS - 1)}px`;
        mark.style.left = `${100 * share(from)}%`;
        mark.style.width = `${100 * (share(to) - share(from))}%`;
        mark.addEventListener('click', () => this.seek(from / frameTime));
        return mark;
      }),
    );
  }

  /** @param {number} frameCount  of the longest motion that is shown */
  setLength(frameCount) {
    if (frameCount === this.clock.frameCount) return;
    this.clock.setLength(frameCount);
    this.scrub.max = frameCount - 1;
    this.shownFrame = -1;
    this.#placeMarks();
    this.redraw();
  }

  step(frames) {
    this.clock.step(frames);
    this.moved();
  }

  /** @param {number} direction  to the next faster or slower speed */
  nudgeSpeed(direction) {
    const at = SPEEDS.indexOf(this.clock.speed);
    this.clock.setSpeed(SPEEDS[Math.min(Math.max(at + direction, 0), SPEEDS.length - 1)]);
  }

  /**
   * @param {import('./character.js').Character[]} characters  the original and, where there is one,
   *   the result
   */
  setCharacters(characters) {
    this.characters = characters;
    this.scrub.max = this.clock.frameCount - 1;
    this.shownFrame = -1;
    this.sketches = []; // of other characters
    // the motion itself comes first: lanes and poses follow when it is on the screen, and once
    // where several results follow one another
    clearTimeout(this.later);
    this.later = setTimeout(() => {
      this.sketches = characters.map((character) => sketch(character.motion, 1e9));
      this.redraw();
      this.#makePoses();
    }, LATER_MS);
  }

  /** Each frame: writes only what has changed. */
  show() {
    const frame = this.clock.wholeFrame;
    if (frame === this.shownFrame) return;
    this.shownFrame = frame;
    this.scrub.value = frame;
    const { frameTime, frameCount } = this.clock;
    this.readout.value = `${(frame * frameTime).toFixed(2)} s · ${frame + 1} / ${frameCount}`;
    this.scrub.setAttribute('aria-valuetext', `frame ${frame + 1} of ${this.clock.frameCount}`);
  }

  #showState() {
    const { playing, loop, speed } = this.clock;
    const play = element('play');
    play.setAttribute('aria-label', playing ? 'Pause' : 'Play');
    play.querySelector('use').setAttribute('href', playing ? '#icon-pause' : '#icon-play');
    element('loop').setAttribute('aria-pressed', String(loop));
    element('speed').value = speed;
    this.moved();
  }

  /**
   * The lanes: left foot above, right foot below; the result's brighter half beside the original's.
   */
  redraw() {
    const { lanes, characters } = this;
    const pen = fitted(lanes);
    const w = lanes.clientWidth,
      h = lanes.clientHeight;
    pen.fillStyle = colour('grid');
    const rows = Math.max(characters.length, 1) * 2,
      gap = 2,
      bar = Math.min(7, (h - 8) / rows - gap);
    const top = (h - rows * (bar + gap)) / 2;
    for (let r = 0; r < rows; r++) pen.fillRect(0, top + r * (bar + gap) + bar / 2 - 0.5, w, 1);
    const shades = slideShades();
    characters.forEach((character, c) => {
      const {
        speeds,
        motion: { frameCount: T },
      } = character;
      for (const foot of [0, 1]) {
        const y = top + (2 * c + foot) * (bar + gap);
        let from = 0,
          shade = -1;
        for (let x = 0; x <= w; x++) {
          const at = (x / Math.max(w - 1, 1)) * (this.clock.frameCount - 1);
          const frame = Math.round(character.ownFrame(at));
          const t = 4 * frame + 2 * foot;
          const there = x < w && frame >= 0 && frame < T;
          const speed = there ? Math.max(speeds[t], speeds[t + 1]) : -1;
          const next =
            speed < 0 ? -1 : Math.min(SHADES - 1, Math.floor((speed / SLIDING_M_S) * SHADES));
          if (next === shade && x < w) continue;
          if (shade >= 0) {
            pen.fillStyle = shades[shade];
            pen.fillRect(from, y, x - from, bar);
          }
          [from, shade] = [x, next];
        }
      }
    });
  }

  #makePoses() {
    if (!this.sketches?.length || !this.poses.offsetParent) return;
    const { poses, sketches } = this;
    const lead = sketches.at(-1),
      h = poses.clientHeight;
    const focused = this.poseButtons.indexOf(document.activeElement);
    for (const button of this.poseButtons) button.remove();
    const leader = this.characters.at(-1);
    this.keys = keyPoses(
      lead,
      Math.min(12, Math.max(4, Math.floor(poses.clientWidth / POSE_WIDTH_PX))),
    ).map((frame) => Math.round(leader.clipFrame(frame)));
    this.poseButtons = this.keys.map((frame) => {
      const button = document.createElement('button');
      button.type = 'button';
      button.textContent = `${(frame * this.clock.frameTime).toFixed(2)} s`;
      button.setAttribute(
        'aria-label',
        `Key pose at ${(frame * this.clock.frameTime).toFixed(2)} seconds`,
      );
      button.addEventListener('click', () => {
        if (this.clock.playing) this.clock.pause();
        this.seek(frame);
      });
      poses.append(button);
      return button;
    });
    this.poseButtons[focused]?.focus();
    const pen = fitted(this.strip);
    const w = poses.clientWidth / this.keys.length,
      size = h - 26;
    this.keys.forEach((frame, i) => {
      sketches.forEach((drawn, k) => {
        const original = k === 0 && sketches.length > 1;
        pen.globalAlpha = original ? 0.45 : 1;
        pen.strokeStyle = colour(k === 0 ? 'original' : 'restyled');
        const own = Math.max(Math.round(this.characters[k].ownFrame(frame)), 0);
        drawSketch(pen, drawn, own, (i + 0.5) * w, h - 21, size);
      });
    });
    pen.globalAlpha = 1;
  }
}

/** A canvas's pen in CSS pixels, on a canvas as sharp as the screen, empty. */
function fitted(canvas) {
  const ratio = Math.min(devicePixelRatio, 2);
  canvas.width = canvas.clientWidth * ratio;
  canvas.height = canvas.clientHeight * ratio;
  const pen = canvas.getContext('2d');
  pen.scale(ratio, ratio);
  return pen;
}

/**
 * @returns {string[]} colours from a foot that stands to one that slides, as the viewer's programs
 *   mix them
 */
function slideShades() {
  const parts = ['still', 'slow', 'sliding'].map((name) =>
    colour(name)
      .match(/[0-9a-f]{2}/gi)
      .map((two) => parseInt(two, 16)),
  );
  return Array.from({ length: SHADES }, (_, i) => {
    const share = (i + 0.5) / SHADES;
    const [a, b, part] =
      share < 0.45
        ? [parts[0], parts[1], share / 0.45]
        : [parts[1], parts[2], (share - 0.45) / 0.55];
    return `rgb(${a.map((value, k) => Math.round(value + (b[k] - value) * part)).join(' ')})`;
  });
}
