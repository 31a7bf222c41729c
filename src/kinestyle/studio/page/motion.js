/**
 * A clip's motion as the server sends it, and what the viewer derives from it.
 *
 * Letters: T frames, J joints, E tips, N = J + E nodes. Positions are metres, Y up, the floor at 0.
 *
 * @typedef {Object} Motion
 * @property {string[]} names        J joints
 * @property {number[]} parents      J, -1 for the root
 * @property {number[]} tipParents   E
 * @property {Record<string, number>} roles  role -> joint
 * @property {number} frameCount
 * @property {number} jointCount
 * @property {number} tipCount
 * @property {number} frameTime      seconds
 * @property {number} firstFrame     of a part of a clip: the clip's frame that is its first
 * @property {Float32Array} position T x J x 3, as the library has them
 * @property {Float32Array} tip      T x E x 3
 * @property {number} metresPerUnit  of the clip's file
 * @property {Int16Array | null} rotation  T x J x 4, 32767ths wxyz: of a clip that shows a character
 * @property {Uint8Array} planted    T x 4: left foot, left toe, right foot, right toe
 * @property {Bone[]} bones          what the body is drawn of
 *
 * @typedef {Object} Bone            a round cone between two nodes; a tip's node is J + its number
 * @property {number} start
 * @property {number} end
 * @property {[number, number]} radii  metres at both ends
 * @property {[number, number]} span   from where to where between the nodes it reaches, as shares
 * @property {string} role             whose bone it is, '' for what hangs on the body, such as
 *   fingers
 */

/** The joints of `planted`, by role. */
export const CONTACT_ROLES = ['left_foot', 'left_toe', 'right_foot', 'right_toe'];

/**
 * @param {ArrayBuffer} buffer  4 bytes length, a header in JSON, positions, tips, contacts
 * @returns {Motion}
 */
export function readMotion(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const { frame_count: T, joint_count: J } = head;
  const E = head.tip_parents.length;
  let at = 4 + length;
  const floats = (count) => {
    const part = new Float32Array(buffer, at, count);
    at += 4 * count;
    return part;
  };
  return {
    names: head.names,
    parents: head.parents,
    tipParents: head.tip_parents,
    roles: head.roles,
    bones: head.bones,
    frameCount: T,
    jointCount: J,
    tipCount: E,
    frameTime: head.frame_time_seconds,
    firstFrame: head.first_frame ?? 0,
    metresPerUnit: head.metres_per_unit,
    position: floats(T * J * 3),
    tip: floats(T * E * 3),
    planted: new Uint8Array(buffer, at, T * 4),
    rotation: head.has_rotations ? new Int16Array(buffer, at + 4 * T, T * J * 4) : null,
  };
}

/**
 * Where the hips are over the floor.
 * @param {Motion} motion
 * @returns {Float32Array} T x 2, x and z
 */
export function hipsPath(motion) {
  const { frameCount: T, jointCount: J, position } = motion;
  const hips = motion.roles.hips ?? 0;
  const path = new Float32Array(2 * T);
  for (let t = 0; t < T; t++) {
    path[2 * t] = position[3 * (t * J + hips)];
    path[2 * t + 1] = position[3 * (t * J + hips) + 2];
  }
  return path;
}

/**
 * The path without the sway of single steps: what a camera can follow calmly.
 * @param {Float32Array} path  T x 2
 * @param {number} frameTime   seconds
 * @returns {Float32Array} T x 2, averaged over 0.6 seconds to both sides
 */
export function smoothPath(path, frameTime) {
  const T = path.length / 2;
  const reach = Math.max(1, Math.round(0.6 / frameTime));
  const smooth = new Float32Array(path.length);
  for (const axis of [0, 1]) {
    const sums = new Float64Array(T + 1);
    for (let t = 0; t < T; t++) sums[t + 1] = sums[t] + path[2 * t + axis];
    for (let t = 0; t < T; t++) {
      // the same reach to both sides, so that the path's ends stay where they are
      const r = Math.min(reach, t, T - 1 - t);
      smooth[2 * t + axis] = (sums[t + r + 1] - sums[t - r]) / (2 * r + 1);
    }
  }
  return smooth;
}

/**
 * @param {Motion} motion
 * @returns {number} metres from the floor to the highest node of the body in the first second: how
 *   large the camera takes it to be
 */
export function bodyHeight({
  position,
  tip,
  tipParents,
  roles,
  jointCount: J,
  tipCount: E,
  frameCount,
  frameTime,
}) {
  const body = new Set(Object.values(roles));
  const frames = Math.min(frameCount, Math.max(1, Math.round(1 / frameTime)));
  let top = 0.2;
  for (let t = 0; t < frames; t++) {
    for (const j of body) top = Math.max(top, position[3 * (t * J + j) + 1]);
    for (let e = 0; e < E; e++)
      if (body.has(tipParents[e])) top = Math.max(top, tip[3 * (t * E + e) + 1]);
  }
  return Math.min(top, 4);
}
