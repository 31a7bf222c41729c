/** Unit quaternions, wxyz, of joints one after the other in flat arrays. */

/**
 * @param {ArrayLike<number>} a  @param {number} i  where the first begins
 * @param {ArrayLike<number>} b  @param {number} j
 * @param {Float64Array} out  @param {number} at  of a after b
 */
export function multiply(a, i, b, j, out, at) {
  const [aw, ax, ay, az] = [a[i], a[i + 1], a[i + 2], a[i + 3]],
    [bw, bx, by, bz] = [b[j], b[j + 1], b[j + 2], b[j + 3]];
  out[at] = aw * bw - ax * bx - ay * by - az * bz;
  out[at + 1] = aw * bx + ax * bw + ay * bz - az * by;
  out[at + 2] = aw * by - ax * bz + ay * bw + az * bx;
  out[at + 3] = aw * bz + ax * by - ay * bx + az * bw;
}

/** @param {number[]} v  axis times angle  @param {Float64Array} out  @param {number} at */
export function fromVector([x, y, z], out, at) {
  const angle = Math.hypot(x, y, z),
    scale = angle > 1e-9 ? Math.sin(angle / 2) / angle : 0.5;
  out[at] = Math.cos(angle / 2);
  out[at + 1] = scale * x;
  out[at + 2] = scale * y;
  out[at + 3] = scale * z;
}

/** A vector turned. @param {ArrayLike<number>} q  @param {number} i  @param {number[]} v */
export function rotate(q, i, [x, y, z]) {
  const [w, a, b, c] = [q[i], q[i + 1], q[i + 2], q[i + 3]];
  const [tx, ty, tz] = [2 * (b * z - c * y), 2 * (c * x - a * z), 2 * (a * y - b * x)];
  return [
    x + w * tx + b * tz - c * ty,
    y + w * ty + c * tx - a * tz,
    z + w * tz + a * ty - b * tx,
  ];
}

/** The inverse of one, times another: a rotation against its parent's. */
export function against(parent, i, q, j) {
  const out = new Float64Array(4);
  multiply([parent[i], -parent[i + 1], -parent[i + 2], -parent[i + 3]], 0, q, j, out, 0);
  return out;
}

/**
 * Angles about three different axes, the first letter outermost.
 * @param {ArrayLike<number>} q  @param {string} order  'ZXY', say
 * @returns {number[]} degrees, the middle one within 90
 */
export function toEuler([w, x, y, z], order) {
  const m = [
    [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
    [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
    [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
  ];
  const [i, j, k] = [...order].map((letter) => 'XYZ'.indexOf(letter)),
    sign = (j - i + 3) % 3 === 1 ? 1 : -1;
  return [
    Math.atan2(-sign * m[j][k], m[k][k]),
    Math.asin(Math.min(1, Math.max(-1, sign * m[i][k]))),
    Math.atan2(-sign * m[i][j], m[i][i]),
  ].map((radians) => (radians * 180) / Math.PI);
}

const near = (angle, other) => angle + 360 * Math.round((other - angle) / 360);

/** The same rotation by the angles, in degrees, nearest to others. @param {number[]} others */
export function eulerNear([a, b, c], others) {
  const both = [
    [a, b, c],
    [a + 180, 180 - b, c + 180],
  ].map((angles) => angles.map((angle, i) => near(angle, others[i])));
  const [one, other] = both.map((angles) =>
    angles.reduce((sum, angle, i) => sum + Math.abs(angle - others[i]), 0),
  );
  return both[other < one ? 1 : 0];
}
