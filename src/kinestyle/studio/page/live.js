/**
 * A performer whom the server hears: the original and the result, as they come. What is chosen in
 * the page is heard by the stream while it runs.
 *
 * @typedef {Object} LiveState  see `GET /api/live`
 * @property {string | null} source
 * @property {'waiting' | 'calibrating' | 'running' | null} stage
 * @property {number | null} lookahead_seconds
 * @property {string[]} settings
 * @property {string | null} command
 * @property {string | null} error
 */
import { readMotion } from './motion.js';

/** Milliseconds from one look at the server's state to the next, and before a lost line is tried. */
const LOOK_MS = 700,
  AGAIN_MS = 500;

export class Live {
  on = false;
  /** @type {LiveState | null} */
  state = null;
  /** How many frames came. */
  frames = 0;
  /** What is wanted while it runs, as the server takes it; null where there is nothing yet. */
  wanted = () => null;
  /** What the server calls a style. @type {(title: string) => string} */
  called = (title) => title;
  /** Called when it begins or ends. @param {boolean} on */
  switched = (on) => {};
  /** Called with what the server says of it. @param {LiveState} state */
  told = (state) => {};
  /** @param {Error} error */
  failed = (error) => {};
  /** How the result is called. @returns {string} */
  label = () => 'restyled';
  #line = null;
  #asking = false;
  #again = false;

  /**
   * @param {import('./service.js').Service} service
   * @param {import('./view.js').View} view
   */
  constructor(service, view) {
    this.service = service;
    this.view = view;
  }

  /** Whether the server hears anybody. @returns {Promise<boolean>} */
  async find() {
    this.state = await this.service.live();
    return this.state.source !== null;
  }

  toggle() {
    if (this.on) this.stop();
    else this.start();
  }

  start() {
    if (this.on) return;
    this.on = true;
    this.frames = 0;
    this.switched(true);
    this.restyle();
    this.#watch();
    this.#look();
  }

  stop() {
    if (!this.on) return;
    this.on = false;
    clearTimeout(this.timer);
    this.#line?.abort();
    this.switched(false);
  }

  /** Have the performer pass to what is chosen now. While it is asked, only the latest waits. */
  async restyle() {
    if (!this.on) return;
    this.#again = true;
    if (this.#asking) return;
    this.#asking = true;
    try {
      while (this.#again) {
        this.#again = false;
        const wanted = this.wanted();
        if (!wanted) continue;
        const names = new Set([...this.state.settings, 'style', 'like', 'weights', 'random']);
        if (wanted.style) wanted.style = wanted.style.map(this.called);
        const of = Object.entries(wanted).filter(([name]) => names.has(name));
        this.#tell(await this.service.restyleLive(Object.fromEntries(of)));
      }
    } catch (error) {
      this.failed(error);
    } finally {
      this.#asking = false;
    }
  }

  async #look() {
    clearTimeout(this.timer);
    try {
      this.#tell(await this.service.live());
    } catch (error) {
      if (!error.unreachable) this.failed(error);
    }
    if (this.on) this.timer = setTimeout(() => this.#look(), LOOK_MS);
  }

  #tell(state) {
    this.state = state;
    if (this.on) this.told(state);
  }

  async #watch() {
    while (this.on) {
      this.#line = new AbortController();
      try {
        await this.#read(await this.service.liveFrames(this.#line.signal));
      } catch (error) {
        if (!this.on) return;
        if (error.status) return this.failed(error);
      }
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  }

  /** @param {ReadableStream<Uint8Array>} stream */
  async #read(stream) {
    const parts = new Parts(stream.getReader());
    const size = new DataView(await parts.take(4)).getUint32(0, true);
    const motion = readMotion(await parts.take(size));
    this.view.setOriginal(motion, 'live');
    this.view.setResult(motion, this.label());
    const nodes = motion.jointCount + motion.tipCount;
    let before = -Infinity;
    for (;;) {
      // of several that came at once, the last is drawn
      const both = new Float32Array(await parts.takeLast(2 * nodes * 3 * 4));
      if (!this.on) return;
      const { original, result } = this.view;
      const now = performance.now();
      original.pose(both.subarray(0, 3 * nodes), now - before);
      result.pose(both.subarray(3 * nodes), now - before);
      before = now;
      this.view.stage.touch();
      this.frames++;
    }
  }
}

/** Bytes of a stream, so many at a time. */
class Parts {
  #bytes = new Uint8Array(0);

  /** @param {ReadableStreamDefaultReader<Uint8Array>} reader */
  constructor(reader) {
    this.reader = reader;
  }

  /** @param {number} count  @returns {Promise<ArrayBuffer>} */
  async take(count) {
    await this.#fill(count);
    const taken = this.#bytes.slice(0, count);
    this.#bytes = this.#bytes.subarray(count);
    return taken.buffer;
  }

  /** The last whole part of this size that has come. @param {number} size */
  async takeLast(size) {
    await this.#fill(size);
    const before = (Math.floor(this.#bytes.length / size) - 1) * size;
    this.#bytes = this.#bytes.subarray(before);
    return this.take(size);
  }

  async #fill(count) {
    while (this.#bytes.length < count) {
      const { done, value } = await this.reader.read();
      if (done) throw new Error('the line has ended');
      const bytes = new Uint8Array(this.#bytes.length + value.length);
      bytes.set(this.#bytes);
      bytes.set(value, this.#bytes.length);
      this.#bytes = bytes;
    }
  }
}
