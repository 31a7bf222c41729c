/**
 * Styles of the person's own: `.style` files that were dropped or picked, and those that are heard in
 * clips here, and refined where the server can.
 *
 * @typedef {import('./service.js').Named} Named
 */
import { motionsAmong } from './clips.js';
import { pickFiles, saveFile } from './files.js';
import { newId } from './ids.js';
import { say } from './notices.js';

const POLL_MS = 500;

const element = (id) => document.getElementById(id);
const line = (text) => Object.assign(document.createElement('p'), { textContent: text });

export class OwnStyles {
  /** Clips to hear a style in, as `motionsAmong` has them. */
  #motions = [];
  /** What goes on. @type {{job: string, abort: AbortController} | null} */
  #work = null;
  /** The file that was made last. @type {Named | null} */
  #made = null;

  /**
   * @param {import('./session.js').Session} session
   * @param {import('./library.js').Library} library
   * @param {(title: string) => void} choose  @param {(error: Error) => void} fail
   */
  constructor(session, library, choose, fail) {
    Object.assign(this, { session, library, choose, fail, service: session.service });
    element('own').hidden = this.service.refusal('files') !== null;
    element('own').addEventListener('toggle', ({ target }) => target.open && this.find());
    pickFiles(element('own-clips'), element('own-files'), (files) => this.take(files));
    element('own-name').addEventListener('input', () => this.#show());
    element('own-learn').addEventListener('click', () => this.learn());
    element('own-cancel').addEventListener('click', () => this.cancel());
    element('own-save').addEventListener('click', () =>
      saveFile(this.#made.bytes, this.#made.name),
    );
  }

  /** A `.style` file: it is one more style, and chosen. @param {Named} file */
  async add(file) {
    try {
      this.#put(file, await this.service.sendStyle(file));
    } catch (error) {
      this.fail(error);
    }
  }

  /** Those that the page knows already, as cards. */
  showAll() {
    for (const [title, { sent }] of this.session.ownStyles) this.#card(title, sent?.seconds ?? 0);
  }

  #put(file, sent) {
    const title = file.name,
      isAnother = this.session.ownStyles.has(title);
    this.session.ownStyles.set(title, { file, sent });
    this.#card(title, sent.seconds);
    this.choose(title);
    if (isAnother) this.session.remake(); // what was made in the one before is no result of it
    say(`${title} is among the styles.`);
  }

  #card(title, seconds) {
    const { session } = this;
    const style = {
      seconds,
      get name() {
        return session.called(title);
      },
    };
    this.library.addOwn(style, title);
  }

  // ---- heard in clips ----

  /** Whether the server can refine. */
  async find() {
    try {
      const { refine, reason, refinements } = await this.service.learning();
      element('own-refine').disabled = !refine;
      if (!refine) element('own-refine').checked = false;
      element('own-refine').parentElement.title = reason ?? '';
      element('own-why').textContent =
        reason ?? (refinements ? 'Another style is being refined: yours would wait for it.' : '');
    } catch (error) {
      this.fail(error);
    }
  }

  /** @param {Named[]} files */
  take(files) {
    this.#motions = motionsAmong(files);
    this.#show();
  }

  #show() {
    const count = this.#motions.length;
    const names = this.#motions.map(({ name }) => name);
    element('own-chosen').textContent = names.join(', ');
    element('own-learn').disabled = !count || !element('own-name').value.trim() || !!this.#work;
    element('own-progress').hidden = !this.#work;
  }

  #progress(stage, share) {
    element('own-stage').textContent = stage[0].toUpperCase() + stage.slice(1);
    element('own-share').value = share;
  }

  async learn() {
    if (this.#work) return;
    const work = (this.#work = { job: newId(), abort: new AbortController() });
    const ids = [];
    element('own-said').replaceChildren();
    this.#show();
    this.#progress('reading', 0);
    try {
      const leftOut = await this.#send(ids, work.abort.signal);
      const wanted = {
        clips: ids,
        name: element('own-name').value.trim(),
        refine: element('own-refine').checked,
        job: work.job,
      };
      this.#poll(work);
      const learned = await this.service.learn(wanted, work.abort.signal);
      const bytes = await this.service.styleFile(learned.id);
      this.#made = { name: learned.file, bytes };
      this.#put(this.#made, learned);
      this.#tell(learned.said, [...leftOut, ...learned.left_out]);
      element('own-save').hidden = false;
      element('own-save').textContent = `Save ${learned.file}`;
    } catch (error) {
      if (error.name === 'AbortError') this.#tell(['Cancelled: no style was made.'], []);
      else this.fail(error);
    } finally {
      this.#work = null;
      for (const id of ids) this.service.forget(id).catch(() => {});
      this.#show();
    }
  }

  /** Give the server the clips. @returns {Promise<string[]>} why some are left out */
  async #send(ids, signal) {
    const refused = [];
    for (const [i, { files, rig }] of this.#motions.entries()) {
      this.#progress('reading', i / this.#motions.length);
      try {
        ids.push((await this.service.upload(files, rig, null, {}, newId(), signal)).id);
      } catch (error) {
        const isItsFault = error.status >= 413 && error.status <= 422;
        if (!isItsFault || this.#motions.length === 1) throw error;
        refused.push(error);
      }
    }
    if (!ids.length) throw refused[0];
    return refused.map(({ message }) => message);
  }

  async #poll(work) {
    while (this.#work === work) {
      const { stage, share } = await this.service.job(work.job).catch(() => ({}));
      if (stage && this.#work === work) this.#progress(stage, share);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  #tell(said, leftOut) {
    const lines = [...said, ...leftOut.map((why) => `left out: ${why}`)];
    element('own-said').replaceChildren(...lines.map(line));
  }

  cancel() {
    if (!this.#work) return;
    this.service.cancel(this.#work.job).catch(() => {});
    this.#work.abort.abort();
  }
}
