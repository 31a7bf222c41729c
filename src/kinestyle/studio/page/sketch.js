/**
 * A small figure in lines, for previews and key poses: the motion of the roles' joints, on the spot, seen from front and side,
 * projected once. Drawing is then a handful of lines.
 *
 * @typedef {import('./motion.js').Motion} Motion
 * @typedef {Object} Sketch
 * @property {number} frameCount
 * @property {number} frameTime   seconds
 * @property {number} pointCount
 * @property {Float32Array} point F x P x 2, x to the right from the middle and y up from the floor, as shares of the body's height
 * @property {[number, number, number][]} lines  point, point, width as a share of the height
 * @property {number} head        point, -1 for none
 */
import { bodyHeight, hipsPath, smoothPath } from './motion.js';

const LINES = [
  ['hips', 'spine', 0.085], ['spine', 'chest', 0.090], ['chest', 'neck', 0.060], ['neck', 'head', 0.040],
  ...['left', 'right'].flatMap((side) => [
    ['hips', `${side}_thigh`, 0.070], [`${side}_thigh`, `${side}_shin`, 0.060], [`${side}_shin`, `${side}_foot`, 0.045], [`${side}_foot`, `${side}_toe`, 0.035],
    ['chest', `${side}_upper_arm`, 0.055], [`${side}_upper_arm`, `${side}_forearm`, 0.042], [`${side}_forearm`, `${side}_hand`, 0.034],
  ]),
];

/** Radians from the front at which a figure is seen. */
const VIEW = 0.85;

/**
 * @param {Motion} motion
 * @param {number} frameRate  at most so many frames a second are kept
 * @returns {Sketch}
 */
export function sketch(motion, frameRate = 15) {
  const { position, jointCount: J, roles } = motion;
  const names = Object.keys(roles), every = Math.max(1, Math.round(1 / (frameRate * motion.frameTime)));
  const F = Math.ceil(motion.frameCount / every), P = names.length;
  const height = bodyHeight(motion), path = smoothPath(hipsPath(motion), motion.frameTime);
  const turn = heading(motion) + VIEW;
  const c = Math.cos(turn), s = Math.sin(turn);
  const point = new Float32Array(2 * F * P);
  for (let f = 0; f < F; f++) {
    const t = f * every;
    names.forEach((name, p) => {
      const i = 3 * (t * J + roles[name]);
      const x = position[i] - path[2 * t], z = position[i + 2] - path[2 * t + 1];
      point[2 * (f * P + p)] = (x * c - z * s) / height;
      point[2 * (f * P + p) + 1] = (position[i + 1] - 0.10 * (x * s + z * c)) / height;
    });
  }
  const lines = LINES.map(([a, b, width]) => [names.indexOf(a), names.indexOf(b), width]).filter(([a, b]) => a >= 0 && b >= 0);
  return { frameCount: F, frameTime: motion.frameTime * every, pointCount: P, point, lines, head: names.indexOf('head') };
}

/** Radians about +Y of where the body faces at first. */
function heading({ position, roles }) {
  const left = roles.left_thigh, right = roles.right_thigh;
  if (left === undefined || right === undefined) return 0;
  const x = position[3 * left] - position[3 * right], z = position[3 * left + 2] - position[3 * right + 2];
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
  const { point, pointCount: P, lines, head } = drawn;
  const row = 2 * P * Math.min(frame, drawn.frameCount - 1);
  pen.lineCap = 'round';
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i], a = row + 2 * line[0], b = row + 2 * line[1];
    pen.lineWidth = line[2] * size;
    pen.beginPath();
    pen.moveTo(x + point[a] * size, y - point[a + 1] * size);
    pen.lineTo(x + point[b] * size, y - point[b + 1] * size);
    pen.stroke();
  }
  if (head >= 0) {
    pen.beginPath();
    pen.arc(x + point[row + 2 * head] * size, y - (point[row + 2 * head + 1] + 0.055) * size, 0.062 * size, 0, 7);
    pen.fill();
  }
}

/**
 * Frames that tell a motion: repeatedly the one that lies farthest from the straight way between its neighbours.
 * @param {Sketch} drawn  at the motion's own rate
 * @param {number} count
 * @returns {number[]} at most `count` frames in order, the first and the last among them
 */
export function keyPoses(drawn, count) {
  const { point, pointCount: P, frameCount: F } = drawn;
  const keys = F > 1 ? [0, F - 1] : [0];
  const nearest = Math.max(2, Math.floor(F / (2.5 * count)));
  while (keys.length < count) {
    let best = -1, most = 0;
    for (let k = 1; k < keys.length; k++) {
      const a = keys[k - 1], b = keys[k];
      for (let t = a + nearest; t <= b - nearest; t++) {
        const part = (t - a) / (b - a);
        let far = 0;
        for (let i = 0; i < 2 * P; i++) {
          const off = point[2 * P * t + i] - (point[2 * P * a + i] * (1 - part) + point[2 * P * b + i] * part);
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
