/**
 * The clips that were opened: a list to choose from, and one style on all of them, as a zip. Those
 * that are not looked at are read in the background.
 *
 * @typedef {import('./session.js').OpenClip} OpenClip
 */
import { isRig, saveFile } from './files.js';
import { showProgress } from './notices.js';
import { openClip } from './session.js';
import { zipped } from './zip.js';

const MOST = 64;

const element = (id) => document.getElementById(id);

/** @param {string} name  @returns {string} in small letters */
const endingOf = (name) => /\.[^.]*$/.exec(name.toLowerCase())?.[0] ?? '';
const stemOf = (name) => name.slice(0, name.length - endingOf(name).length);

/** What belongs to another file: its ending, and that of what it belongs to. */
const BESIDE = { '.asf': '.amc' };

/**
 * @param {import('./service.js').Named[]} files
 * @returns {Partial<OpenClip>[]} one for each motion among them, with what belongs to it
 */
export function motionsAmong(files) {
  const [rig] = files.filter(isRig),
    beside = files.filter(({ name }) => BESIDE[endingOf(name)]),
    motions = files.filter((file) => !isRig(file) && !beside.includes(file));
  return motions.map((file) => {
    const mine = beside.filter(({ name }) => BESIDE[endingOf(name)] === endingOf(file.name)),
      called = mine.filter(({ name }) => stemOf(file.name).startsWith(stemOf(name)));
    const skeleton = (called.length ? called : mine).slice(0, 1);
    return { name: file.name, files: [file, ...skeleton], rig: rig ? { file: rig } : null };
  });
}

export class Clips {
  /** @type {OpenClip[]} */
  entries = [];
  #reading = false;
  #zipping = null;

  /**
   * @param {import('./session.js').Session} session
   * @param {import('./notices.js').Notices} notices
   * @param {() => void} changed
   */
  constructor(session, notices, changed) {
    Object.assign(this, { session, notices, changed });
    this.list = element('clips');
    element('take-all').addEventListener('click', () => this.takeAll());
  }

  /** The clip that is looked at is one of them, unless it is a demo. */
  look() {
    const { source } = this.session;
    if (source && !source.example && !this.entries.includes(source)) {
      const same = ({ files, kept }) => files === source.files && kept === source.kept;
      const at = this.entries.findIndex(same);
      if (at < 0) this.add([source]);
      else this.entries[at] = source; // read in another way
    }
    this.#show();
  }

  /** @param {OpenClip[]} opened */
  add(opened) {
    this.entries = [...this.entries, ...opened].slice(-MOST);
    this.#show();
    this.#readOn();
  }

  /** @param {Partial<OpenClip>[]} motions  the first is looked at */
  async openMany(motions) {
    const opened = motions.slice(0, MOST).map(openClip);
    this.add(opened);
    await this.session.open(opened[0]);
    this.#readOn();
  }

  /** One after the other, in the background. */
  async #readOn() {
    if (this.#reading) return;
    this.#reading = true;
    const next = () =>
      this.entries.find((one) => !one.clip && !one.trouble && one !== this.session.source);
    await this.session.settled();
    for (let one = next(); one; one = next()) {
      try {
        await this.session.ready(one);
      } catch (error) {
        one.trouble = error.message;
      }
      this.#show();
    }
    this.#reading = false;
    this.changed();
  }

  #remove(entry) {
    this.entries = this.entries.filter((one) => one !== entry);
    this.#show();
    this.changed();
  }

  #show() {
    const several = this.entries.length > 1;
    element('several').hidden = !several;
    if (!several) return;
    this.list.replaceChildren(...this.entries.map((entry) => this.#item(entry)));
    const good = this.entries.filter(({ trouble }) => !trouble).length;
    element('take-all').textContent = `All ${good} in this style, as a zip`;
  }

  #item(entry) {
    const item = document.createElement('li'),
      [choose, remove] = ['button', 'button'].map((kind) => document.createElement(kind));
    const { name, clip, trouble } = entry;
    Object.assign(choose, { type: 'button', className: 'small grow', title: trouble ?? name });
    const facts = clip ? `${clip.duration_seconds.toFixed(1)} s` : 'reading';
    choose.append(name, Object.assign(document.createElement('small'), {
      textContent: trouble ? 'cannot be read' : facts,
    }));
    choose.setAttribute('aria-pressed', String(entry === this.session.source));
    choose.addEventListener('click', () => {
      if (trouble) this.notices.fail(trouble);
      else if (entry !== this.session.source) this.session.open(entry);
    });
    Object.assign(remove, { type: 'button', className: 'quiet', title: `Take ${name} off the list` });
    remove.setAttribute('aria-label', remove.title);
    remove.innerHTML = '<svg aria-hidden="true"><use href="#icon-close"/></svg>';
    remove.addEventListener('click', () => this.#remove(entry));
    item.append(choose, remove);
    return item;
  }

  /** What is asked of an entry: where the clip that is looked at begins and ends, is its own. */
  #wanted(entry) {
    const wanted = { ...this.session.wanted() };
    if (entry !== this.session.source)
      for (const { name, kind, default: usual } of this.session.settings)
        if (kind === 'moment') wanted[name] = usual;
    return wanted;
  }

  /** Each in the style that is chosen, in one archive. */
  async takeAll() {
    if (this.#zipping || !this.session.wanted()) return;
    const zipping = (this.#zipping = { stopped: false });
    const format = element('format').value,
      good = this.entries.filter(({ trouble }) => !trouble),
      refused = [];
    const files = [];
    try {
      for (const [i, entry] of good.entries()) {
        const stage = `Clip ${i + 1} of ${good.length}`;
        showProgress({ stage, share: i / good.length });
        try {
          files.push(await this.session.fileOf(entry, this.#wanted(entry), format));
        } catch (error) {
          if (error.unreachable) throw error;
          refused.push(`${entry.name}: ${error.message}`);
        }
        if (zipping.stopped) return;
      }
      if (files.length) saveFile(await zipped(files), 'restyled.zip');
      if (refused.length) this.notices.fail(`${refused.length} left out. ${refused.join(' ')}`);
    } catch (error) {
      this.notices.fail(error.message);
    } finally {
      this.#zipping = null;
      showProgress(null);
    }
  }

  /** Stop making the archive. */
  cancel() {
    if (this.#zipping) this.#zipping.stopped = true;
  }
}
