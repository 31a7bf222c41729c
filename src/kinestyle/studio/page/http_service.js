/**
 * The studio's server, over HTTP.
 *
 * @typedef {import('./service.js').Clip} Clip
 * @typedef {import('./service.js').Named} Named
 * @typedef {import('./service.js').StatedRig} StatedRig
 */
import { newId } from './ids.js';
import { Service, ServiceError } from './service.js';

const TOKEN = 'kinestyle-token';

/** How often a busy server is asked again before the person hears of it. */
const BUSY_RETRIES = 8;

/** @param {Record<string, string | undefined>} words */
const asQuery = (words) =>
  new URLSearchParams(Object.entries(words).filter(([, word]) => word !== undefined));

/** @param {Named[]} files  @param {StatedRig | null} rig */
function asForm(files, rig) {
  const form = new FormData();
  for (const { name, bytes } of files) form.append('file', bytes, name);
  if (rig?.file) form.append('rig', rig.file.bytes, rig.file.name);
  return form;
}

export class HttpService extends Service {
  constructor() {
    super();
    // the token comes in the address, once, and is kept out of it afterwards
    const words = new URLSearchParams(location.hash.slice(1)),
      given = words.get('token');
    if (given) {
      sessionStorage.setItem(TOKEN, given);
      words.delete('token');
      const rest = [...words].length ? `#${words}` : '';
      history.replaceState(null, '', location.pathname + location.search + rest);
    }
    this.token = given ?? sessionStorage.getItem(TOKEN);
    // a browser has several connections, which count as one
    this.client = newId();
  }

  health = () => this.#json('GET', 'health', { signal: AbortSignal.timeout(4000) });

  formats = () => this.#json('GET', 'formats');

  styles = () => this.#json('GET', 'styles');

  examples = () => this.#json('GET', 'examples');

  /** @returns {Promise<import('./controls.js').Setting[]>} */
  settings = () => this.#json('GET', 'settings');

  /** @returns {Promise<{families: string[]}>} */
  rigs = () => this.#json('GET', 'rigs');

  /**
   * @param {string} example
   * @param {StatedRig | null} rig
   * @param {string} job
   * @returns {Promise<Clip>}
   */
  openExample(example, rig, job, signal) {
    const body = rig?.file && asForm([], rig);
    return this.#json(
      'POST',
      `examples/${encodeURIComponent(example)}?${asQuery({ rig: rig?.family, job })}`,
      { body, signal },
    );
  }

  /**
   * @param {Named[]} files
   * @param {StatedRig | null} rig
   * @param {string | null} animation  the one to read, null for the server's choice
   * @param {Object<string, string>} reading  what else is said of the file, by query field
   * @param {string} job
   * @returns {Promise<Clip>}
   */
  upload(files, rig, animation, reading, job, signal) {
    const query = { ...reading, rig: rig?.family, animation: animation ?? undefined, job };
    if (files.length > 1 || rig?.file)
      return this.#json('POST', `clips?${asQuery(query)}`, { body: asForm(files, rig), signal });
    const [{ name, bytes }] = files;
    const headers = { 'Content-Type': 'application/octet-stream' };
    return this.#json('POST', `clips?${asQuery({ name, ...query })}`, {
      body: bytes,
      headers,
      signal,
    });
  }

  /**
   * @param {Named} file  a style of the person's own
   * @returns {Promise<{id: string, style: string, label: string, seconds: number,
   *   warnings: string[]}>}
   */
  sendStyle({ name, bytes }) {
    const headers = { 'Content-Type': 'application/octet-stream' };
    return this.#json('POST', `styles?${asQuery({ name })}`, { body: bytes, headers });
  }

  /** @returns {Promise<{refine: boolean, reason: string | null, refinements: number}>} */
  learning = () => this.#json('GET', 'learn');

  /**
   * A style that is heard in clips, and refined maybe.
   * @param {{clips: string[], name: string, refine: boolean, job: string}} request
   * @returns {Promise<{id: string, style: string, file: string, seconds: number, said: string[],
   *   left_out: string[]}>}
   */
  learn(request, signal) {
    return this.#json('POST', 'learn', {
      body: JSON.stringify(request),
      headers: { 'Content-Type': 'application/json' },
      signal,
    });
  }

  /** @returns {Promise<Blob>} */
  styleFile = async (id) => (await this.#fetch('GET', `styles/${id}/file`)).blob();

  /**
   * What the server has kept, read once more in another way.
   * @param {string} id
   * @param {{rig: StatedRig | null, animation: string | null, reading: Object<string, string>}} said
   * @param {string} job
   * @returns {Promise<Clip>}
   */
  readAgain(id, { rig, animation, reading }, job, signal) {
    const query = { ...reading, rig: rig?.family, animation: animation ?? undefined, job };
    const body = rig?.file && asForm([], rig);
    return this.#json('POST', `clips/${id}/read?${asQuery(query)}`, { body, signal });
  }

  /** @returns {Promise<Clip>} what the server has kept */
  clip = (id) => this.#json('GET', `clips/${id}`);

  /** @returns {Promise<Record<string, number>>} */
  limits = () => this.#json('GET', 'limits');

  /** @returns {Promise<Clip>} */
  stylize(id, request, signal) {
    return this.#json('POST', `clips/${id}/stylize`, {
      body: JSON.stringify(request),
      headers: { 'Content-Type': 'application/json' },
      signal,
    });
  }

  /**
   * The joints of the seconds around a moment, before all of a long clip is restyled.
   * @returns {Promise<ArrayBuffer | null>} null where there is no part to show
   */
  async part(id, request, at, signal) {
    const answer = await this.#fetch('POST', `clips/${id}/part?${asQuery({ at: String(at) })}`, {
      body: JSON.stringify(request),
      headers: { 'Content-Type': 'application/json' },
      signal,
    });
    return answer.status === 204 ? null : answer.arrayBuffer();
  }

  /**
   * The numbers of variations of a request that differ as far as they can.
   * @returns {Promise<{seeds: number[]}>}
   */
  takes(id, request, count, signal) {
    return this.#json('POST', `clips/${id}/takes?${asQuery({ count: String(count) })}`, {
      body: JSON.stringify(request),
      headers: { 'Content-Type': 'application/json' },
      signal,
    });
  }

  motion = async (id, signal) =>
    (await this.#fetch('GET', `clips/${id}/motion`, { signal })).arrayBuffer();

  mesh = async (id, signal) => {
    const answer = await this.#fetch('GET', `clips/${id}/mesh`, { signal });
    return answer.status === 204 ? null : answer.arrayBuffer();
  };

  preview = async (style, id, signal) =>
    (
      await this.#fetch(
        'GET',
        `${id ? `clips/${id}/` : ''}previews/${style.split('/').map(encodeURIComponent).join('/')}`,
        { signal },
      )
    ).arrayBuffer();

  /**
   * @returns {Promise<{bytes: Blob, name?: string, notes: string[]}>} notes: what the format could
   *   not express
   */
  file = async (id, format) => {
    const answer = await this.#fetch(
      'GET',
      `clips/${id}/file?format=${encodeURIComponent(format)}`,
    );
    const named = /filename="?([^";]+)"?/.exec(answer.headers.get('Content-Disposition') ?? '');
    const notes = answer.headers.get('X-Kinestyle-Notes');
    return {
      bytes: await answer.blob(),
      name: named?.[1],
      notes: notes ? decodeURIComponent(notes).split(' | ') : [],
    };
  };

  /** @returns {Promise<import('./live.js').LiveState>} */
  live = () => this.#json('GET', 'live');

  /** @returns {Promise<import('./live.js').LiveState>} */
  restyleLive(request) {
    return this.#json('PUT', 'live', {
      body: JSON.stringify(request),
      headers: { 'Content-Type': 'application/json' },
    });
  }

  /** @returns {Promise<ReadableStream<Uint8Array>>} */
  liveFrames = async (signal) => (await this.#fetch('GET', 'live/frames', { signal })).body;

  job = (job) => this.#json('GET', `jobs/${job}`);

  cancel = (job) => this.#fetch('DELETE', `jobs/${job}`);

  forget = (id) => this.#fetch('DELETE', `clips/${id}`);

  async #json(method, path, options) {
    return (await this.#fetch(method, path, options)).json();
  }

  async #fetch(method, path, options = {}) {
    const headers = {
      ...options.headers,
      'X-Kinestyle-Client': this.client,
      ...(this.token ? { Authorization: `Bearer ${this.token}` } : {}),
    };
    let answer;
    for (let attempt = 0; ; attempt++) {
      try {
        answer = await fetch(`api/${path}`, { ...options, method, headers, cache: 'no-store' });
      } catch (error) {
        if (error.name === 'AbortError') throw error;
        this.heard(false);
        throw new ServiceError('The studio’s server does not answer.', 0);
      }
      this.heard(true);
      if (answer.status !== 429 || attempt === BUSY_RETRIES) break;
      await new Promise((resolve) =>
        setTimeout(resolve, 1000 * Number(answer.headers.get('Retry-After') ?? 1)),
      );
      options.signal?.throwIfAborted();
    }
    if (answer.ok) return answer;
    const said = await answer.json().catch(() => null);
    throw new ServiceError(
      said?.error?.message ?? `The server answered ${answer.status} ${answer.statusText}.`,
      answer.status,
      said?.error?.kind,
    );
  }
}
