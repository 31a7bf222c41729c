/**
 * What the person works on: a clip, a manner, the result. It keeps the files in memory, so that a
 * server that lost them gets them again.
 *
 * @typedef {import('./motion.js').Motion} Motion
 * @typedef {import('./service.js').Clip} Clip
 * @typedef {import('./service.js').Named} Named
 * @typedef {Object} Held             a clip that the server knows, and how to give it to another
 *   one
 * @property {Named[] | null} files
 * @property {string | null} example
 * @property {import('./service.js').StatedRig | null} rig  null where it is found in the clip
 * @property {Clip | null} clip       null while the server does not know it
 * @property {Motion} motion
 * @typedef {Object} Result
 * @property {Clip} clip
 * @property {Motion} motion
 * @property {object} request
 * @property {number} seconds         from the request to the motion
 * @property {boolean} [gone]         the server knows it no more
 * @typedef {Object} Work             what the server is busy with for us
 * @property {string} job
 * @property {AbortController} abort
 * @property {() => void} end
 */
import { sendValues, startValues } from './controls.js';
import { readMotion } from './motion.js';

/** Milliseconds after which a request shows its progress. */
const PATIENCE_MS = 350,
  POLL_MS = 250;

export class Session {
  /** @type {Held | null} */
  source = null;
  /** @type {Held | null} */
  reference = null;
  /** @type {Result | null} */
  result = null;
  /** @type {import('./controls.js').Choice} */
  choice = { manner: 'style', styles: [] };
  values = startValues();
  /**
   * Takes are counted for each manner: coming back to a style one finds its middle, while a
   * surprise starts with its first draw.
   */
  #takes = { style: 0, like: 0, random: 1 };
  /** What could not be opened because the server was gone. */
  #unopened = null;
  #listeners = new Map();
  #running = false;
  #wantedAgain = false;
  /** @type {Work | null} */
  #work = null;

  /** @param {import('./service.js').Service} service */
  constructor(service) {
    this.service = service;
  }

  /** Kinds: source, reference, choice, result, working, failed. */
  on(kind, listener) {
    this.#listeners.set(kind, [...(this.#listeners.get(kind) ?? []), listener]);
  }

  #say(kind, what) {
    for (const listener of this.#listeners.get(kind) ?? []) listener(what);
  }

  /**
   * Open files or an example as the clip, or as the reference. What is refused comes with the
   * error, as `opening`.
   * @param {{files?: Named[], example?: string, rig?: import('./service.js').StatedRig}} what
   */
  async open(what, asReference = false) {
    const held = {
      files: what.files ?? null,
      example: what.example ?? null,
      rig: what.rig ?? null,
      clip: null,
      motion: null,
    };
    this.cancel();
    this.#unopened = null;
    const work = this.#begin('Reading');
    try {
      await this.#give(held, work);
      held.motion = readMotion(await this.service.motion(held.clip.id, work.abort.signal));
    } catch (error) {
      if (error.unreachable) this.#unopened = [what, asReference];
      if (error.name !== 'AbortError')
        this.#say('failed', Object.assign(error, { opening: [what, asReference] }));
      return false;
    } finally {
      work.end();
    }
    const old = asReference ? this.reference : this.source;
    if (asReference) {
      this.reference = held;
      this.#choose({ manner: 'like' });
      this.#say('reference', held);
      this.#say('choice');
    } else {
      this.source = held;
      this.result = null;
      this.#say('source', held);
    }
    if (old?.clip) this.service.forget(old.clip.id).catch(() => {});
    this.request();
    return true;
  }

  /** @param {Partial<import('./controls.js').Choice>} change */
  choose(change) {
    this.#choose(change);
    this.#say('choice');
    this.request();
  }

  #choose(change) {
    const before = this.choice.manner;
    this.choice = { ...this.choice, ...change };
    if (this.choice.manner === before) return;
    this.#takes[before] = this.values.seed;
    this.values = { ...this.values, seed: this.#takes[this.choice.manner] };
  }

  set(name, value) {
    this.values = { ...this.values, [name]: value };
    this.#say('choice');
    this.request();
  }

  /** Whether a newer result than the last is on its way. */
  get busy() {
    return this.#wantedAgain;
  }

  /** What is asked for now; null where something is missing. */
  wanted() {
    const { manner, styles } = this.choice;
    const cue =
      manner === 'random'
        ? { random: true }
        : manner === 'like'
          ? this.reference && { like: this.reference }
          : styles.length
            ? { style: styles }
            : null;
    return this.source && cue && { ...cue, ...sendValues(this.values, this.choice) };
  }

  /** Make the result anew. While one is made, only the latest wish waits. */
  async request() {
    if (this.#running) {
      this.#wantedAgain = true;
      return;
    }
    this.#running = true;
    try {
      do {
        this.#wantedAgain = false;
        const wanted = this.wanted();
        if (!wanted) {
          this.#say('choice');
          break;
        }
        const source = this.source,
          old = this.result;
        const result = await this.#make(wanted);
        if (source !== this.source) continue;
        this.result = result;
        this.#say('result', result);
        if (old && !old.gone) this.service.forget(old.clip.id).catch(() => {});
      } while (this.#wantedAgain);
    } catch (error) {
      if (error.name !== 'AbortError') this.#say('failed', error);
    } finally {
      this.#running = false;
      if (this.#wantedAgain) this.request();
    }
  }

  /** A result that is only looked at: the server may forget it. @returns {Promise<Motion>} */
  async variant(wanted, signal) {
    const { clip, motion } = await this.#withClips(wanted, null, async (request, id) => {
      const clip = await this.service.stylize(id, request, signal);
      return { clip, motion: readMotion(await this.service.motion(clip.id, signal)) };
    });
    this.service.forget(clip.id).catch(() => {});
    return motion;
  }

  /** @returns {Promise<Result>} */
  async #make(wanted) {
    const began = performance.now();
    const work = this.#begin('Restyling'),
      { signal } = work.abort;
    try {
      return await this.#withClips(wanted, work, async (request, id) => {
        const clip = await this.service.stylize(id, { ...request, job: work.job }, signal);
        const motion = readMotion(await this.service.motion(clip.id, signal));
        return { clip, motion, request: wanted, seconds: (performance.now() - began) / 1000 };
      });
    } finally {
      work.end();
    }
  }

  /** Stop what is being made. */
  cancel() {
    if (!this.#work) return;
    this.#wantedAgain = false;
    this.service.cancel(this.#work.job).catch(() => {});
    this.#work.abort.abort();
  }

  /**
   * The server is back: give it what it needs, and go on.
   * @param {boolean} forgotten  whether it knows no clip any more
   */
  async recover(forgotten) {
    if (forgotten) {
      for (const held of [this.source, this.reference]) if (held) held.clip = null;
      if (this.result) this.result.gone = true;
    }
    if (this.#unopened) await this.open(...this.#unopened);
    else if (forgotten || !this.result) await this.request();
  }

  /**
   * Run with clips that the server knows; where it has forgotten them, they are given again, once.
   */
  async #withClips(wanted, work, run) {
    for (let attempt = 0; ; attempt++) {
      const held = [this.source, ...(wanted.like ? [wanted.like] : [])];
      for (const each of held) if (!each.clip) await this.#give(each, work);
      const request = wanted.like ? { ...wanted, like: wanted.like.clip.id } : wanted;
      try {
        return await run(request, this.source.clip.id);
      } catch (error) {
        if (!error.expired || attempt) throw error;
        for (const each of held) each.clip = null;
      }
    }
  }

  /** @param {Held} held  @param {Work | null} work */
  async #give(held, work) {
    const job = work?.job ?? crypto.randomUUID(),
      signal = work?.abort.signal;
    const { example, files, rig } = held;
    held.clip = example
      ? await this.service.openExample(example, rig, job, signal)
      : await this.service.upload(files, rig, job, signal);
  }

  /**
   * Something that may take a while: once it has, it is said, with what the server knows of it.
   * @returns {Work}
   */
  #begin(stage) {
    const work = { job: crypto.randomUUID(), abort: new AbortController(), end: null };
    const poll = async () => {
      this.#say('working', { stage, share: null });
      const { stage: at, share } = await this.service.job(work.job).catch(() => ({}));
      if (this.#work !== work) return;
      if (at) this.#say('working', { stage: at[0].toUpperCase() + at.slice(1), share });
      timer = setTimeout(poll, POLL_MS);
    };
    let timer = setTimeout(poll, PATIENCE_MS);
    work.end = () => {
      clearTimeout(timer);
      if (this.#work !== work) return;
      this.#work = null;
      this.#say('working', null);
    };
    this.#work = work;
    return work;
  }
}
