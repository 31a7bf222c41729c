/** A result as a binary glTF file: a node for each joint, one animation, metres. */
import { localRotation } from './bvh_file.js';

const FLOAT = 5126;

/**
 * @param {import('./recording.js').RecordedClip} clip  @param {import('./recording.js').Pose} pose
 * @param {string} name  of the animation
 * @returns {Blob}
 */
export function writeGlb(clip, pose, name) {
  const { jointCount: J, parents, metres, head } = clip,
    T = pose.planted.length;
  const views = [],
    accessors = [],
    parts = [];
  let bytes = 0;
  /** @param {Float32Array} values */
  const add = (values, type, bounds = {}) => {
    views.push({ buffer: 0, byteOffset: bytes, byteLength: values.byteLength });
    const size = { SCALAR: 1, VEC3: 3, VEC4: 4 }[type];
    accessors.push({
      bufferView: views.length - 1,
      componentType: FLOAT,
      count: values.length / size,
      type,
      ...bounds,
    });
    parts.push(values);
    bytes += values.byteLength;
    return accessors.length - 1;
  };
  const seconds = Float32Array.from({ length: T }, (_, t) => t * head.motion.frame_time_seconds);
  const input = add(seconds, 'SCALAR', { min: [seconds[0]], max: [seconds[T - 1]] });
  const samplers = [],
    channels = [];
  const animate = (node, path, output) => {
    samplers.push({ input, output, interpolation: 'LINEAR' });
    channels.push({ sampler: samplers.length - 1, target: { node, path } });
  };
  const nodes = clip.names.map((joint, j) => {
    const turns = new Float32Array(T * 4);
    for (let t = 0; t < T; t++) {
      const [w, x, y, z] = localRotation(clip, pose, t, j);
      // the nearer of the two signs, between which a program would go the long way
      const dot = t ? [x, y, z, w].reduce((sum, v, i) => sum + v * turns[4 * (t - 1) + i], 0) : 1;
      turns.set([x, y, z, w].map((value) => (dot < 0 ? -value : value)), 4 * t);
    }
    animate(j, 'rotation', add(turns, 'VEC4'));
    const children = parents.flatMap((parent, child) => (parent === j ? [child] : []));
    return {
      name: joint,
      translation: head.offsets[j].map((value) => metres * value),
      rotation: [...turns.subarray(0, 4)],
      ...(children.length ? { children } : {}),
    };
  });
  const root = Float32Array.from(pose.root, (value) => metres * value);
  nodes[0].translation = [...root.subarray(0, 3)];
  animate(0, 'translation', add(root, 'VEC3'));
  return chunked(
    {
      asset: { version: '2.0', generator: 'Kinestyle' },
      scene: 0,
      scenes: [{ nodes: [0] }],
      nodes,
      animations: [{ name, samplers, channels }],
      accessors,
      bufferViews: views,
      buffers: [{ byteLength: bytes }],
    },
    parts,
    bytes,
  );
}

/** JSON and bytes in one file. */
function chunked(json, parts, bytes) {
  let text = new TextEncoder().encode(JSON.stringify(json));
  const filled = new Uint8Array(Math.ceil(text.length / 4) * 4).fill(0x20);
  filled.set(text);
  const words = (...numbers) => new Uint32Array(numbers);
  return new Blob([
    words(0x46546c67, 2, 12 + 8 + filled.length + 8 + bytes, filled.length, 0x4e4f534a),
    filled,
    words(bytes, 0x004e4942),
    ...parts,
  ]);
}
