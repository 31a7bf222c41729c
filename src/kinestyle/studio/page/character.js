/**
 * A character: the bodies' capsules with their shadow in one draw call, footprints in a second, the
 * hips' path in a third. A frame changes numbers in place and allocates nothing.
 */
import {
  BufferAttribute,
  BufferGeometry,
  DataTexture,
  DoubleSide,
  FloatType,
  GLSL3,
  Group,
  InstancedBufferAttribute,
  InstancedBufferGeometry,
  Mesh,
  NearestFilter,
  RGBAFormat,
  ShaderMaterial,
  Vector4,
} from './three/three.js';
import { footPrints, meanSlide, SLIDING_M_S, slideSpeeds } from './feet.js';
import { bodyHeight, CONTACT_ROLES, hipsPath, smoothPath } from './motion.js';
import {
  BODY_FRAGMENT,
  BODY_VERTEX,
  PATH_FRAGMENT,
  PATH_VERTEX,
  PRINT_FRAGMENT,
  PRINT_VERTEX,
  SOLID,
} from './shaders.js';
import { Skin } from './skin.js';

/** Segments around a capsule and rings on each of its domes. */
const DETAIL = { fine: [10, 3], coarse: [6, 2] };

/**
 * Metres below which bones without a role, such as fingers, are left out where detail is coarse.
 */
const TOO_SHORT_M = 0.08;

/**
 * Texels in a row of the positions' texture: 2048 is what every WebGL 2 device has; the programs in
 * shaders.js count on it.
 */
const TEXTURE_WIDTH = 2048;

/** Milliseconds in which a camera comes near a performer. */
const CALM_MS = 120;

/** @typedef {import('./motion.js').Motion} Motion */

export class Character {
  /**
   * @param {Motion} motion
   * @param {object} shared  uniforms that all of the stage have in common
   * @param {{value: number[]}} tint
   * @param {'fine' | 'coarse'} detail
   */
  constructor(motion, shared, tint, detail = 'fine') {
    this.motion = motion;
    /** At which frame of the clip its first one is, and its frames a frame of the clip. */
    this.from = 0;
    this.pace = 1;
    this.height = bodyHeight(motion);
    this.path = hipsPath(motion);
    this.calmPath = smoothPath(this.path, motion.frameTime);
    this.middle = middleOf(this.path);
    this.speeds = slideSpeeds(motion);
    this.meanSlide = meanSlide(this.speeds);
    this.group = new Group();
    this.frame = { value: 0 };
    this.slide = { value: new Vector4(-1, -1, -1, -1) };
    this.opacity = { value: 1 };
    this.uniforms = { ...shared, frame: this.frame, tint };
    this.nodes = nodeTexture(motion);
    this.detail = detail;
    /** Its own mesh. @type {Skin | null} */
    this.skin = null;
    this.body = this.#bodyMesh(detail);
    this.prints = this.#printMesh();
    this.trail = this.#pathMesh();
    for (const mesh of [this.body, this.prints, this.trail]) {
      if (!mesh) continue;
      mesh.frustumCulled = false;
      this.group.add(mesh);
    }
  }

  /**
   * Its own mesh in place of capsules.
   * @param {import('./mesh.js').Model | null} model  null for capsules
   */
  wear(model) {
    const { motion, skin } = this;
    if (skin?.model === (model ?? undefined)) return;
    skin?.dispose();
    this.skin = null;
    if (model && motion.rotation) {
      const { slide, opacity } = this;
      const casts = this.detail === 'fine';
      this.skin = new Skin(model, motion, { ...this.uniforms, slide, opacity }, casts);
      this.skin.show(this.frame.value);
      this.group.add(...this.skin.meshes);
      model.top ??= topOf(this.skin.vertices());
      // what stands out of a body, such as hair; a stray triangle is no such thing
      this.height = Math.max(this.height, Math.min(model.top, 2 * this.height));
    }
    // small ones throw the shadow of their bones
    const shadows = this.skin && this.detail !== 'fine' ? this.shadowCount : 0;
    this.body.geometry.instanceCount = this.skin ? shadows : this.boneCount;
    this.body.visible = !this.skin || shadows > 0;
  }

  /** Where it is in the clip's time. @param {number} from  @param {number} clipFrameTime */
  place(from, clipFrameTime) {
    this.from = from;
    this.pace = clipFrameTime / this.motion.frameTime;
    return this;
  }

  /** @param {number} frame  of the clip  @returns {number} of its own, which it may not have */
  ownFrame(frame) {
    return (frame - this.from) * this.pace;
  }

  /** @param {number} frame  of its own  @returns {number} of the clip */
  clipFrame(frame) {
    return this.from + frame / this.pace;
  }

  /** @param {number} frame  of the clip; fractional frames are between two */
  show(frame) {
    const last = this.motion.frameCount - 1;
    this.frame.value = Math.min(Math.max(this.ownFrame(frame), 0), last);
    this.skin?.show(this.frame.value);
    const row = 4 * Math.round(this.frame.value);
    const s = this.speeds;
    this.slide.value.set(
      s[row] / SLIDING_M_S,
      s[row + 1] / SLIDING_M_S,
      s[row + 2] / SLIDING_M_S,
      s[row + 3] / SLIDING_M_S,
    );
  }

  /** Write where the camera looks, x and z, at the frame shown, into `out`. */
  anchor(out) {
    const f = Math.floor(this.frame.value),
      part = this.frame.value - f,
      p = this.calmPath;
    const g = Math.min(f + 1, this.motion.frameCount - 1);
    out.x = p[2 * f] * (1 - part) + p[2 * g] * part;
    out.z = p[2 * f + 1] * (1 - part) + p[2 * g + 1] * part;
  }

  /**
   * Another pose in place of its first frame: of a performer, who has no others.
   * @param {Float32Array} nodes  N x 3 metres
   * @param {number} ms  since the pose before
   */
  pose(nodes, ms) {
    const texels = this.nodes.image.data;
    for (let n = 0; 3 * n < nodes.length; n++)
      for (let k = 0; k < 3; k++) texels[4 * n + k] = nodes[3 * n + k];
    this.nodes.needsUpdate = true;
    // as calm as the path of a clip
    const hips = 3 * (this.motion.roles.hips ?? 0);
    const share = 1 - Math.exp(-ms / CALM_MS);
    for (const k of [0, 1])
      this.calmPath[k] += share * (nodes[hips + 2 * k] - this.calmPath[k]);
  }

  /** @param {number} frame @returns {Float32Array} J x 3 metres: what is drawn at a whole frame */
  drawnPosition(frame) {
    const { jointCount: J, tipCount: E } = this.motion,
      texels = this.nodes.image.data;
    const out = new Float32Array(3 * J);
    for (let j = 0; j < J; j++)
      for (let k = 0; k < 3; k++) out[3 * j + k] = texels[4 * (frame * (J + E) + j) + k];
    return out;
  }

  dispose() {
    this.skin?.dispose();
    this.nodes.dispose();
    for (const mesh of this.group.children) {
      mesh.geometry.dispose();
      mesh.material.dispose();
    }
    this.group.removeFromParent();
  }

  #bodyMesh(detail) {
    const { motion } = this;
    const bones = motion.bones.filter(
      (b) => detail === 'fine' || b.role || boneLength(motion, b) > TOO_SHORT_M,
    );
    const geometry = capsule(...DETAIL[detail]);
    // fingers throw no shadow: it would cost as much as all the rest
    const shadows = bones.filter((bone) => bone.role);
    const count = bones.length + shadows.length;
    const bone = new Float32Array(4 * count),
      span = new Float32Array(2 * count),
      mark = new Float32Array(3 * count);
    [...shadows, ...bones].forEach((b, i) => {
      bone.set([b.start, b.end, ...b.radii], 4 * i);
      span.set(b.span, 2 * i);
      mark.set([CONTACT_ROLES.indexOf(b.role), i < shadows.length ? 1 : 0, b.role ? 1 : 0], 3 * i);
    });
    geometry.setAttribute('bone', new InstancedBufferAttribute(bone, 4));
    geometry.setAttribute('span', new InstancedBufferAttribute(span, 2));
    geometry.setAttribute('mark', new InstancedBufferAttribute(mark, 3));
    this.shadowCount = shadows.length;
    this.boneCount = geometry.instanceCount = count;
    return bodyMesh(geometry, {
      ...this.uniforms,
      slide: this.slide,
      opacity: this.opacity,
      nodes: { value: this.nodes },
      nodeCount: { value: motion.jointCount + motion.tipCount },
      lastFrame: { value: motion.frameCount - 1 },
    });
  }

  #printMesh() {
    const prints = footPrints(this.motion, this.speeds);
    if (!prints.length) return null;
    const spot = new Float32Array(4 * prints.length),
      story = new Float32Array(3 * prints.length);
    prints.forEach((p, i) => {
      spot.set([p.x, p.z, p.turn, p.length], 4 * i);
      story.set([p.from, p.to, p.speed / SLIDING_M_S], 3 * i);
    });
    const geometry = new InstancedBufferGeometry();
    geometry.setAttribute(
      'position',
      new BufferAttribute(new Float32Array([-1, -1, 0, 1, -1, 0, 1, 1, 0, -1, 1, 0]), 3),
    );
    geometry.setIndex([0, 1, 2, 0, 2, 3]);
    geometry.setAttribute('spot', new InstancedBufferAttribute(spot, 4));
    geometry.setAttribute('story', new InstancedBufferAttribute(story, 3));
    geometry.instanceCount = prints.length;
    return flatMesh(geometry, PRINT_VERTEX, PRINT_FRAGMENT, this.uniforms, 1);
  }

  #pathMesh() {
    const { path } = this,
      T = this.motion.frameCount;
    if (T < 2) return null;
    const position = new Float32Array(6 * T),
      across = new Float32Array(4 * T),
      when = new Float32Array(2 * T),
      index = [];
    let ax = 1,
      az = 0;
    for (let t = 0; t < T; t++) {
      const a = Math.max(t - 3, 0),
        b = Math.min(t + 3, T - 1);
      const dx = path[2 * b] - path[2 * a],
        dz = path[2 * b + 1] - path[2 * a + 1],
        size = Math.hypot(dx, dz);
      if (size > 0.005) ((ax = dz / size), (az = -dx / size));
      for (const side of [0, 1]) {
        const i = 2 * t + side,
          sign = side ? 1 : -1;
        position.set([path[2 * t], 0, path[2 * t + 1]], 3 * i);
        across.set([sign * ax, sign * az], 2 * i);
        when[i] = t;
      }
      if (t) index.push(2 * t - 2, 2 * t - 1, 2 * t, 2 * t, 2 * t - 1, 2 * t + 1);
    }
    const geometry = new BufferGeometry();
    geometry.setAttribute('position', new BufferAttribute(position, 3));
    geometry.setAttribute('across', new BufferAttribute(across, 2));
    geometry.setAttribute('when', new BufferAttribute(when, 1));
    geometry.setIndex(index);
    return flatMesh(
      geometry,
      PATH_VERTEX,
      PATH_FRAGMENT,
      { ...this.uniforms, width: { value: 0.009 } },
      2,
    );
  }
}

/**
 * @returns {{x: number, z: number, reach: number}} the middle of a path and half its longer side,
 *   metres
 */
function middleOf(path) {
  let [left, right, back, front] = [Infinity, -Infinity, Infinity, -Infinity];
  for (let i = 0; i < path.length; i += 2) {
    left = Math.min(left, path[i]);
    right = Math.max(right, path[i]);
    back = Math.min(back, path[i + 1]);
    front = Math.max(front, path[i + 1]);
  }
  return {
    x: (left + right) / 2,
    z: (back + front) / 2,
    reach: Math.max(right - left, front - back) / 2,
  };
}

/** @param {Float32Array} vertices  V x 3  @returns {number} metres above the floor */
function topOf(vertices) {
  let top = 0;
  for (let i = 1; i < vertices.length; i += 3) top = Math.max(top, vertices[i]);
  return top;
}

/** @returns {number} metres in the first frame */
function boneLength({ position, tip, jointCount: J }, { start, end }) {
  const to = end < J ? position : tip,
    i = 3 * start,
    j = 3 * (end < J ? end : end - J);
  return Math.hypot(to[j] - position[i], to[j + 1] - position[i + 1], to[j + 2] - position[i + 2]);
}

/** Capsules, and their shadow. */
function bodyMesh(geometry, uniforms) {
  const material = new ShaderMaterial({
    glslVersion: GLSL3,
    vertexShader: BODY_VERTEX,
    fragmentShader: BODY_FRAGMENT,
    ...SOLID,
    uniforms,
  });
  return new Mesh(geometry, material);
}

/** Of nothing, drawn as characters are: what it takes to make the graphics' programs early. */
export function bareMeshes() {
  const none = () =>
    new BufferGeometry().setAttribute('position', new BufferAttribute(new Float32Array(9), 3));
  return [
    bodyMesh(none(), {}),
    flatMesh(none(), PRINT_VERTEX, PRINT_FRAGMENT, {}, 1),
    flatMesh(none(), PATH_VERTEX, PATH_FRAGMENT, {}, 2),
  ];
}

/** What lies on the floor: see-through, drawn after the floor and in a fixed order. */
function flatMesh(geometry, vertexShader, fragmentShader, uniforms, order) {
  const material = new ShaderMaterial({
    glslVersion: GLSL3,
    vertexShader,
    fragmentShader,
    uniforms,
    transparent: true,
    depthWrite: false,
    side: DoubleSide,
  });
  const mesh = new Mesh(geometry, material);
  mesh.renderOrder = order;
  return mesh;
}

/** All nodes of all frames, frame by frame, as texels. */
function nodeTexture(motion) {
  const { frameCount: T, jointCount: J, tipCount: E, position, tip } = motion;
  const N = J + E,
    height = Math.ceil((T * N) / TEXTURE_WIDTH);
  const texels = new Float32Array(4 * TEXTURE_WIDTH * height);
  for (let t = 0; t < T; t++) {
    for (let n = 0; n < N; n++) {
      const from = n < J ? position : tip,
        i = 3 * (n < J ? t * J + n : t * E + n - J),
        to = 4 * (t * N + n);
      texels[to] = from[i];
      texels[to + 1] = from[i + 1];
      texels[to + 2] = from[i + 2];
    }
  }
  const texture = new DataTexture(texels, TEXTURE_WIDTH, height, RGBAFormat, FloatType);
  texture.minFilter = texture.magFilter = NearestFilter;
  texture.needsUpdate = true;
  return texture;
}

/** A capsule of radius 1 and no length: `side` says to which end a vertex belongs. */
function capsule(around, rings) {
  const position = [],
    side = [],
    index = [];
  const rows = [];
  for (let r = -rings; r <= rings; r++) rows.push(r);
  rows.splice(rings, 1, -0, 0); // two equators
  rows.forEach((r, row) => {
    const lift = ((r / rings) * Math.PI) / 2,
      end = row > rings ? 1 : 0;
    for (let a = 0; a < around; a++) {
      const turn = (a / around) * 2 * Math.PI;
      position.push(
        Math.cos(lift) * Math.cos(turn),
        Math.sin(lift),
        Math.cos(lift) * Math.sin(turn),
      );
      side.push(end);
      if (row) {
        const b = (a + 1) % around,
          low = (row - 1) * around,
          high = row * around;
        // at the poles one of the two triangles has no area
        if (row > 1) index.push(low + a, high + a, low + b);
        if (row < rows.length - 1) index.push(low + b, high + a, high + b);
      }
    }
  });
  const geometry = new InstancedBufferGeometry();
  geometry.setAttribute('position', new BufferAttribute(new Float32Array(position), 3));
  geometry.setAttribute('side', new BufferAttribute(new Float32Array(side), 1));
  geometry.setIndex(index);
  return geometry;
}
