/**
 * A recording, as `packs.py` and `recording.py` of the site's builder describe it: clips, and what
 * styles change of them.
 *
 * Letters: T frames, J joints, E tips. Lengths are those of the clip's file unless a name says
 * otherwise.
 *
 * @typedef {Object} Pose             a motion of the clip's rig
 * @property {Float64Array} rotation  T x J x 4 in the world
 * @property {Float64Array} root      T x 3
 * @property {Uint8Array} planted     T, a bit for each of four contacts
 *
 * @typedef {Object} Steps            what is told by strength, in steps
 * @property {(strength: number) => Float64Array} get
 *
 * @typedef {Object} Change
 * @property {number[]} joints        K that move against their parents otherwise
 * @property {number[]} strengths     that are recorded, ascending
 * @property {Steps} rotation         K x 3 x T
 * @property {Steps} root             3 x T
 * @property {Uint8Array[]} planted   T for each strength
 */
import { fromVector, multiply, rotate } from './quaternions.js';

/** @param {string} url  @returns {Promise<{head: object, arrays: Record<string, any>}>} */
export async function readPack(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new TypeError(`${url} is not there`);
  const plain = answer.body.pipeThrough(new DecompressionStream('deflate'));
  const buffer = await new Response(plain).arrayBuffer();
  const length = new DataView(buffer).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const arrays = {};
  let at = 4 + length;
  for (const [name, kind, shape] of head.arrays) {
    const count = shape.reduce((product, size) => product * size, 1);
    const size = { i2: 2, u1: 1, f4: 4 }[kind] * count;
    arrays[name] =
      kind === 'i2'
        ? summed(new Uint8Array(buffer, at, size), shape.at(-1))
        : new (kind === 'u1' ? Uint8Array : Float32Array)(buffer, at, count);
    at += Math.ceil(size / 4) * 4;
  }
  return { head, arrays };
}

/** Low bytes, then high ones, of second differences over T. @returns {Int16Array} what they are of */
function summed(bytes, frames) {
  const count = bytes.length / 2,
    numbers = new Int16Array(count);
  for (let start = 0; start < count; start += frames) {
    let [value, step] = [0, 0];
    for (let i = start; i < start + frames; i++) {
      step += bytes[i] | (bytes[count + i] << 8);
      value += step;
      numbers[i] = value;
    }
  }
  return numbers;
}

/**
 * @param {{head: object, arrays: object}} pack  @param {number} number  of the take in it
 * @returns {Change}
 */
export function changeIn({ head, arrays }, number) {
  const { joints, told } = head.takes[number],
    of = (name) => arrays[`${number}:${name}`],
    frames = of('root@1').length / 3;
  const strengths = told.map(([strength]) => strength).sort((a, b) => a - b);
  const lines = new Map(told.map(([strength, a, b]) => [strength, [a, b]]));
  /**
   * What each strength differs by from the straight line through two others; of twelve, a page
   * shows few.
   */
  const whole = (name) => {
    const known = new Map([[0, new Float64Array(of(`${name}@1`).length)]]);
    const get = (strength) => {
      if (known.has(strength)) return known.get(strength);
      const [a, b] = lines.get(strength),
        [from, to, share] = [get(a), get(b), b > a ? (strength - a) / (b - a) : 0];
      const rest = of(`${name}@${strength}`),
        found = new Float64Array(rest.length);
      // modulo 2 ** 16, as it was taken away
      for (let i = 0; i < rest.length; i++)
        found[i] = ((rest[i] + Math.floor(from[i] + share * (to[i] - from[i]) + 0.5)) << 16) >> 16;
      known.set(strength, found);
      return found;
    };
    return { get };
  };
  const planted = strengths.map((_, i) => of('planted').subarray(i * frames, (i + 1) * frames));
  return { joints, strengths, rotation: whole('rotation'), root: whole('root'), planted };
}

/** Which of the strengths is nearest. @param {number[]} strengths */
export const nearestTo = (strengths, strength) =>
  strengths.reduce(
    (best, node, i) =>
      Math.abs(node - strength) < Math.abs(strengths[best] - strength) ? i : best,
    0,
  );

/**
 * On the straight line between the two recorded strengths around one.
 * @param {Steps} known
 * @returns {{from: Float64Array, to: Float64Array, share: number}}
 */
function around(strengths, known, strength) {
  const above = strengths.find((node) => node >= strength),
    below = [0, ...strengths].findLast((node) => node <= strength);
  const share = above > below ? (strength - below) / (above - below) : 0;
  return { from: known.get(below), to: known.get(above), share };
}

/**
 * The same rotation as an axis times an angle, the other way round where that is nearer to another.
 * @param {number[]} vector  @param {number[]} other  radians
 */
function nearer(vector, other) {
  if (Math.hypot(...vector.map((value, i) => value - other[i])) <= Math.PI) return vector;
  const round = 1 - (2 * Math.PI) / Math.hypot(...vector);
  return vector.map((value) => round * value);
}

/** One clip: its own motion, and its rig. */
export class RecordedClip {
  /** @param {{head: object, arrays: object}} pack  @param {number} step  of quaternions */
  constructor({ head, arrays }, step) {
    const { names, parents, frame_count: T, joint_count: J } = head.motion;
    Object.assign(this, { head, names, parents, frameCount: T, jointCount: J });
    this.metres = head.metres_per_unit;
    const rotation = new Float64Array(T * J * 4),
      root = new Float64Array(T * 3);
    for (let t = 0; t < T; t++) {
      for (let j = 0; j < J; j++) {
        const at = 4 * (t * J + j),
          parts = [0, 1, 2, 3].map((part) => step * arrays.rotation[(4 * j + part) * T + t]),
          length = Math.hypot(...parts);
        parts.forEach((value, part) => (rotation[at + part] = value / length));
      }
      for (let axis = 0; axis < 3; axis++) root[3 * t + axis] = arrays.root[axis * T + t];
    }
    /** @type {Pose} */
    this.pose = { rotation, root, planted: arrays.planted };
  }

  /**
   * The clip, changed.
   * @param {Change} change  @param {number} strength
   * @param {number} step  radians, and metres
   * @returns {Pose}
   */
  changed(change, strength, step) {
    const { frameCount: T, jointCount: J, parents, pose } = this;
    const number = new Int32Array(J).fill(-1);
    change.joints.forEach((joint, k) => (number[joint] = k));
    const turns = around(change.strengths, change.rotation, strength),
      moves = around(change.strengths, change.root, strength);
    const mixed = (from, to, share) => from + share * (to - from);
    const rotation = new Float64Array(T * J * 4),
      root = new Float64Array(T * 3),
      turned = new Float64Array(J * 4);
    for (let t = 0; t < T; t++) {
      for (let j = 0; j < J; j++) {
        const k = number[j];
        if (k < 0) turned.copyWithin(4 * j, 4 * parents[j], 4 * parents[j] + 4);
        else {
          const of = (values) => [0, 1, 2].map((axis) => step * values[(3 * k + axis) * T + t]);
          const from = of(turns.from),
            to = nearer(of(turns.to), from);
          fromVector(from.map((value, i) => mixed(value, to[i], turns.share)), turned, 4 * j);
        }
        const at = 4 * (t * J + j);
        multiply(turned, 4 * j, pose.rotation, at, rotation, at);
      }
      for (let axis = 0; axis < 3; axis++) {
        const at = axis * T + t,
          metres = step * mixed(moves.from[at], moves.to[at], moves.share);
        root[3 * t + axis] = pose.root[3 * t + axis] + metres / this.metres;
      }
    }
    return { rotation, root, planted: change.planted[nearestTo(change.strengths, strength)] };
  }

  /** Some frames of a motion. @param {Pose} pose  @returns {Pose} */
  part({ rotation, root, planted }, start, stop) {
    return {
      rotation: rotation.subarray(4 * this.jointCount * start, 4 * this.jointCount * stop),
      root: root.subarray(3 * start, 3 * stop),
      planted: planted.subarray(start, stop),
    };
  }

  /** The bytes that a server sends of a motion, see `motion.js`. @param {Pose} pose */
  packed({ rotation, root, planted }) {
    const { head, jointCount: J, parents, metres } = this,
      { tip_parents: tipParents } = head.motion,
      T = planted.length,
      E = tipParents.length;
    let text = JSON.stringify({ ...head.motion, frame_count: T });
    text = new TextEncoder().encode(text + ' '.repeat(4));
    const length = text.length - (text.length % 4);
    const buffer = new ArrayBuffer(4 + length + 12 * T * (J + E) + 4 * T);
    new DataView(buffer).setUint32(0, length, true);
    new Uint8Array(buffer, 4, length).set(text.subarray(0, length));
    const position = new Float32Array(buffer, 4 + length, T * J * 3),
      tip = new Float32Array(buffer, 4 + length + 12 * T * J, T * E * 3),
      contact = new Uint8Array(buffer, 4 + length + 12 * T * (J + E));
    const place = Array.from({ length: J }, () => [0, 0, 0]);
    const put = (out, at, [x, y, z]) =>
      out.set([metres * x, metres * (y - head.floor), metres * z], at);
    for (let t = 0; t < T; t++) {
      const beyond = (parent, offset) => {
        const bone = rotate(rotation, 4 * (t * J + parent), offset);
        return bone.map((value, axis) => place[parent][axis] + value);
      };
      for (let j = 0; j < J; j++) {
        const isRoot = parents[j] < 0;
        place[j] = isRoot
          ? [...root.subarray(3 * t, 3 * t + 3)]
          : beyond(parents[j], head.offsets[j]);
        put(position, 3 * (t * J + j), place[j]);
      }
      tipParents.forEach((parent, e) =>
        put(tip, 3 * (t * E + e), beyond(parent, head.tip_offsets[e])),
      );
      for (let i = 0; i < 4; i++) contact[4 * t + i] = (planted[t] >> i) & 1;
    }
    return buffer;
  }
}
