/** The character that a clip's file shows, in place of capsules: fetched once, worn by all motions. */
import { readModel } from './mesh.js';

export class Models {
  /** Called when there is another one, or none any more. */
  changed = () => {};
  /** Sentences about what cannot be shown. @type {string[]} */
  notes = [];
  #of = null;
  #model = null;
  #abort = null;

  /**
   * @param {import('./service.js').Service} service
   * @param {import('./view.js').View} view
   */
  constructor(service, view) {
    Object.assign(this, { service, view });
  }

  /** Whether there is a character to be shown. */
  get some() {
    return this.#model !== null;
  }

  /**
   * The clip that is looked at now; the view shows it already.
   * @param {import('./session.js').OpenClip} opened
   */
  async look(opened) {
    if (this.#of === opened.number && this.#model) return this.view.setModel(this.#model);
    this.#abort?.abort();
    this.#forget();
    this.#of = opened.number;
    if (!opened.clip?.holds_mesh || !opened.motion.rotation) return;
    const abort = (this.#abort = new AbortController());
    try {
      const packed = await this.service.mesh(opened.clip.id, abort.signal);
      const model = packed && (await readModel(packed, opened.motion));
      if (abort.signal.aborted) return model?.dispose();
      if (model) this.#wear(model);
    } catch (error) {
      if (abort.signal.aborted) return;
      this.#of = null; // the next look tries again
      if (error.unreachable || error.expired) return;
      this.notes = [`Its bones are shown, not its mesh: ${error.message}`];
      this.changed();
    }
  }

  #wear(model) {
    this.#model = model;
    this.notes = model.notes;
    this.view.setModel(model);
    this.changed();
  }

  #forget() {
    const old = this.#model;
    this.#model = null;
    this.notes = [];
    this.view.setModel(null);
    old?.dispose();
    this.changed();
  }
}
