/**
 * What the page asks of whatever answers it: a studio's server (`http_service.js`), or a recording of
 * one. `backend.js` says which; the page itself knows neither.
 */

/** What the service said, or that it said nothing; `message` is a sentence for the person. */
export class ServiceError extends Error {
  /**
   * @param {string} message
   * @param {number} status  of HTTP; 0 where nothing answered
   * @param {string | null} kind  of error, see /api/docs
   */
  constructor(message, status, kind = null) {
    super(message);
    this.status = status;
    this.kind = kind;
  }

  get unreachable() {
    return this.status === 0;
  }

  get expired() {
    return this.status === 404;
  }
}

/**
 * @typedef {Object} Clip  see /api/docs
 * @property {string} id
 * @property {string} name
 * @property {string} format
 * @property {number} frame_count
 * @property {number} duration_seconds
 * @property {number} joint_count
 * @property {object} inspection
 * @property {boolean} holds_mesh
 * @property {string[]} warnings
 * @property {number | null} end_distance_m  from the end of the clip it was made from
 * @property {string | null} command
 *
 * @typedef {Object} Named  a file in memory
 * @property {string} name
 * @property {Blob} bytes
 *
 * @typedef {Object} StatedRig  which joint is which, as the person says it: one of the two
 * @property {string} [family]
 * @property {Named} [file]     as `kinestyle map` writes it
 */

/** What the page can ask of any service; those that answer it extend it. */
export class Service {
  /**
   * Called with each answer that shows that the service lives or does not.
   * @param {boolean} alive
   */
  heard = (alive) => {};

  /**
   * @param {'files' | 'mixing' | 'rig'} what
   * @returns {string | null} why the person cannot have that here, and how they can; null where they
   *   can
   */
  refusal(what) {
    return null;
  }

  /** What becomes of the person's files: a few words, and a sentence. @returns {[string, string]} */
  privacy() {
    const local = ['localhost', '127.0.0.1', '[::1]'].includes(location.hostname);
    return [
      local ? 'All stays on this machine' : `Files go to ${location.host} only`,
      'Files go from this page to the studio’s own server and nowhere else; it forgets them after ' +
        'a while.',
    ];
  }

  /** What has to be said of this service beside the clip. @returns {HTMLElement[]} */
  about() {
    return [];
  }
}
