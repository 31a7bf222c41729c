/**
 * The styles' cards: a button each, and one canvas over all of them on which their previews move.
 */
import { colour } from './colours.js';
import { readMotion } from './motion.js';
import { drawSketch, sketch } from './sketch.js';

/** Milliseconds between two drawings of all previews, and how many are fetched at once. */
const EVERY_MS = 66,
  AT_ONCE = 2;

/** The clip that previews show where a person has none of their own. */
const EXAMPLE = 'walk';

/**
 * @typedef {Object} Style
 * @property {string} name
 * @property {string} label
 * @property {number} seconds
 * @property {boolean} default
 * @property {string} group
 * @property {string} sentence
 * @property {boolean} well_learned
 * @typedef {Object} Card
 * @property {Style} style
 * @property {string} title           as asked for: the label where it is enough, the name otherwise
 * @property {HTMLButtonElement} button
 * @property {import('./sketch.js').Sketch | null} sketch
 * @property {boolean} asked
 * @property {boolean} fresh           whether it shows the clip that is looked at
 */

export class Previews {
  /**
   * @param {HTMLElement} container
   * @param {HTMLCanvasElement} canvas
   * @param {import('./service.js').Service} service
   * @param {(title: string, second: boolean) => void} chosen
   */
  constructor(container, canvas, service, chosen) {
    this.container = container;
    this.canvas = canvas;
    this.pen = canvas.getContext('2d');
    this.service = service;
    this.chosen = chosen;
    /** @type {Card[]} */
    this.cards = [];
    /** Those in sight, in their order. @type {Card[]} */
    this.shown = [];
    this.fetching = 0;
    /** The clip that the cards show. @type {import('./session.js').OpenClip | null} */
    this.clip = null;
    this.abort = new AbortController();
    /** Whether the person waits for something else. */
    this.isBusy = () => false;
    /** Previews wait until what the person looks at is there. */
    this.mayFetch = false;
    this.last = 0;
    this.still = matchMedia('(prefers-reduced-motion: reduce)');
    new ResizeObserver(() => this.#measure()).observe(container);
    container.addEventListener('keydown', (event) => this.#walk(event));
  }

  /** @param {Style[]} styles  in the order to show them */
  setStyles(styles) {
    for (const card of this.cards) card.button.remove();
    this.cards = styles.map((style) =>
      this.#card(style, style.default ? style.label : style.name),
    );
    this.arrange([['', this.cards]]);
  }

  /**
   * Put the cards into groups; those in none are out of sight.
   * @param {[string, Card[]][]} groups
   */
  arrange(groups) {
    for (const old of this.container.querySelectorAll('h3, button')) old.remove();
    for (const [name, cards] of groups) {
      if (name) {
        const heading = Object.assign(document.createElement('h3'), { textContent: name });
        this.container.append(heading);
      }
      this.container.append(...cards.map(({ button }) => button));
    }
    this.shown = groups.flatMap(([, cards]) => cards);
    this.shown.forEach(({ button, title, style }, i) => {
      button.title = `${title}: ${style.sentence}${i < 9 ? ` (${i + 1})` : ''}`;
    });
    this.#measure();
  }

  /**
   * One more card, or another in place of the one with its title.
   * @param {Style} style
   * @param {string} title
   */
  addStyle(style, title) {
    const at = this.cards.findIndex((card) => card.title === title);
    if (at < 0) this.cards.unshift(this.#card(style, title));
    else Object.assign(this.cards[at], { style, sketch: null, asked: false, fresh: false });
  }

  /** @param {Style} style  @param {string} title  @returns {Card} */
  #card(style, title) {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = title.replace('/', ' / ');
    button.setAttribute('aria-pressed', 'false');
    button.classList.toggle('well-learned', style.well_learned);
    const mark = style.well_learned ? '; well learned' : '';
    button.setAttribute('aria-description', `${style.sentence}${mark}`);
    button.addEventListener('click', (event) =>
      this.chosen(title, event.shiftKey || event.ctrlKey || event.metaKey),
    );
    return { style, title, button, sketch: null, asked: false, fresh: false };
  }

  /** @param {string[]} titles  of the styles that are chosen */
  show(titles) {
    for (const { title, button } of this.cards) {
      const chosen = titles.includes(title),
        before = button.getAttribute('aria-pressed') === 'true';
      button.setAttribute('aria-pressed', String(chosen));
      if (!chosen || before) continue;
      // into sight, moving this list alone
      const { offsetTop: y, offsetHeight: h } = button,
        { scrollTop: top, clientHeight } = this.container;
      const isOutside = y < top || y + h > top + clientHeight;
      if (isOutside) this.container.scrollTop = y - (clientHeight - h) / 2;
    }
    this.last = 0;
    this.missing = true;
  }

  /**
   * The cards show a clip in their styles; until a card has that, it shows the one before.
   * @param {import('./session.js').OpenClip} clip
   */
  setClip(clip) {
    if (this.clip?.number === clip.number) return;
    this.clip = clip;
    this.abort.abort();
    this.abort = new AbortController();
    for (const card of this.cards) card.asked = card.fresh = false;
    this.mayFetch = false;
    this.missing = true;
  }

  /** Forget where cards lie and draw all again, in colours as they are now. */
  refresh() {
    this.#measure();
  }

  #measure() {
    const { canvas, container } = this;
    this.width = container.clientWidth;
    this.height = Math.max(container.scrollHeight - 4, 1);
    const ratio = Math.min(devicePixelRatio, 2);
    // the canvas must not make the list longer than its cards do
    canvas.style.height = '1px';
    this.height = Math.max(container.scrollHeight, 1);
    canvas.style.width = `${this.width}px`;
    canvas.style.height = `${this.height}px`;
    canvas.width = this.width * ratio;
    canvas.height = this.height * ratio;
    this.ratio = ratio;
    for (const card of this.shown) {
      const { offsetLeft: x, offsetTop: y, offsetWidth: w, offsetHeight: h } = card.button;
      // a long name takes two lines
      card.box = { x, y, w, h, foot: card.title.length > 12 ? 36 : 24 };
    }
    this.plain = colour('soft');
    this.lit = colour('restyled');
    this.last = 0;
  }

  /** @param {number} now  milliseconds */
  draw(now) {
    if (now - this.last < EVERY_MS || !this.width || !this.container.offsetParent) return;
    const still = this.still.matches,
      top = this.container.scrollTop;
    // where nothing moves there is nothing to draw until something else is to be seen
    if (still && this.last && this.drawnTop === top && !this.missing) return;
    this.last = now;
    this.drawnTop = top;
    this.missing = false;
    const { pen, container, ratio } = this,
      bottom = top + container.clientHeight;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, top, this.width, container.clientHeight);
    for (const card of this.shown) {
      const { x, y, w, h, foot } = card.box;
      if (y + h < top || y > bottom) continue;
      if (!card.fresh) {
        this.missing = true;
        this.#fetch(card);
      }
      if (!card.sketch) continue;
      const s = card.sketch,
        frame = still ? s.frameCount >> 2 : Math.floor(now / 1000 / s.frameTime) % s.frameCount;
      pen.strokeStyle = card.button.getAttribute('aria-pressed') === 'true' ? this.lit : this.plain;
      drawSketch(pen, s, frame, x + w / 2, y + h - foot, h - foot - 12);
    }
  }

  async #fetch(card) {
    const { clip, abort } = this;
    // the server has the example in all styles already
    const isExample = !clip || clip.example === EXAMPLE;
    if (!isExample && !clip.clip) return; // the server does not know it now
    if (!this.mayFetch || card.asked || this.fetching >= AT_ONCE || this.isBusy()) return;
    card.asked = true;
    this.fetching++;
    try {
      const id = isExample ? null : clip.clip.id;
      const packed = await this.service.preview(card.style.name, id, abort.signal);
      if (abort.signal.aborted) return;
      card.sketch = sketch(readMotion(packed));
      card.fresh = true;
    } catch {
      // a preview is a nicety: try again later, quietly
      setTimeout(() => {
        if (this.abort === abort) card.asked = false;
      }, 3000);
    } finally {
      this.fetching--;
    }
  }

  /** Arrow keys go from card to card. */
  #walk(event) {
    const columns = getComputedStyle(this.container).gridTemplateColumns.split(' ').length;
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
    const at = this.shown.findIndex(({ button }) => button === document.activeElement);
    if (!step || at < 0) return;
    event.preventDefault();
    event.stopPropagation();
    this.shown[Math.min(Math.max(at + step, 0), this.shown.length - 1)].button.focus();
  }
}
