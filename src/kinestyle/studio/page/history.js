/** What was, and what was taken back: any values, the page's are desks. */

/** A slider that moves on within so many milliseconds is one step. */
const ONE_STEP_MS = 900;
const MOST = 200;

export class History {
  #past = [];
  #future = [];
  #group = null;
  #at = 0;

  /**
   * Something has changed.
   * @param {object} before
   * @param {string | null} group  what moves continuously; null: a step of its own
   */
  record(before, group = null, now = performance.now()) {
    const goesOn = group !== null && group === this.#group && now - this.#at < ONE_STEP_MS;
    [this.#group, this.#at, this.#future] = [group, now, []];
    if (!goesOn) this.#past = [...this.#past.slice(1 - MOST), before];
  }

  get canUndo() {
    return this.#past.length > 0;
  }

  get canRedo() {
    return this.#future.length > 0;
  }

  /** @param {object} now  @returns {object} what was before it, or itself */
  undo(now) {
    if (!this.canUndo) return now;
    this.#group = null;
    this.#future.push(now);
    return this.#past.pop();
  }

  /** @param {object} now  @returns {object} what was taken back last, or itself */
  redo(now) {
    if (!this.canRedo) return now;
    this.#group = null;
    this.#past.push(now);
    return this.#future.pop();
  }

  /**
   * Steps that came to nothing are none.
   * @param {(value: object) => boolean} isIt
   * @returns {object | null} the last value that it is, which is now the present one
   */
  backTo(isIt) {
    const at = this.#past.findLastIndex(isIt);
    if (at < 0) return null;
    [this.#group, this.#future] = [null, []];
    const found = this.#past[at];
    this.#past = this.#past.slice(0, at);
    return found;
  }
}
