/**
 * A result as a BVH file, written over the clip's own: its hierarchy, and its numbers of every
 * joint that a style leaves as it is.
 */
import { against, eulerNear, toEuler } from './quaternions.js';

/**
 * @param {string} text  the clip's file
 * @param {import('./recording.js').RecordedClip} clip
 * @param {import('./recording.js').Pose} pose  of all frames of the clip
 * @param {number[]} joints  that are changed against their parents
 * @param {[number, number]} frames  from the first, up to and not including the second
 * @returns {string}
 */
export function writeBvh(text, clip, pose, joints, [start, stop]) {
  const [hierarchy, motion] = text.split(/^MOTION\r?\n/m),
    [, time, ...rows] = motion.trimEnd().split('\n');
  const channels = channelsIn(hierarchy),
    changed = joints.map((joint) => ({ joint, ...channels.get(clip.names[joint]) }));
  const before = new Map();
  const lines = rows.slice(start, stop).map((row, i) => {
    const words = row.trim().split(/\s+/),
      t = start + i;
    for (const { joint, at, kinds } of changed) {
      kinds.forEach((kind, k) => {
        const axis = 'XYZ'.indexOf(kind[0]);
        if (kind.endsWith('position') && clip.parents[joint] < 0)
          words[at + k] = pose.root[3 * t + axis].toFixed(6);
      });
      const turns = kinds.flatMap((kind, k) => (kind.endsWith('rotation') ? [k] : []));
      const order = turns.map((k) => kinds[k][0]).join('');
      const other = before.get(joint) ?? turns.map((k) => Number(words[at + k]));
      const angles = eulerNear(toEuler(localRotation(clip, pose, t, joint), order), other);
      before.set(joint, angles);
      turns.forEach((k, n) => (words[at + k] = angles[n].toFixed(6)));
    }
    return words.join(' ');
  });
  return `${hierarchy}MOTION\nFrames: ${lines.length}\n${time}\n${lines.join('\n')}\n`;
}

/** @returns {Map<string, {at: number, kinds: string[]}>} by joint, where a row has its numbers */
function channelsIn(hierarchy) {
  const found = new Map();
  let name = '',
    at = 0;
  for (const line of hierarchy.split('\n')) {
    const words = line.trim().split(/\s+/);
    if (['ROOT', 'JOINT'].includes(words[0])) name = words.slice(1).join(' ');
    if (words[0] !== 'CHANNELS') continue;
    found.set(name, { at, kinds: words.slice(2) });
    at += words.length - 2;
  }
  return found;
}

/** @returns {ArrayLike<number>} of a joint against its parent */
export function localRotation({ jointCount: J, parents }, { rotation }, t, joint) {
  const at = 4 * (t * J + joint);
  if (parents[joint] < 0) return rotation.subarray(at, at + 4);
  return against(rotation, 4 * (t * J + parents[joint]), rotation, at);
}
