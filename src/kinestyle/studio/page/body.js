/** A rig as a body of bones: which node joins which, and how thick it is. Joints without a role are thin. */
import { CONTACT_ROLES } from './motion.js';

/**
 * @typedef {import('./motion.js').Motion} Motion
 * @typedef {Object} Bone   a tapered capsule between two nodes; a tip's node is J + its number
 * @property {number} start
 * @property {number} end
 * @property {number} startRadius  metres
 * @property {number} endRadius    metres
 * @property {[number, number]} part  from where to where along the bone it reaches, as shares
 * @property {number} contact      which of the four planted joints colours it, -1 for none
 * @property {boolean} bodily      whether it belongs to a role
 * @property {string} role         whose bone it is, '' for none
 */

/** Radii in metres at both ends of the bone that a role turns, for a body 1.7 m tall. */
const RADII = {
  hips: [0.098, 0.088], spine: [0.094, 0.100], chest: [0.104, 0.062], neck: [0.046, 0.044], head: [0.082, 0.098],
  clavicle: [0.058, 0.052], upper_arm: [0.049, 0.040], forearm: [0.040, 0.029], hand: [0.033, 0.022],
  thigh: [0.082, 0.057], shin: [0.056, 0.040], foot: [0.042, 0.032], toe: [0.032, 0.022],
};
const THIN = 0.011;

/** A head is a ball in the middle of its bone, not a pillar over all of it. */
const PART = { head: [0.36, 0.58] };
const WHOLE = [0, 1];

/** Where a bone that leaves its role's own chain belongs: hips to thigh, chest to clavicle. */
const BRANCH = { thigh: [0.088, 0.082], clavicle: [0.072, 0.056] };

const plain = (role) => role.replace(/^(left|right)_/, '');

/**
 * @param {Motion} motion
 * @param {number} height  metres, of the body
 * @returns {Bone[]} the joints' bones from their parents, then the tips'; a joint alone is a ball
 */
export function bonesOf(motion, height) {
  const { parents, jointCount: J, roles, tipParents } = motion;
  const scale = height / 1.7;
  const roleOf = new Array(J).fill('');
  for (const [role, joint] of Object.entries(roles)) roleOf[joint] = role;
  const owner = roleOf.slice();                 // the nearest role at or above a joint
  for (let j = 0; j < J; j++) if (!owner[j] && parents[j] >= 0) owner[j] = owner[parents[j]];
  const leads = roleOf.map(Boolean);            // whether a role is at or below it
  for (let j = J - 1; j > 0; j--) if (leads[j] && parents[j] >= 0) leads[parents[j]] = true;
  const lastWithRole = (j) => roleOf[j] && !parents.some((p, child) => p === j && leads[child]);

  const bones = [];
  const add = (start, end, radii, role) => {
    const contact = CONTACT_ROLES.indexOf(role);
    const [a, b] = radii ?? [THIN, THIN];
    bones.push({ start, end, startRadius: a * scale, endRadius: b * scale, part: PART[plain(role)] ?? WHOLE, contact, bodily: Boolean(radii), role: radii ? role : '' });
  };
  for (let j = 0; j < J; j++) {
    const p = parents[j];
    if (p < 0) continue;
    if (leads[j]) {
      const branch = roleOf[j] && roleOf[p] ? BRANCH[plain(roleOf[j])] : undefined;
      // above the hips there may be a root on the floor: a thin line to it
      const own = owner[p] ? (branch ?? RADII[plain(owner[p])]) : undefined;
      add(p, j, own, owner[p]);
    } else {
      add(p, j, undefined, '');
    }
  }
  const ended = new Set();
  tipParents.forEach((joint, e) => {
    const whole = lastWithRole(joint);
    if (whole) ended.add(joint);
    add(joint, J + e, whole ? RADII[plain(roleOf[joint])] : undefined, whole ? roleOf[joint] : '');
  });
  for (let j = 0; j < J; j++) {
    if (lastWithRole(j) && !ended.has(j)) add(j, j, RADII[plain(roleOf[j])], roleOf[j]);  // a head or hand without a tip is a ball
  }
  if (!bones.length) add(0, 0, [0.05, 0.05], '');
  return bones;
}
