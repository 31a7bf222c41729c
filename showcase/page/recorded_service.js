/**
 * Answers out of a recording: the same calls as those to a studio's server, without one. What is
 * not recorded is refused, with the line that installs the program.
 */
import { writeBvh } from './bvh_file.js';
import { writeGlb } from './gltf_file.js';
import { changeIn, nearestTo, readPack, RecordedClip } from './recording.js';
import { Service, ServiceError } from './service.js';

/** In a copy of Kinestyle's source. */
export const INSTALL = "pip install '.[studio]' && kinestyle studio";

const OWN_STYLES = 'Styles of your own need the program';
const NEEDS = {
  files: 'Clips of your own need the program',
  mixing: 'Mixing two styles needs the program',
  rig: 'Another rig needs the program',
};

/** How many packs are held, those unused for longest go first. */
const MOST_PACKS = 40;

const needs = (words) => `${words}: ${INSTALL}`;
const refused = (words) => new ServiceError(needs(words), 422, 'recorded');

/**
 * @typedef {Object} Kept             what a server would keep
 * @property {import('./service.js').Clip} facts
 * @property {string} clip
 * @property {import('./recording.js').Pose} pose  of all frames of the clip
 * @property {[number, number]} frames  that are taken
 * @property {number[]} joints        that are changed against their parents
 */
export class RecordedService extends Service {
  /** @type {Map<string, Promise<any>>} */
  #packs = new Map();
  /** @type {Map<string, Kept>} */
  #kept = new Map();
  #made = 0;
  #known = fetch('recording.json').then((answer) => answer.json());

  refusal(what) {
    return NEEDS[what] ? needs(NEEDS[what]) : null;
  }

  privacy() {
    return ['Nothing leaves this page', 'There is no server: all of it runs in your browser.'];
  }

  about() {
    const text = document.createElement('p'),
      code = Object.assign(document.createElement('code'), { textContent: INSTALL }),
      terms = document.createElement('span'),
      link = Object.assign(document.createElement('a'), {
        href: 'LICENCES.html',
        textContent: 'Licences',
      });
    this.#known.then(({ bundle, licence }) => {
      terms.textContent = `. Results of ${bundle}: ${licence.split(' (')[0]}. `;
    });
    text.className = 'hint';
    const said = 'Recorded results, no server. Clips of your own, mixes, curves: ';
    text.append(said, code, terms, link);
    return [text];
  }

  health = async () => ({ status: 'ok', boot: (await this.#known).bundle });
  formats = async () => ({ read: [], write: ['.bvh', '.glb'] });
  styles = async () => ({ styles: (await this.#known).styles });
  settings = async () => (await this.#known).settings;
  examples = async () => (await this.#known).examples;
  rigs = async () => ({ families: [] });
  limits = async () => ({ max_upload_bytes: Infinity });
  live = async () => ({ source: null, settings: [] });
  job = async () => ({});
  cancel = async () => {};

  async openExample(example, rig) {
    if (rig) throw refused(NEEDS.rig);
    const clip = await this.#clip(example),
      { facts, motion } = clip.head;
    const id = `clip-${example}`;
    const said = { id, name: `${example}.bvh`, format: '.bvh', rig: null, reading: {} };
    const none = { holds_mesh: false, end_distance_m: null, command: null };
    const answer = { ...facts, ...said, ...none };
    const frames = [0, motion.frame_count];
    this.#kept.set(id, { facts: answer, clip: example, pose: clip.pose, frames, joints: [] });
    return answer;
  }

  clip = async (id) => this.#found(id).facts;

  async stylize(id, request, signal) {
    const source = this.#found(id),
      known = await this.#known,
      clip = await this.#clip(source.clip);
    const { strength } = request;
    if (!(strength >= 0 && strength <= known.most_strength))
      throw refused(`Strength ${strength} is not recorded and needs the program`);
    const { pack, number } = await this.#take(source.clip, request);
    signal?.throwIfAborted();
    const change = ((pack.changes ??= [])[number] ??= changeIn(pack, number)),
      take = pack.head.takes[number];
    // nothing at all is the clip itself
    const pose = strength ? clip.changed(change, strength, known.step) : clip.pose;
    const frames = framesOf(request, clip);
    const facts = {
      ...clip.head.facts,
      ...(strength ? take.facts[nearestTo(change.strengths, strength)] : {}),
      id: `result-${++this.#made}`,
      name: take.command.split(' ').at(-1),
      format: '.bvh',
      frame_count: frames[1] - frames[0],
      duration_seconds: (frames[1] - frames[0] - 1) * clip.head.motion.frame_time_seconds,
      end_distance_m: endDistance(clip, pose, frames),
      command: commandOf(take.command, request, known.options),
      request,
      of: id,
    };
    const joints = strength ? change.joints : [];
    this.#kept.set(facts.id, { facts, clip: source.clip, pose, frames, joints });
    return facts;
  }

  /** Those that are recorded. @returns {Promise<{seeds: number[]}>} */
  takes = async (id, { style, random, parts }, count) => {
    const { clip } = this.#found(id),
      stem = random ? 'random' : await this.#styleNumber(style[0]);
    const packs = await Promise.all(
      (random ? ['first'] : ['first', 'more']).map((which) => this.#pack(clip, stem, which)),
    );
    const takes = packs.flatMap(({ head }) => head.takes).filter((take) => take.parts === parts);
    const seeds = takes.map(({ seed }) => seed).sort((a, b) => a - b);
    return { seeds: seeds.slice(0, count) };
  };

  /** A recorded clip is short: all of it is there at once. */
  part = async () => null;

  motion = async (id) => {
    const { clip, pose, frames } = this.#found(id),
      recorded = await this.#clip(clip);
    return recorded.packed(recorded.part(pose, ...frames));
  };

  /** The recorded clips hold motion alone. */
  mesh = async () => null;

  /** The first clip in a style, as the cards show it. */
  preview = async (style) => {
    const { examples } = await this.#known;
    const { id } = await this.openExample(examples[0].example, null);
    const request = { style: [style], strength: 1, parts: 'all', seed: 0 };
    const { id: made } = await this.stylize(id, request);
    const motion = await this.motion(made);
    await this.forget(made);
    return motion;
  };

  file = async (id, format) => {
    const { facts, clip, pose, frames, joints } = this.#found(id),
      recorded = await this.#clip(clip),
      name = facts.name.replace(/\.[^.]*$/, '') + format;
    if (format === '.glb') {
      const part = recorded.part(pose, ...frames);
      return { name, bytes: writeGlb(recorded, part, name.slice(0, -format.length)), notes: [] };
    }
    const answer = await fetch(`clips/${clip}.bvh`);
    if (!answer.ok) throw new ServiceError(`${clip}.bvh is not there.`, 0);
    const text = await answer.text();
    const isWhole = frames[0] === 0 && frames[1] === recorded.frameCount;
    const bytes =
      isWhole && !joints.length ? text : writeBvh(text, recorded, pose, joints, frames);
    return { name, bytes: new Blob([bytes]), notes: [] };
  };

  forget = async (id) => {
    if (id.startsWith('result-')) this.#kept.delete(id);
  };

  upload = async () => {
    throw refused(NEEDS.files);
  };

  readAgain = async () => {
    throw refused(NEEDS.rig);
  };

  sendStyle = async () => {
    throw refused(OWN_STYLES);
  };

  learning = async () => ({ refine: false, reason: needs(OWN_STYLES), refinements: 0 });

  learn = async () => {
    throw refused(OWN_STYLES);
  };

  styleFile = async () => {
    throw refused(OWN_STYLES);
  };

  #found(id) {
    const kept = this.#kept.get(id);
    if (!kept) throw new ServiceError('There is no such clip.', 404, 'unknown');
    return kept;
  }

  /** @returns {Promise<RecordedClip>} */
  async #clip(name) {
    const { unit_step: step, examples } = await this.#known;
    if (!examples.some(({ example }) => example === name))
      throw new ServiceError('This clip is not recorded.', 404, 'unknown');
    return this.#once(`clips/${name}/clip.pack`, (pack) => new RecordedClip(pack, step));
  }

  /** The file and the place in it of what is asked for. Raises ServiceError. */
  async #take(clip, { style, like, random, parts, seed }) {
    if (like) throw refused('A style like a clip of your own needs the program');
    if (style?.length > 1) throw refused(NEEDS.mixing);
    const stem = random ? 'random' : await this.#styleNumber(style[0]);
    const isFirst = random || (parts === 'all' && seed === 0);
    const pack = await this.#pack(clip, stem, isFirst ? 'first' : 'more');
    const number = pack.head.takes.findIndex((take) => take.parts === parts && take.seed === seed);
    if (number < 0) throw refused('These choices together are not recorded and need the program');
    return { pack, number };
  }

  #pack = (clip, stem, which) => this.#once(`clips/${clip}/${stem}.${which}.pack`);

  /** @param {string} title  a style's label, or its name */
  async #styleNumber(title) {
    const { styles } = await this.#known;
    const isIt = (one) => one.name === title || (one.default && one.label === title);
    const number = styles.findIndex(isIt);
    if (number < 0) throw refused(`The style ${title} is not recorded and needs the program`);
    return String(number).padStart(2, '0');
  }

  async #once(url, made = (pack) => pack) {
    let pack = this.#packs.get(url);
    this.#packs.delete(url);
    pack ??= readPack(url).then(made);
    this.#packs.set(url, pack);
    if (this.#packs.size > MOST_PACKS) this.#packs.delete(this.#packs.keys().next().value);
    try {
      return await pack;
    } catch (error) {
      this.#packs.delete(url); // it is asked for again
      throw new ServiceError('This part of the recording cannot be had now; try again.', 0);
    }
  }
}

/** A moment as a frame: seconds, or 45f. */
const frameAt = (moment, seconds) =>
  typeof moment === 'string' ? parseInt(moment, 10) : Math.round(moment / seconds);

/** @returns {[number, number]} from the first, up to and not including the second */
function framesOf({ start = null, stop = null }, { head, frameCount }) {
  const seconds = head.motion.frame_time_seconds;
  const first = start === null ? 0 : frameAt(start, seconds);
  const last = stop === null ? frameCount : Math.min(frameAt(stop, seconds) + 1, frameCount);
  if (!(first >= 0 && first < last))
    throw new ServiceError('The part that is taken ends before it begins.', 422, 'clip');
  return [first, last];
}

/** Metres over the ground from where the clip's hips end, on a body of the canonical height. */
function endDistance({ pose, head }, { root }, [, stop]) {
  const at = 3 * (stop - 1);
  const apart = Math.hypot(root[at] - pose.root[at], root[at + 2] - pose.root[at + 2]);
  return Number((apart * head.scale_to_canonical).toFixed(3));
}

/** The command of strength 1 with what else is asked for. */
function commandOf(command, request, options) {
  const usual = { strength: 1, start: null, stop: null };
  const more = Object.entries(options)
    .filter(([name]) => (request[name] ?? usual[name]) !== usual[name])
    .map(([name, option]) => `${option} ${request[name]}`);
  const at = command.lastIndexOf(' -o ');
  return [command.slice(0, at), ...more].join(' ') + command.slice(at);
}
