/**
 * A clip's own character as the server sends it: triangles, materials, textures, and the joints that
 * carry them. One for all of the clip's motions.
 *
 * @typedef {Object} Model
 * @property {BufferGeometry} geometry
 * @property {Surface[]} surfaces
 * @property {Texture[]} textures
 * @property {number} vertexCount
 * @property {number} bindCount
 * @property {number[]} bindJoints   K joints
 * @property {Float32Array} bind     K x 12: the rows of a matrix from the mesh to the joint, metres
 * @property {boolean} hasColours
 * @property {number} [top]          metres above the floor, in the first pose that it was shown in
 * @property {string[]} notes
 * @property {() => void} dispose
 *
 * @typedef {Object} Surface         how triangles look
 * @property {number[]} colour
 * @property {Texture} image
 * @property {'opaque' | 'mask' | 'blend'} alpha
 * @property {number} cutoff
 * @property {number[]} emission
 * @property {boolean} doubleSided
 * @property {boolean} unlit
 */
import {
  BufferAttribute,
  BufferGeometry,
  ClampToEdgeWrapping,
  DataTexture,
  LinearFilter,
  LinearMipmapLinearFilter,
  MirroredRepeatWrapping,
  RepeatWrapping,
  Texture,
} from './three/three.js';
import { CONTACT_ROLES } from './motion.js';

/** Pixels of a texture's longer side; larger ones are made smaller. */
const MOST_PIXELS = 2048;

const WRAPPING = {
  repeat: RepeatWrapping,
  clamp: ClampToEdgeWrapping,
  mirror: MirroredRepeatWrapping,
};

/**
 * @param {ArrayBuffer} buffer
 * @param {import('./motion.js').Motion} motion  of the clip
 * @returns {Promise<Model>}
 */
export async function readModel(buffer, motion) {
  const length = new DataView(buffer).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const { vertex_count: V, triangle_count: F, bind_count: K } = head;
  let at = 4 + length;
  const take = (Kind, count) => {
    const part = new Kind(buffer, at, count);
    at += 4 * Math.ceil(part.byteLength / 4);
    return part;
  };
  const bind = take(Float32Array, 12 * K).map((value) => value * motion.metresPerUnit);
  const attributes = {
    position: new BufferAttribute(take(Float32Array, 3 * V), 3),
    uv: new BufferAttribute(take(Float32Array, 2 * V), 2),
    normal: new BufferAttribute(take(Int16Array, 4 * V), 4, true),
    carriers: new BufferAttribute(take(Uint16Array, 4 * V), 4),
    weights: new BufferAttribute(take(Uint16Array, 4 * V), 4, true),
  };
  if (head.has_colours)
    attributes.paint = new BufferAttribute(take(Uint8Array, 4 * V), 4, true);
  const feet = feetOf(attributes, head.bind_joints, motion);
  attributes.foot = new BufferAttribute(feet, 2);
  const geometry = new BufferGeometry();
  for (const [name, attribute] of Object.entries(attributes))
    geometry.setAttribute(name, attribute);
  geometry.setIndex(new BufferAttribute(take(Uint32Array, 3 * F), 1));
  for (const { first, count, material } of head.runs)
    geometry.addGroup(3 * first, 3 * count, material);
  const pictures = head.images.map(({ type, bytes }) =>
    picture(new Blob([take(Uint8Array, bytes)], { type })),
  );
  const bitmaps = await Promise.all(pictures);
  const { surfaces, textures } = dressed(head.materials, bitmaps);
  return {
    geometry,
    surfaces,
    textures,
    vertexCount: V,
    bindCount: K,
    bindJoints: head.bind_joints,
    bind,
    hasColours: head.has_colours,
    notes: head.notes,
    dispose() {
      geometry.dispose();
      for (const texture of textures) texture.dispose();
      for (const bitmap of bitmaps) bitmap?.close();
    },
  };
}

/** @param {Blob} file  @returns {Promise<ImageBitmap | null>} null for what is no picture */
async function picture(file) {
  const asIs = { premultiplyAlpha: 'none', colorSpaceConversion: 'none' };
  try {
    const bitmap = await createImageBitmap(file, asIs);
    const share = MOST_PIXELS / Math.max(bitmap.width, bitmap.height);
    if (share >= 1) return bitmap;
    const small = await createImageBitmap(bitmap, {
      ...asIs,
      resizeWidth: Math.max(1, Math.round(bitmap.width * share)),
      resizeHeight: Math.max(1, Math.round(bitmap.height * share)),
      resizeQuality: 'medium',
    });
    bitmap.close();
    return small;
  } catch {
    return null;
  }
}

/** Each picture is a texture for each way in which it goes on beyond its edges. */
function dressed(materials, bitmaps) {
  const plain = new DataTexture(new Uint8Array([255, 255, 255, 255]), 1, 1);
  plain.needsUpdate = true;
  const known = new Map();
  const surfaces = materials.map(({ double_sided: doubleSided, image, wrap, ...rest }) => {
    const bitmap = bitmaps[image];
    if (!bitmap) return { ...rest, doubleSided, image: plain };
    const key = [image, ...wrap].join();
    if (!known.has(key)) known.set(key, asTexture(bitmap, wrap));
    return { ...rest, doubleSided, image: known.get(key) };
  });
  return { surfaces, textures: [plain, ...known.values()] };
}

function asTexture(bitmap, [across, up]) {
  const texture = new Texture(bitmap);
  texture.flipY = false;
  texture.wrapS = WRAPPING[across];
  texture.wrapT = WRAPPING[up];
  texture.minFilter = LinearMipmapLinearFilter;
  texture.magFilter = LinearFilter;
  texture.anisotropy = 4;
  texture.needsUpdate = true;
  return texture;
}

/**
 * Which contact a vertex is of, and how much of it: feet are coloured while they stand.
 * @returns {Float32Array} V x 2
 */
function feetOf({ carriers, weights }, bindJoints, { parents, roles }) {
  const contacts = parents.map(() => -1);
  CONTACT_ROLES.forEach((role, contact) => {
    if (roles[role] !== undefined) contacts[roles[role]] = contact;
  });
  const of = parents.map((_, joint) => {
    let at = joint;
    while (at >= 0 && contacts[at] < 0) at = parents[at];
    return at < 0 ? -1 : contacts[at];
  });
  const ofBind = bindJoints.map((joint) => of[joint]);
  const feet = new Float32Array(weights.count * 2),
    shares = [0, 0, 0, 0];
  for (let v = 0; v < weights.count; v++) {
    shares.fill(0);
    for (let i = 4 * v; i < 4 * v + 4; i++) {
      const contact = ofBind[carriers.array[i]];
      if (contact >= 0) shares[contact] += weights.array[i] / 65535;
    }
    const most = Math.max(...shares);
    feet[2 * v] = most > 0 ? shares.indexOf(most) : -1;
    feet[2 * v + 1] = most;
  }
  return feet;
}
