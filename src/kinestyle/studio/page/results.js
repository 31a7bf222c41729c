/**
 * The last results, so that taking a step back and looking at the other of two cost nothing. The
 * server may forget what is dropped here.
 */
const MOST = 6;

export class Results {
  /** @type {Map<string, import('./session.js').Result>} the one unused for longest first */
  #kept = new Map();

  /** @param {(id: string) => void} forget */
  constructor(forget) {
    this.forget = forget;
  }

  get(key) {
    const found = this.#kept.get(key);
    if (found) this.put(key, found);
    return found;
  }

  put(key, result) {
    this.#kept.delete(key);
    this.#kept.set(key, result);
    for (const [oldest, { clip }] of this.#kept) {
      if (this.#kept.size <= MOST) break;
      this.#kept.delete(oldest);
      this.forget(clip.id);
    }
  }

  /** The server knows none of them any more. */
  clear() {
    this.#kept.clear();
  }
}
