/**
 * A small figure in lines, for previews and key poses: the body's bones, on the spot, seen from
 * front and side, projected once. Drawing is then a handful of lines.
 *
 * @typedef {import('./motion.js').Motion} Motion
 * @typedef {Object} Sketch
 * @property {number} frameCount
 * @property {number} frameTime   seconds
 * @property {number} pointCount
 * @property {Float32Array} point F x P x 2, x to the right from the middle and y up from the floor,
 *   as shares of the body's height
 * @property {Line[]} lines
 * @typedef {Object} Line
 * @property {number} start       point
 * @property {number} end
 * @property {[number, number]} span  from where to where between the points, as shares
 * @property {number} width       as a share of the height
 */
import { bodyHeight, hipsPath, smoothPath } from './motion.js';

/** Radians from the front at which a figure is seen. */
const VIEW = 0.85;

/**
 * @param {Motion} motion
 * @param {number} frameRate  at most so many frames a second are kept
 * @returns {Sketch}
 */
export function sketch(motion, frameRate = 15) {
  const { position, tip, jointCount: J, tipCount: E } = motion;
  const bones = motion.bones.filter((bone) => bone.role);
  const nodes = [...new Set(bones.flatMap(({ start, end }) => [start, end]))];
  const every = Math.max(1, Math.round(1 / (frameRate * motion.frameTime)));
  const F = Math.ceil(motion.frameCount / every),
    P = nodes.length;
  const height = bodyHeight(motion),
    path = smoothPath(hipsPath(motion), motion.frameTime);
  const turn = heading(motion) + VIEW;
  const c = Math.cos(turn),
    s = Math.sin(turn);
  const point = new Float32Array(2 * F * P);
  for (let f = 0; f < F; f++) {
    const t = f * every;
    nodes.forEach((node, p) => {
      const from = node < J ? position : tip,
        i = 3 * (node < J ? t * J + node : t * E + node - J);
      const x = from[i] - path[2 * t],
        z = from[i + 2] - path[2 * t + 1];
      point[2 * (f * P + p)] = (x * c - z * s) / height;
      point[2 * (f * P + p) + 1] = (from[i + 1] - 0.1 * (x * s + z * c)) / height;
    });
  }
  const lines = bones.map(({ start, end, span, radii: [a, b] }) => ({
    start: nodes.indexOf(start),
    end: nodes.indexOf(end),
    span,
    width: (a + b) / height,
  }));
  return { frameCount: F, frameTime: motion.frameTime * every, pointCount: P, point, lines };
}

/** Radians about +Y of where the body faces at first. */
function heading({ position, roles }) {
  const left = roles.left_thigh,
    right = roles.right_thigh;
  if (left === undefined || right === undefined) return 0;
  const x = position[3 * left] - position[3 * right],
    z = position[3 * left + 2] - position[3 * right + 2];
  return Math.atan2(-z, x);
}

/**
 * @param {CanvasRenderingContext2D} pen  colours and opacity are the caller's
 * @param {Sketch} drawn
 * @param {number} frame  whole
 * @param {number} x      pixels, middle of the feet
 * @param {number} y
 * @param {number} size   pixels of the body's height
 */
export function drawSketch(pen, drawn, frame, x, y, size) {
  const { point, pointCount: P, lines } = drawn;
  const row = 2 * P * Math.min(frame, drawn.frameCount - 1);
  pen.lineCap = 'round';
  for (const { start, end, span, width } of lines) {
    const a = row + 2 * start,
      b = row + 2 * end;
    pen.lineWidth = width * size;
    pen.beginPath();
    for (const share of span) {
      pen.lineTo(
        x + (point[a] + share * (point[b] - point[a])) * size,
        y - (point[a + 1] + share * (point[b + 1] - point[a + 1])) * size,
      );
    }
    pen.stroke();
  }
}

/**
 * Frames that tell a motion: repeatedly the one that lies farthest from the straight line between
 * its neighbours.
 * @param {Sketch} drawn  at the motion's own rate
 * @param {number} count
 * @returns {number[]} at most `count` frames in order, the first and the last among them
 */
export function keyPoses(drawn, count) {
  const { point, pointCount: P, frameCount: F } = drawn;
  const keys = F > 1 ? [0, F - 1] : [0];
  const nearest = Math.max(2, Math.floor(F / (2.5 * count)));
  while (keys.length < count) {
    let best = -1,
      most = 0;
    for (let k = 1; k < keys.length; k++) {
      const a = keys[k - 1],
        b = keys[k];
      for (let t = a + nearest; t <= b - nearest; t++) {
        const part = (t - a) / (b - a);
        let far = 0;
        for (let i = 0; i < 2 * P; i++) {
          const off =
            point[2 * P * t + i] -
            (point[2 * P * a + i] * (1 - part) + point[2 * P * b + i] * part);
          far += off * off;
        }
        if (far > most) [most, best] = [far, t];
      }
    }
    if (best < 0) break;
    keys.push(best);
    keys.sort((a, b) => a - b);
  }
  return keys;
}
