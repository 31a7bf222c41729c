/**
 * Is the server there, and is it still the same run? A server that has restarted has lost what was
 * uploaded.
 */

const CALM_MS = 4000,
  ANXIOUS_MS = 700;

export class Connection {
  /** Called when the server is no longer heard. */
  lost = () => {};
  /**
   * Called when it is heard again.
   * @param {boolean} restarted  whether it has forgotten everything
   */
  found = (restarted) => {};

  /** @param {import('./service.js').Service} service */
  constructor(service) {
    this.service = service;
    this.boot = null;
    this.alive = true;
    service.heard = (alive) => {
      if (!alive && this.alive) this.#isLost();
    };
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) this.#check();
    });
    this.#check();
  }

  async #check() {
    clearTimeout(this.timer);
    try {
      const { boot } = await this.service.health();
      const restarted = this.boot !== null && boot !== this.boot;
      const wasLost = !this.alive;
      this.boot = boot;
      this.alive = true;
      if (wasLost || restarted) this.found(restarted);
    } catch {
      if (this.alive) this.#isLost();
    }
    if (!document.hidden)
      this.timer = setTimeout(() => this.#check(), this.alive ? CALM_MS : ANXIOUS_MS);
  }

  #isLost() {
    this.alive = false;
    this.lost();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#check(), ANXIOUS_MS);
  }
}
