/**
 * Long clips: what is around the playhead is restyled and shown first, then all of it.
 */

/** Joints times frames from which on the whole takes longer than a person wants to wait. */
const LONG_JOINT_FRAMES = 30_000;

/** @param {import('./session.js').OpenClip | null} source */
export const isLong = (source) =>
  source !== null && source.motion.frameCount * source.motion.jointCount > LONG_JOINT_FRAMES;
