/**
 * The views of many cells: the clip in many styles, or in takes of one to choose from, made one after
 * the other.
 */
import { changed, requestOf } from './asking.js';
import { isLong } from './long_clip.js';
import { GRID_SIZE, isGrid } from './view.js';

/**
 * @typedef {Object} Takes
 * @property {string} key             what they are takes of
 * @property {number[] | null} seeds  null while they are chosen
 * @property {AbortController} [abort]
 */

export class Grid {
  #abort = null;
  #key = '';
  /** @type {Takes} */
  #takes = { key: '', seeds: null };
  #mode = '';

  /**
   * @param {import('./session.js').Session} session
   * @param {import('./view.js').View} view
   * @param {() => {title: string}[]} styles
   * @param {(error: Error) => void} failed
   */
  constructor(session, view, styles, failed) {
    this.session = session;
    this.view = view;
    this.styles = styles;
    this.failed = failed;
    this.size = GRID_SIZE;
  }

  /** What the cells should show; null until that is known, and then the grid is updated. */
  #variants() {
    const styles = this.styles();
    return this.view.mode === 'grid' && styles.length ? this.#inStyles(styles) : this.#inTakes();
  }

  #inStyles(styles) {
    const { session } = this,
      { ask } = session;
    return styles.slice(0, this.size - 1).map(({ title }) => {
      const change = { kind: 'style', styles: [title], mixing: false };
      return {
        label: title,
        request: requestOf(changed(ask, change), session.settings),
        chosen: ask.kind === 'style' && ask.styles.join() === title,
        choose: () => session.choose(change),
      };
    });
  }

  #inTakes() {
    const { session } = this,
      wanted = session.wanted();
    if (!wanted) return [];
    const seeds = this.#seeds(wanted);
    return (
      seeds &&
      seeds.map((seed) => ({
        label: `variation ${seed}`,
        request: { ...wanted, seed },
        chosen: wanted.seed === seed,
        choose: () => session.set('seed', seed),
      }))
    );
  }

  /** Those that were chosen, the one that is asked for among them. @returns {number[] | null} */
  #seeds(wanted) {
    const { seed, ...rest } = wanted;
    const key = keyOf([rest], this.session.source, this.size);
    const { seeds } = this.#takes;
    if (this.#takes.key !== key || (seeds && !seeds.includes(seed))) this.#choose(wanted, key);
    return this.#takes.seeds;
  }

  async #choose(wanted, key) {
    this.#takes.abort?.abort();
    const abort = new AbortController(),
      takes = (this.#takes = { key, seeds: null, abort });
    try {
      takes.seeds = await this.session.takes(wanted, this.size - 1, abort.signal);
      this.update();
    } catch (error) {
      if (abort.signal.aborted) return;
      this.#takes = { key: '', seeds: null };
      this.failed(error);
    }
  }

  /**
   * Make what is missing, one after the other; where something else is wanted, an older call stops.
   */
  async update() {
    const { view, session } = this;
    if (!isGrid(view.mode) || !session.source) return;
    if (view.mode !== this.#mode) view.clearVariants();
    this.#mode = view.mode;
    const variants = this.#variants();
    if (!variants) return this.#wait();
    const key = keyOf(
      variants.map(({ request }) => request),
      session.source,
    );
    const same = key === this.#key && view.variants.length === variants.length;
    // until a cell's new motion is there it shows its old one
    if (view.variants.length === variants.length)
      variants.forEach((variant, i) => (view.variants[i].variant = variant));
    else {
      view.clearVariants();
      view.variants = variants.map((variant) => ({ variant, character: null }));
    }
    view.arrange();
    if (same && (this.#abort || view.variants.every(({ character }) => character))) return;
    this.#key = key;
    this.#abort?.abort();
    const abort = (this.#abort = new AbortController());
    try {
      // of a long clip, all cells show something before one of them shows all
      for (let i = 0; i < variants.length && isLong(session.source); i++) {
        const part = await session.part(variants[i].request, abort.signal);
        if (abort.signal.aborted || view.variants.length !== variants.length) return;
        if (!part) break;
        view.setVariant(i, part, part.firstFrame);
      }
      for (let i = 0; i < variants.length; i++) {
        const motion = await session.variant(variants[i].request, abort.signal);
        if (abort.signal.aborted || view.variants.length !== variants.length) return;
        view.setVariant(i, motion, session.beginning(variants[i].request));
      }
    } catch (error) {
      if (abort.signal.aborted) return;
      this.#key = '';
      this.failed(error);
    } finally {
      if (this.#abort === abort) this.#abort = null;
    }
  }

  /** Until it is known what cells show, they are there. */
  #wait() {
    const { view } = this,
      count = this.size - 1;
    this.#abort?.abort();
    this.#key = '';
    if (view.variants.length !== count) {
      view.clearVariants();
      const variant = { label: 'choosing takes' };
      view.variants = Array.from({ length: count }, () => ({ variant, character: null }));
    }
    view.arrange();
  }

  /** The server is another one: what was under way is lost. */
  again() {
    this.#abort?.abort();
    this.#abort = null;
    this.#key = '';
    this.update();
  }
}

const keyOf = (requests, source, ...more) =>
  JSON.stringify([
    requests.map((request) => ({ ...request, like: request.like?.number })),
    source.number,
    ...more,
  ]);
