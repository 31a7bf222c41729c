/**
 * A character's mesh on one of its motions: joints' matrices are made for the frame that is
 * shown, the rest is the graphics'.
 */
import {
  DataTexture,
  DoubleSide,
  FloatType,
  FrontSide,
  GLSL3,
  Mesh,
  NearestFilter,
  NormalBlending,
  RGBAFormat,
  ShaderMaterial,
} from './three/three.js';
import { MESH_FRAGMENT, MESH_VERTEX, SHADOW_FRAGMENT } from './mesh_shaders.js';
import { SOLID } from './shaders.js';

/** What opacity means: see `cutoff` in the program. */
const CUTOFF = { opaque: () => -1, mask: ({ cutoff }) => Math.min(cutoff, 1), blend: () => 2 };

export class Skin {
  /**
   * @param {import('./mesh.js').Model} model
   * @param {import('./motion.js').Motion} motion  with rotations
   * @param {object} uniforms  of the character
   * @param {boolean} casts  whether it throws its own shadow
   */
  constructor(model, motion, uniforms, casts) {
    this.model = model;
    this.motion = motion;
    this.matrices = new Float32Array(12 * model.bindCount);
    this.palette = new DataTexture(this.matrices, 3, model.bindCount, RGBAFormat, FloatType);
    this.palette.minFilter = this.palette.magFilter = NearestFilter;
    this.frame = -1;
    const all = {
      ...uniforms,
      palette: { value: this.palette },
      painted: { value: model.hasColours ? 1 : 0 },
    };
    const surfaces = model.surfaces.map((surface) => material(surface, all));
    this.meshes = [new Mesh(model.geometry, surfaces)];
    if (casts) {
      const shadow = new ShaderMaterial({
        glslVersion: GLSL3,
        vertexShader: MESH_VERTEX,
        fragmentShader: SHADOW_FRAGMENT,
        side: DoubleSide,
        uniforms: { ...all, shadow: { value: 1 } },
      });
      this.meshes.unshift(new Mesh(model.geometry, shadow));
    }
    for (const mesh of this.meshes) mesh.frustumCulled = false;
  }

  /** @param {number} frame  of the motion; fractional frames are between two */
  show(frame) {
    if (frame === this.frame) return;
    this.frame = frame;
    const { motion, model, matrices } = this,
      { jointCount: J, position, rotation } = motion;
    const first = Math.floor(frame),
      part = frame - first,
      next = Math.min(first + 1, motion.frameCount - 1);
    for (let k = 0; k < model.bindCount; k++) {
      const joint = model.bindJoints[k],
        a = first * J + joint,
        b = next * J + joint;
      writeMatrix(matrices, 12 * k, model.bind, position, rotation, a, b, part);
    }
    this.palette.needsUpdate = true;
  }

  /** @returns {Float32Array} V x 3 metres: where the vertices are, of the frame that is shown */
  vertices() {
    const { position, carriers, weights } = this.model.geometry.attributes;
    const out = new Float32Array(3 * position.count),
      m = this.matrices;
    for (let v = 0; v < position.count; v++) {
      const [x, y, z] = position.array.subarray(3 * v, 3 * v + 3);
      for (let i = 4 * v; i < 4 * v + 4; i++) {
        const w = weights.array[i] / 65535;
        for (let row = 0; row < 3; row++) {
          const r = 12 * carriers.array[i] + 4 * row;
          out[3 * v + row] += w * (m[r] * x + m[r + 1] * y + m[r + 2] * z + m[r + 3]);
        }
      }
    }
    return out;
  }

  /** The model stays: others wear it. */
  dispose() {
    this.palette.dispose();
    for (const mesh of this.meshes) {
      mesh.removeFromParent();
      for (const one of [mesh.material].flat()) one.dispose();
    }
  }
}

/** A joint between two rows of a motion times its bind, as three rows of a matrix. */
function writeMatrix(out, at, bind, position, rotation, a, b, part) {
  // by the shorter way from one to the other
  let dot = 0;
  for (let i = 0; i < 4; i++) dot += rotation[4 * a + i] * rotation[4 * b + i];
  const v = dot < 0 ? -part : part,
    u = 1 - part;
  let w = u * rotation[4 * a] + v * rotation[4 * b],
    x = u * rotation[4 * a + 1] + v * rotation[4 * b + 1],
    y = u * rotation[4 * a + 2] + v * rotation[4 * b + 2],
    z = u * rotation[4 * a + 3] + v * rotation[4 * b + 3];
  const size = Math.hypot(w, x, y, z) || 1;
  w /= size;
  x /= size;
  y /= size;
  z /= size;
  const row = (i, r, s, t) => {
    for (let k = 0; k < 4; k++)
      out[at + 4 * i + k] = r * bind[at + k] + s * bind[at + 4 + k] + t * bind[at + 8 + k];
    out[at + 4 * i + 3] += u * position[3 * a + i] + part * position[3 * b + i];
  };
  row(0, 1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y));
  row(1, 2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x));
  row(2, 2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y));
}

/** @param {import('./mesh.js').Surface} surface  @param {object} uniforms */
function material(surface, uniforms) {
  const blends = surface.alpha === 'blend';
  return new ShaderMaterial({
    glslVersion: GLSL3,
    vertexShader: MESH_VERTEX,
    fragmentShader: MESH_FRAGMENT,
    side: surface.doubleSided ? DoubleSide : FrontSide,
    // what is see-through is drawn last, and hides what lies behind it in the same body
    ...(blends ? { transparent: true, blending: NormalBlending } : SOLID),
    uniforms: {
      ...uniforms,
      shadow: { value: 0 },
      colour: { value: surface.colour },
      image: { value: surface.image },
      cutoff: { value: CUTOFF[surface.alpha](surface) },
      emission: { value: surface.emission },
      unlit: { value: surface.unlit ? 1 : 0 },
    },
  });
}
