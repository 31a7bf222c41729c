/** Planted feet: how fast each slides, and where it stood. */
import { CONTACT_ROLES } from './motion.js';

/** Metres a second at which a planted foot counts as sliding as badly as the picture can show. */
export const SLIDING_M_S = 0.4;

/**
 * @typedef {import('./motion.js').Motion} Motion
 * @typedef {Object} Print  where a foot stood
 * @property {number} from    first frame
 * @property {number} to      last frame
 * @property {number} x       metres, in the middle of the time it stood
 * @property {number} z
 * @property {number} turn    radians about +Y, of the foot's direction from +Z
 * @property {number} length  metres, ankle to toe and a bit
 * @property {number} speed   metres a second, mean over the run
 */

/**
 * @param {Motion} motion
 * @returns {Float32Array} T x 4 metres a second over the floor; -1 where the joint is not planted
 *   or not there
 */
export function slideSpeeds(motion) {
  const { frameCount: T, jointCount: J, position, planted, frameTime } = motion;
  const speeds = new Float32Array(4 * T).fill(-1);
  CONTACT_ROLES.forEach((role, k) => {
    const joint = motion.roles[role];
    if (joint === undefined) return;
    for (let t = 0; t < T; t++) {
      if (!planted[4 * t + k]) continue;
      const a = Math.max(t - 1, 0),
        b = Math.min(t + 1, T - 1);
      const i = 3 * (a * J + joint),
        j = 3 * (b * J + joint);
      const step = Math.hypot(position[j] - position[i], position[j + 2] - position[i + 2]);
      speeds[4 * t + k] = b > a ? step / ((b - a) * frameTime) : 0;
    }
  });
  return speeds;
}

/**
 * @param {Float32Array} speeds  T x 4 of `slideSpeeds`
 * @returns {number | null} mean metres a second of planted joints; null where none is ever planted
 */
export function meanSlide(speeds) {
  let sum = 0,
    count = 0;
  for (const speed of speeds) if (speed >= 0) ((sum += speed), count++);
  return count ? sum / count : null;
}

/**
 * Each time a foot stood: from its first planted joint to its last.
 * @param {Motion} motion
 * @param {Float32Array} speeds  T x 4
 * @returns {Print[]}
 */
export function footPrints(motion, speeds) {
  const prints = [];
  for (const [side, ankleAt, toeAt] of [
    ['left', 0, 1],
    ['right', 2, 3],
  ]) {
    const ankle = motion.roles[`${side}_foot`],
      toe = motion.roles[`${side}_toe`] ?? ankle;
    if (ankle === undefined) continue;
    let from = -1;
    for (let t = 0; t <= motion.frameCount; t++) {
      const stands =
        t < motion.frameCount && (motion.planted[4 * t + ankleAt] || motion.planted[4 * t + toeAt]);
      if (stands && from < 0) from = t;
      if (!stands && from >= 0) {
        prints.push(print(motion, speeds, ankle, toe, [ankleAt, toeAt], from, t - 1));
        from = -1;
      }
    }
  }
  return prints;
}

/** @returns {Print} */
function print(motion, speeds, ankle, toe, columns, from, to) {
  const { jointCount: J, position } = motion;
  const middle = (from + to) >> 1;
  const a = 3 * (middle * J + ankle),
    b = 3 * (middle * J + toe);
  const dx = position[b] - position[a],
    dz = position[b + 2] - position[a + 2];
  const reach = Math.hypot(dx, dz);
  let sum = 0,
    count = 0;
  for (let t = from; t <= to; t++) {
    for (const k of columns) if (speeds[4 * t + k] >= 0) ((sum += speeds[4 * t + k]), count++);
  }
  const heel = 0.25,
    length = Math.max(reach * 1.75, 0.12);
  return {
    from,
    to,
    x: position[a] + dx * (0.5 - heel / 2 + 0.15),
    z: position[a + 2] + dz * (0.5 - heel / 2 + 0.15),
    turn: reach > 1e-6 ? Math.atan2(dx, dz) : 0,
    length,
    speed: count ? sum / count : 0,
  };
}
