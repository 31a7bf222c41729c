/**
 * What the person works on: a clip, a style, the result. It keeps the files in memory, so that a
 * server that lost them gets them again.
 *
 * @typedef {import('./motion.js').Motion} Motion
 * @typedef {import('./service.js').Clip} Clip
 * @typedef {import('./service.js').Named} Named
 * @typedef {Object} OpenClip         a clip, and what it takes to send it again
 * @property {Named[] | null} files
 * @property {string | null} example
 * @property {import('./service.js').StatedRig | null} rig  null where it is found in the clip
 * @property {string | null} animation  of a file with several; null for the server's choice
 * @property {Object<string, string>} reading  what else is said of how the file is to be read
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
 * @property {boolean} isWhole        a result, which is left where another is wanted
 */
import { cueSettings } from './controls.js';
import { isLong } from './long_clip.js';
import { readMotion } from './motion.js';
import { momentFrame } from './trim.js';

/** Milliseconds after which a request shows its progress. */
const PATIENCE_MS = 350,
  POLL_MS = 250;

/** The shares of both styles. @param {number | string} mix  of the second, or keys of it */
function sharesOf(mix) {
  if (typeof mix === 'number') return [1 - mix, mix];
  const keys = mix.split(',').map((key) => key.split(':').map(Number));
  return keys.map(([time, share]) => `${time}:${Number((1 - share).toFixed(3))},${share}`).join(';');
}

export class Session {
  /** @type {OpenClip | null} */
  source = null;
  /** @type {OpenClip | null} */
  reference = null;
  /** @type {Result | null} */
  result = null;
  /** @type {import('./controls.js').Choice} */
  choice = { kind: 'style', styles: [] };
  /**
   * Styles of the person's own, by the titles of their cards. `sent` is null while the server does
   * not know it.
   * @type {Map<string, {file: Named, sent: {style: string, seconds: number} | null}>}
   */
  ownStyles = new Map();
  /** What can be set. @type {import('./controls.js').Setting[]} */
  settings = [];
  /** @type {import('./controls.js').Values} */
  values = {};
  /**
   * Each kind of cue keeps its own seed: coming back to a style one finds its middle, while a
   * surprise starts with its first draw.
   */
  #seeds = { style: 0, like: 0, random: 1 };
  /** What could not be opened because the server was gone. */
  #unopened = null;
  #listeners = new Map();
  #running = false;
  #wantedAgain = false;
  /** @type {Work | null} */
  #work = null;

  /** Where the playhead is, in seconds of the clip; the page says. */
  moment = () => 0;

  /** Whether no results are made of the clip: a performer is shown. */
  paused = false;

  /** @param {import('./service.js').Service} service */
  constructor(service) {
    this.service = service;
  }

  /** Kinds: source, reference, choice, part, result, working, failed. */
  on(kind, listener) {
    this.#listeners.set(kind, [...(this.#listeners.get(kind) ?? []), listener]);
  }

  #say(kind, what) {
    for (const listener of this.#listeners.get(kind) ?? []) listener(what);
  }

  /**
   * Open files or an example as the clip, or as the reference. What is refused comes with the
   * error, as `opening`.
   * @param {{files?: Named[], example?: string, rig?: import('./service.js').StatedRig,
   *   animation?: string, reading?: Object<string, string>}} what
   */
  async open(what, asReference = false) {
    const opened = {
      files: what.files ?? null,
      example: what.example ?? null,
      rig: what.rig ?? null,
      animation: what.animation ?? null,
      reading: what.reading ?? {},
      clip: null,
      motion: null,
    };
    this.cancel();
    this.#unopened = null;
    const work = this.#begin('Reading');
    try {
      await this.#give(opened, work);
      opened.motion = readMotion(await this.service.motion(opened.clip.id, work.abort.signal));
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
      this.reference = opened;
      this.#choose({ kind: 'like' });
      this.#say('reference', opened);
      this.#say('choice');
    } else {
      this.source = opened;
      this.result = null;
      this.#say('source', opened);
    }
    if (old?.clip) this.service.forget(old.clip.id).catch(() => {});
    this.request();
    return true;
  }

  /**
   * A `.style` file, so that it can be chosen. What is refused is thrown.
   * @param {Named} file
   * @returns {Promise<{title: string, seconds: number, warnings: string[]}>}
   */
  async addStyle(file) {
    const sent = await this.service.sendStyle(file);
    this.ownStyles.set(file.name, { file, sent });
    return { title: file.name, ...sent };
  }

  /** What the server calls a style. @param {string} title  of a card, with parts behind it maybe */
  called(title) {
    const own = this.#ownIn([title])[0];
    return own?.sent ? own.sent.style + title.slice(own.file.name.length) : title;
  }

  /** Those of the person's own among styles. @param {string[]} titles */
  #ownIn(titles) {
    return [...this.ownStyles.values()].filter(({ file: { name } }) =>
      titles.some((title) => title === name || title.startsWith(`${name}@`)),
    );
  }

  /** Everything as it is unless the person wants it otherwise. */
  setDefaults(settings) {
    this.settings = settings;
    const all = [...cueSettings(settings), ...settings];
    this.values = Object.fromEntries(all.map((one) => [one.name, one.default]));
  }

  /** @param {Partial<import('./controls.js').Choice>} change */
  choose(change) {
    this.#choose(change);
    this.#say('choice');
    this.request();
  }

  #choose(change) {
    const before = this.choice.kind;
    this.choice = { ...this.choice, ...change };
    if (this.choice.kind === before) return;
    this.#seeds[before] = this.values.seed;
    this.values = { ...this.values, seed: this.#seeds[this.choice.kind] };
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

  /** Whether two styles are mixed. */
  get mixing() {
    return this.choice.kind === 'style' && this.choice.styles.length === 2;
  }

  /** Where the style comes from; null where that is missing. */
  #cue() {
    const { kind, styles } = this.choice;
    if (kind === 'random') return { random: true };
    if (kind === 'like') return this.reference && { like: this.reference };
    if (!styles.length) return null;
    if (!this.mixing) return { style: styles };
    const { mix, second } = this.values;
    if (second !== 'all') return { style: [styles[0], `${styles[1]}@${second}`] };
    return { style: styles, weights: sharesOf(mix) };
  }

  /** What is asked for now; null where something is missing. */
  wanted() {
    return this.source && this.restyling();
  }

  /** The same of whatever motion; null where the style is missing. */
  restyling() {
    const cue = this.#cue();
    const settings = Object.fromEntries(this.settings.map(({ name }) => [name, this.values[name]]));
    return cue && { ...cue, ...settings };
  }

  /** @returns {number} the frame of the clip at which what is asked for begins */
  beginning({ start }) {
    return momentFrame(start, this.source.motion.frameTime) ?? 0;
  }

  /**
   * Make the result. While one is made, only the latest wish waits; that of a long clip is left for
   * it, and what is around the playhead comes first.
   */
  async request() {
    if (this.paused) return;
    if (this.#running) {
      this.#wantedAgain = true;
      if (isLong(this.source) && this.#work?.isWhole) this.#leave(this.#work);
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
        const result = await this.#partThenWhole(wanted);
        if (!result || source !== this.source) continue;
        this.result = result;
        this.#say('result', result);
        if (old && !old.gone) this.service.forget(old.clip.id).catch(() => {});
      } while (this.#wantedAgain);
    } catch (error) {
      if (error.name !== 'AbortError') this.#say('failed', error);
    } finally {
      this.#running = false;
      this.#say('part', null);
      if (this.#wantedAgain) this.request();
    }
  }

  /** @returns {Promise<Result | null>} null where something else is wanted meanwhile */
  async #partThenWhole(wanted) {
    try {
      if (isLong(this.source)) {
        const motion = await this.part(wanted);
        if (motion) this.#say('part', { motion, request: wanted });
        if (this.#wantedAgain) return null;
      }
      return await this.#make(wanted);
    } catch (error) {
      if (error.name === 'AbortError' && this.#wantedAgain) return null;
      throw error;
    }
  }

  /**
   * What is wanted, around the playhead only.
   * @returns {Promise<Motion | null>} null where a part is not what it is in the whole
   */
  async part(wanted, signal = null) {
    const work = signal ? null : this.#begin('Restyling');
    try {
      return await this.#withClips(wanted, work, async (request, id) => {
        const asked = work ? { ...request, job: work.job } : request;
        const { abort } = work ?? {};
        const found = await this.service.part(id, asked, this.moment(), signal ?? abort.signal);
        return found && readMotion(found);
      });
    } finally {
      work?.end();
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
    const work = this.#begin('Restyling', true),
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
    this.#leave(this.#work);
  }

  #leave(work) {
    this.service.cancel(work.job).catch(() => {});
    work.abort.abort();
  }

  /**
   * The server is back: give it what it needs, and go on.
   * @param {boolean} forgotten  whether it knows no clip any more
   */
  async recover(forgotten) {
    if (forgotten) {
      for (const opened of [this.source, this.reference]) if (opened) opened.clip = null;
      for (const own of this.ownStyles.values()) own.sent = null;
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
      const opened = [this.source, ...(wanted.like ? [wanted.like] : [])];
      for (const each of opened) if (!each.clip) await this.#give(each, work);
      const own = this.#ownIn(wanted.style ?? []);
      for (const each of own) each.sent ??= await this.service.sendStyle(each.file);
      const request = { ...wanted };
      if (wanted.like) request.like = wanted.like.clip.id;
      if (wanted.style) request.style = wanted.style.map((title) => this.called(title));
      try {
        return await run(request, this.source.clip.id);
      } catch (error) {
        if (!error.expired || attempt) throw error;
        for (const each of opened) each.clip = null;
        for (const each of own) each.sent = null;
      }
    }
  }

  /** @param {OpenClip} opened  @param {Work | null} work */
  async #give(opened, work) {
    const job = work?.job ?? crypto.randomUUID(),
      signal = work?.abort.signal;
    const { example, files, rig, animation, reading } = opened;
    opened.clip = example
      ? await this.service.openExample(example, rig, job, signal)
      : await this.service.upload(files, rig, animation, reading, job, signal);
  }

  /**
   * Something that may take a while: once it has, it is said, with what the server knows of it.
   * @returns {Work}
   */
  #begin(stage, isWhole = false) {
    const work = { job: crypto.randomUUID(), abort: new AbortController(), end: null, isWhole };
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
