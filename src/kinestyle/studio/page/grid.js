/**
 * The grid's variants: the clip in many styles, or in many variations of one, made one after the
 * other.
 */
import { isLong } from './long_clip.js';
import { GRID_SIZE } from './view.js';

export class Grid {
  #abort = null;
  #key = '';

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

  /** What the cells should show: of one style all the others too, otherwise variations. */
  #variants() {
    const { session } = this;
    const wanted = session.wanted();
    if (!wanted) return [];
    if (session.ask.kind === 'style' && !session.mixing) {
      const chosen = session.ask.styles[0];
      return this.styles()
        .slice(0, this.size - 1)
        .map(({ title }) => ({
          label: title,
          request: { ...wanted, style: [title] },
          chosen: title === chosen,
          choose: () => session.choose({ styles: [title], mixing: false }),
        }));
    }
    return Array.from({ length: this.size - 1 }, (_, i) => ({
      label: `variation ${i}`,
      request: { ...wanted, seed: i },
      chosen: wanted.seed === i,
      choose: () => session.set('seed', i),
    }));
  }

  /**
   * Make what is missing, one after the other; where something else is wanted, an older call stops.
   */
  async update() {
    const { view, session } = this;
    if (view.mode !== 'grid' || !session.source) return;
    const variants = this.#variants();
    const key = JSON.stringify([
      variants.map(({ request }) => ({ ...request, like: request.like?.number })),
      session.source.number,
    ]);
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

  /** The server is another one: what was under way is lost. */
  again() {
    this.#abort?.abort();
    this.#abort = null;
    this.#key = '';
    this.update();
  }
}
