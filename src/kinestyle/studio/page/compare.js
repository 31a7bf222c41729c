/** The other of two results, made where it is looked at beside the first. */
import { labelOf } from './asking.js';

export class Compare {
  #latest = 0;

  /**
   * @param {import('./session.js').Session} session
   * @param {import('./view.js').View} view
   * @param {(error: Error) => void} failed
   */
  constructor(session, view, failed) {
    Object.assign(this, { session, view, failed });
  }

  async update() {
    const { session, view } = this,
      { desk } = session,
      ask = desk[desk.slot === 'A' ? 'B' : 'A'];
    view.slot = desk.slot;
    if (view.mode !== 'both' || !session.source) return;
    const call = ++this.#latest;
    if (!ask) return view.setOther(null, 'none yet: choose it and change something');
    try {
      const result = await session.otherResult();
      if (call !== this.#latest) return;
      const from = result ? session.beginning(result.request) : 0;
      view.setOther(result, labelOf(ask, session.settings), from);
    } catch (error) {
      if (call === this.#latest) this.failed(error);
    }
  }
}
