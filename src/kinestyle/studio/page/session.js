/**
 * What the person works on: a clip, what is asked of it, the result. All that is asked is one value,
 * the desk, see `asking.js`; each result says which ask it answers. The page keeps the files in
 * memory, so that a server that lost them gets them again.
 *
 * @typedef {import('./motion.js').Motion} Motion
 * @typedef {import('./service.js').Clip} Clip
 * @typedef {import('./service.js').Named} Named
 * @typedef {import('./asking.js').Ask} Ask
 * @typedef {import('./asking.js').Desk} Desk
 * @typedef {Object} OpenClip         a clip, and what it takes to send it again
 * @property {number} number          another one for each
 * @property {string} name
 * @property {Named[] | null} files
 * @property {string | null} example
 * @property {string | null} kept     the id of the upload, where the page has no files of it
 * @property {import('./service.js').StatedRig | null} rig  null where it is found in the clip
 * @property {string | null} animation  of a file with several; null for the server's choice
 * @property {Object<string, string>} reading  what else is said of how the file is to be read
 * @property {Clip | null} clip       null while the server does not know it
 * @property {Motion | null} motion   null until it is looked at
 * @property {string} [trouble]       why it cannot be read
 * @typedef {Object} Result
 * @property {Clip} clip
 * @property {Motion} motion
 * @property {Ask} ask                what it answers
 * @property {object} request         the same as the server was asked
 * @property {OpenClip} source
 * @property {string} key             the same for the same request of the same clip
 * @property {number} seconds         from the request to the motion
 * @typedef {Object} Work             what the server is busy with for us
 * @property {string} job
 * @property {AbortController} abort
 * @property {() => void} end
 * @property {boolean} isWhole        a result, which is left where another is wanted
 */
import { allSettings, changed, forAnotherClip, isMix, requestOf, withDefaults } from './asking.js';
import { History } from './history.js';
import { newId } from './ids.js';
import { isLong } from './long_clip.js';
import { readMotion } from './motion.js';
import { Results } from './results.js';
import { ServiceError } from './service.js';
import { momentFrame } from './trim.js';

/** Milliseconds after which a request shows its progress. */
const PATIENCE_MS = 350,
  POLL_MS = 250;

let opened = 0;

/** @param {Partial<OpenClip>} what  @returns {OpenClip} one that is not read yet */
export function openClip(what) {
  return {
    number: ++opened,
    name: what.name ?? what.files?.[0].name ?? what.example ?? 'the clip',
    files: what.files ?? null,
    example: what.example ?? null,
    kept: what.kept ?? null,
    rig: what.rig ?? null,
    animation: what.animation ?? null,
    reading: what.reading ?? {},
    clip: what.clip ?? null,
    motion: null,
  };
}

export class Session {
  /**
   * Styles of the person's own, by the titles of their cards. `sent` is null while the server does
   * not know it.
   * @type {Map<string, {file: Named, sent: {style: string, seconds: number} | null}>}
   */
  ownStyles = new Map();
  /** What can be set. @type {import('./controls.js').Setting[]} */
  settings = [];
  /** @type {Desk} */
  desk = { source: null, slot: 'A', A: null, B: null };
  history = new History();
  /** @type {Result | null} */
  result = null;
  /** What could not be opened because the server was gone. */
  #unopened = null;
  #listeners = new Map();
  #running = false;
  #wantedAgain = false;
  #cancelled = false;
  #results;
  /** @type {Work | null} */
  #work = null;

  /** Where the playhead is, in seconds of the clip; the page says. */
  moment = () => 0;

  /** Whether no results are made of the clip: a performer is shown. */
  paused = false;

  /** @param {import('./service.js').Service} service */
  constructor(service) {
    this.service = service;
    this.#results = new Results((id) => service.forget(id).catch(() => {}));
  }

  /** Kinds: source, reference, choice, part, result, working, failed, settled. */
  on(kind, listener) {
    this.#listeners.set(kind, [...(this.#listeners.get(kind) ?? []), listener]);
  }

  #say(kind, what) {
    for (const listener of this.#listeners.get(kind) ?? []) listener(what);
  }

  // ---- what is asked for ----

  /** @returns {Ask} */
  get ask() {
    return this.desk[this.desk.slot];
  }

  get source() {
    return this.desk.source;
  }

  get reference() {
    return this.ask.reference;
  }

  get choice() {
    return this.ask;
  }

  get values() {
    return this.ask.values;
  }

  /** Whether two styles are mixed. */
  get mixing() {
    return isMix(this.ask);
  }

  /** Whether something newer than what is shown is on its way. */
  get busy() {
    return this.#running || this.#work !== null;
  }

  /** @param {import('./controls.js').Setting[]} settings  @param {Desk} desk  what is asked at first */
  begin(settings, desk) {
    this.settings = settings;
    this.desk = desk;
    this.#say('choice');
  }

  /** @param {Partial<Ask>} change  @param {string | null} group  see `History.record` */
  choose(change, group = null) {
    this.#put({ ...this.desk, [this.desk.slot]: changed(this.ask, change) }, group);
  }

  set(name, value) {
    if (this.values[name] === value) {
      this.#say('choice'); // a field may show something else
      return;
    }
    const slides = allSettings(this.settings).find((one) => one.name === name)?.slider;
    this.choose({ values: { ...this.values, [name]: value } }, slides ? name : null);
  }

  /** All controls as they are at first; the style stays. */
  reset() {
    this.choose(withDefaults(this.ask, this.settings));
  }

  /** The other of the two results; it begins as the same. */
  switchSlot() {
    const { desk } = this,
      other = desk.slot === 'A' ? 'B' : 'A';
    this.#put({ ...desk, slot: other, [other]: desk[other] ?? this.ask });
  }

  undo() {
    this.#move(this.history.undo(this.desk));
  }

  redo() {
    this.#move(this.history.redo(this.desk));
  }

  #put(desk, group = null) {
    this.history.record(this.desk, group);
    this.#move(desk);
  }

  #move(desk) {
    const before = this.desk,
      reference = this.ask.reference;
    this.desk = desk;
    if (desk.source !== before.source) this.#changeSource();
    if (this.ask.reference !== reference) this.#say('reference', this.ask.reference);
    this.#say('choice');
    this.request();
  }

  #changeSource() {
    this.result = null;
    this.#say('source', this.source);
  }

  /** What is asked for now; null where something is missing. */
  wanted() {
    return this.source && this.restyling();
  }

  /** The same of whatever motion; null where the style is missing. */
  restyling() {
    return requestOf(this.ask, this.settings);
  }

  /** @returns {number} the frame of the clip at which what is asked for begins */
  beginning({ start }) {
    return momentFrame(start, this.source.motion.frameTime) ?? 0;
  }

  // ---- styles of the person's own ----

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

  // ---- clips ----

  /**
   * Open files, an example or what the server has kept as the clip, or as the reference. What is
   * refused comes with the error, as `opening`.
   * @param {Partial<OpenClip>} what  an `OpenClip` itself where it is one
   */
  async open(what, asReference = false) {
    const opened = what.number ? what : openClip(what);
    this.#stop();
    this.#unopened = null;
    if (!(await this.#read(opened, [what, asReference]))) {
      this.request(); // what the opening has interrupted
      return false;
    }
    const { desk, source } = this;
    if (asReference) {
      this.choose({ kind: 'like', reference: opened });
      return true;
    }
    const isSame = source && ['files', 'example', 'kept'].every((key) => source[key] === opened[key]);
    const next = (ask) => ask && (isSame ? ask : forAnotherClip(ask, this.settings));
    const put = { ...desk, source: opened, A: next(desk.A), B: next(desk.B) };
    if (source) this.#put(put);
    else this.#move(put); // the first one is no step that could be taken back
    return true;
  }

  /**
   * A clip of which the page only knows where it is. Raises ServiceError, also where it is gone.
   * @param {import('./address.js').Place} place  @returns {Promise<OpenClip>} without its motion
   */
  async find({ example, rig, id, name }) {
    if (example) return openClip({ example, rig: rig ? { family: rig } : null });
    try {
      const clip = await this.service.clip(id),
        { animation = null, ...reading } = clip.reading;
      const stated = clip.rig && { family: clip.rig };
      return openClip({ kept: id, name: clip.name, clip, rig: stated, animation, reading });
    } catch (error) {
      throw error.expired ? gone(name) : error;
    }
  }

  /** The clip that the page begins with, of which all is said already. @param {OpenClip} opened */
  async place(opened) {
    if (await this.#read(opened, [opened, false])) this.#move({ ...this.desk, source: opened });
  }

  async #read(opened, opening) {
    const work = this.#begin('Reading');
    try {
      await this.ready(opened, work);
      return true;
    } catch (error) {
      if (error.unreachable) this.#unopened = opening;
      if (error.name !== 'AbortError') this.#say('failed', Object.assign(error, { opening }));
      return false;
    } finally {
      work.end();
    }
  }

  /** A clip that the server knows and whose motion is here. @param {Work | null} work */
  async ready(opened, work = null) {
    for (let attempt = 0; !opened.motion; attempt++) {
      if (!opened.clip) await this.#give(opened, work);
      try {
        const packed = await this.service.motion(opened.clip.id, work?.abort.signal);
        opened.motion = readMotion(packed);
      } catch (error) {
        if (!error.expired || attempt) throw error;
        opened.clip = null;
      }
    }
  }

  /** @param {OpenClip} opened  @param {Work | null} work */
  async #give(opened, work) {
    const job = work?.job ?? newId(),
      signal = work?.abort.signal;
    const { example, files, kept, rig, animation, reading } = opened;
    if (files) opened.clip = await this.service.upload(files, rig, animation, reading, job, signal);
    else if (example) opened.clip = await this.service.openExample(example, rig, job, signal);
    else opened.clip = await this.#again(opened, kept, { rig, animation, reading }, job, signal);
    opened.name = opened.clip.name;
  }

  async #again({ name }, kept, said, job, signal) {
    try {
      return await this.service.readAgain(kept, said, job, signal);
    } catch (error) {
      throw error.expired ? gone(name) : error;
    }
  }

  // ---- results ----

  /**
   * Make what is asked for. While something is made, only the latest wish waits; that of a long clip
   * is left for it, and what is around the playhead comes first.
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
        await this.#answer();
      } while (this.#wantedAgain);
    } catch (error) {
      const wasStopped = error.name === 'AbortError';
      const isOver = wasStopped ? this.#cancelled : !error.unreachable;
      if (isOver && !this.#wantedAgain) this.#fallBack();
      if (!wasStopped) this.#say('failed', error);
    } finally {
      this.#cancelled = false;
      this.#running = false;
      this.#say('part', null);
      if (this.#wantedAgain) this.request();
      else this.#say('settled');
    }
  }

  async #answer() {
    const { source, ask } = this,
      wanted = this.wanted();
    if (!wanted) return this.#show(null);
    const key = keyOf(source, wanted);
    if (this.result?.key === key && this.result.ask === ask) return; // it is there
    const known = this.result?.key === key ? this.result : this.#results.get(key);
    const result = known ?? (await this.#partThenWhole(wanted, source, ask));
    if (!result) return;
    if (!known) this.#results.put(key, result);
    if (source === this.source) this.#show({ ...result, ask, source, key });
  }

  /** @returns {Promise<Result | null>} null where something else is wanted meanwhile */
  async #partThenWhole(wanted, source, ask) {
    try {
      if (isLong(source)) {
        const motion = await this.part(wanted);
        if (motion && source === this.source) this.#say('part', { motion, ask });
        if (this.#wantedAgain) return null;
      }
      return await this.#make(wanted, source);
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
      return await this.#withClips(this.source, wanted, work, async (request, id) => {
        const asked = work ? { ...request, job: work.job } : request;
        const { abort } = work ?? {};
        const found = await this.service.part(id, asked, this.moment(), signal ?? abort.signal);
        return found && readMotion(found);
      });
    } finally {
      work?.end();
    }
  }

  /** @param {Result | null} result */
  #show(result) {
    this.result = result;
    this.#say('result', result);
  }

  /** What is asked for becomes again what is shown. */
  #fallBack() {
    const { result } = this;
    if (!result || result.ask === this.ask || result.source !== this.source) return;
    const isIt = (desk) => desk.source === result.source && desk[desk.slot] === result.ask;
    this.desk = this.history.backTo(isIt) ?? { ...this.desk, [this.desk.slot]: result.ask };
    this.#say('choice');
    this.#say('result', result);
  }

  /** What the other of the two slots asks for; null where it asks for nothing else. */
  async otherResult() {
    const { desk, source } = this,
      ask = desk[desk.slot === 'A' ? 'B' : 'A'];
    const wanted = ask && requestOf(ask, this.settings);
    if (!wanted || !source) return null;
    const key = keyOf(source, wanted);
    const result = this.#results.get(key) ?? (await this.#make(wanted, source, false));
    this.#results.put(key, result);
    return { ...result, ask, source, key };
  }

  /** A result that is only looked at: the server may forget it. @returns {Promise<Motion>} */
  async variant(wanted, signal) {
    const { clip, motion } = await this.#withClips(this.source, wanted, null, async (request, id) => {
      const clip = await this.service.stylize(id, request, signal);
      return { clip, motion: readMotion(await this.service.motion(clip.id, signal)) };
    });
    this.service.forget(clip.id).catch(() => {});
    return motion;
  }

  /**
   * The numbers of variations of what is wanted that differ as far as they can, ascending.
   * @returns {Promise<number[]>}
   */
  async takes(wanted, count, signal) {
    const choose = (request, id) => this.service.takes(id, request, count, signal);
    return (await this.#withClips(this.source, wanted, null, choose)).seeds;
  }

  /** What is asked for, of another clip, as a file. @returns {Promise<{name, bytes}>} */
  async fileOf(opened, wanted, format) {
    return this.#withClips(opened, wanted, null, async (request, id) => {
      const clip = await this.service.stylize(id, request);
      const file = await this.service.file(clip.id, format);
      this.service.forget(clip.id).catch(() => {});
      return { name: file.name ?? clip.name, bytes: file.bytes };
    });
  }

  /** @returns {Promise<Partial<Result>>} */
  async #make(wanted, source, isShown = true) {
    const began = performance.now();
    const work = isShown ? this.#begin('Restyling', true) : null,
      signal = work?.abort.signal;
    try {
      return await this.#withClips(source, wanted, work, async (request, id) => {
        const clip = await this.service.stylize(id, { ...request, job: work?.job }, signal);
        const motion = readMotion(await this.service.motion(clip.id, signal));
        return { clip, motion, request: wanted, seconds: (performance.now() - began) / 1000 };
      });
    } finally {
      work?.end();
    }
  }

  /** Nothing is on its way any more. @returns {Promise<void>} */
  async settled() {
    while (this.busy) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  /** Stop what is being made; what is asked for is then again what is shown. */
  cancel() {
    this.#cancelled = this.#running;
    this.#stop();
  }

  #stop() {
    if (!this.#work) return;
    this.#wantedAgain = false;
    this.#leave(this.#work);
  }

  #leave(work) {
    this.service.cancel(work.job).catch(() => {});
    work.abort.abort();
  }

  /** Something else was shown in its place: the result is said once more. */
  async again() {
    this.result = null;
    await this.request();
  }

  /** The server has forgotten the result: it is made again. */
  async remake() {
    this.#results.clear();
    await this.again();
  }

  /**
   * The server is back: give it what it needs, and go on.
   * @param {boolean} forgotten  whether it knows no clip any more
   */
  async recover(forgotten) {
    if (forgotten)
      for (const one of [this.source, this.desk.A?.reference, this.desk.B?.reference])
        if (one) one.clip = null;
    if (forgotten) for (const own of this.ownStyles.values()) own.sent = null;
    if (this.#unopened) await this.open(...this.#unopened);
    else if (forgotten) await this.remake();
    else if (!this.result) await this.request();
  }

  /**
   * Run with clips that the server knows; where it has forgotten them, they are given again, once.
   */
  async #withClips(source, wanted, work, run) {
    for (let attempt = 0; ; attempt++) {
      const opened = [source, ...(wanted.like ? [wanted.like] : [])];
      for (const each of opened) if (!each.clip) await this.#give(each, work);
      const own = this.#ownIn(wanted.style ?? []);
      for (const each of own) each.sent ??= await this.service.sendStyle(each.file);
      const request = { ...wanted };
      if (wanted.like) request.like = wanted.like.clip.id;
      if (wanted.style) request.style = wanted.style.map((title) => this.called(title));
      try {
        return await run(request, source.clip.id);
      } catch (error) {
        if (!error.expired || attempt) throw error;
        for (const each of opened) each.clip = null;
        for (const each of own) each.sent = null;
      }
    }
  }

  /**
   * Something that may take a while: once it has, it is said, with what the server knows of it.
   * @returns {Work}
   */
  #begin(stage, isWhole = false) {
    const work = { job: newId(), abort: new AbortController(), end: null, isWhole };
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

const gone = (name) =>
  new ServiceError(`${name} is no longer on the server; open it again.`, 410, 'gone');

/** @param {OpenClip} source  @param {object} wanted */
const keyOf = (source, wanted) =>
  JSON.stringify([source.number, { ...wanted, like: wanted.like?.number }]);
