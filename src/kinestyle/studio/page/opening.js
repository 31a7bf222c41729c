/**
 * Opening clips: files that were dropped or picked, demo clips, and the same file again, read in
 * another way.
 */
import {
  chosenReading,
  chosenRig,
  showAnimationChoice,
  showReading,
  showRigChoice,
} from './rig.js';
import { motionsAmong } from './clips.js';
import { isRig } from './files.js';
import { say } from './notices.js';

const element = (id) => document.getElementById(id);

/** What it takes to read a clip again. */
const partsOf = ({ files, example, kept, clip, rig, animation, reading }) => ({
  files,
  example,
  kept: files || example ? null : (kept ?? clip?.id),
  rig,
  animation,
  reading,
});

export class Opening {
  /** Rigs that the server knows by name. @type {string[]} */
  families = [];
  /** Bytes of the largest upload. */
  mostBytes = Infinity;

  /**
   * @param {import('./session.js').Session} session
   * @param {import('./notices.js').Notices} notices
   * @param {import('./clips.js').Clips} clips
   */
  constructor(session, notices, clips) {
    Object.assign(this, { session, notices, clips });
    for (const [row, asReference] of [
      ['animation', false],
      ['like-animation', true],
    ])
      element(row).addEventListener('change', ({ target }) =>
        this.chooseAnimation(target.value, asReference),
      );
    element('reading').addEventListener('change', () => this.stateReading());
    element('rig-choice').addEventListener('change', ({ target }) =>
      this.stateRig(chosenRig(target)),
    );
  }

  async open(what, asReference = false) {
    this.notices.clear();
    const done = await this.session.open(what, asReference);
    if (done) say(asReference ? 'Reference opened.' : 'Clip opened.');
    return done;
  }

  /**
   * A clip, a clip and its rig, or a rig alone, which is that of the clip that is there.
   * @param {import('./service.js').Named[]} files
   */
  openFiles(files, asReference = false) {
    const [large] = files.filter(({ bytes }) => bytes.size > this.mostBytes);
    if (large) return this.#refuse(large.name, large.bytes.size);
    const [rig] = files.filter(isRig),
      motion = files.filter((file) => !isRig(file));
    if (rig && !motion.length && (asReference ? this.session.reference : this.session.source))
      return this.stateRig({ file: rig }, asReference);
    const motions = motionsAmong(files);
    if (motions.length > 1 && !asReference) {
      this.notices.clear();
      return this.clips.openMany(motions);
    }
    return this.open(
      { files: motion.length ? motion : files, rig: rig && { file: rig } },
      asReference,
    );
  }

  /** The server would close the line before the answer is heard. */
  #refuse(name, bytes) {
    const mb = (size) => (size / 2 ** 20).toFixed(size < 10 * 2 ** 20 ? 1 : 0);
    this.notices.fail(
      `${name} has ${mb(bytes)} MB, the limit is ${mb(this.mostBytes)} MB: start the studio with ` +
        `--max-upload-mb ${Math.ceil(bytes / 2 ** 20)}.`,
    );
  }

  #current(asReference) {
    return partsOf(asReference ? this.session.reference : this.session.source);
  }

  /** Read the clip that is there again, on a rig that the person states. */
  async stateRig(rig, asReference = false) {
    await this.open({ ...this.#current(asReference), rig }, asReference);
    this.show(); // as it was, where it does not fit
  }

  /** Read another animation of the file that is there. @param {string} animation */
  async chooseAnimation(animation, asReference = false) {
    await this.open({ ...this.#current(asReference), animation }, asReference);
    this.showAnimations(asReference); // as it was, where it is refused
  }

  /** Read the clip's file again, as the person says: which axis is up, say. */
  async stateReading() {
    await this.open({ ...this.#current(false), reading: chosenReading(element('reading')) });
    this.show(); // as it was, where it is refused
  }

  /** How the clip that is there was read. */
  show() {
    const { source } = this.session;
    if (!source) return;
    showRigChoice(element('rig-choice'), this.families, source.rig);
    element('reading').hidden = Boolean(source.example);
    showReading(element('reading'), source.reading);
  }

  /** Which animation is read, of a file with several. */
  showAnimations(asReference = false) {
    const opened = asReference ? this.session.reference : this.session.source;
    const row = element(asReference ? 'like-animation' : 'animation');
    if (opened?.clip) showAnimationChoice(row, opened.clip.inspection);
    else row.hidden = true;
  }

  /** A clip may have been refused for its rig, which the person may know. */
  askForRig([what, asReference]) {
    const select = document.createElement('select');
    showRigChoice(select, this.families, what.rig ?? null);
    select.addEventListener('change', () =>
      this.open({ ...partsOf({ ...what, clip: null }), rig: chosenRig(select) }, asReference),
    );
    const label = document.createElement('label');
    label.append('Its rig, if you know it: ', select);
    return label;
  }
}
