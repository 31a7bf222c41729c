/**
 * The viewer's drawing programs. Bodies, their shadows, footprints and the floor share one light
 * and one fade into the distance. Colours are sRGB as in theme.css and go out as they are.
 */

import { CustomBlending, OneFactor, ZeroFactor } from './three/three.js';

/** A body half there, whatever the order of drawing; the canvas itself stays opaque. */
export const SOLID = {
  alphaToCoverage: true,
  blending: CustomBlending,
  blendSrc: OneFactor,
  blendDst: ZeroFactor,
  blendSrcAlpha: ZeroFactor,
  blendDstAlpha: OneFactor,
};

/** Towards the light. */
export const LIGHT = [0.42, 0.82, 0.38];

export const FADE = /* glsl */ `
  uniform vec3 centre;
  uniform vec3 ground;
  uniform float reach;
  float fade(vec3 at) {
    float d = distance(at.xz, centre.xz) / reach;
    return 1.0 - smoothstep(0.35, 1.0, d);
  }
`;

/**
 * One capsule an instance. The nodes' positions of the whole clip lie in a texture, so that a frame
 * costs one number. Instances with `mark.y` = 1 are the same capsules thrown onto the floor along
 * the light: the shadow, in the same draw call.
 */
export const BODY_VERTEX = /* glsl */ `
  precision highp float;
  precision highp sampler2D;
  in float side;       // 0 at the start, 1 at the end
  in vec4 bone;        // start node, end node, start radius, end radius
  in vec2 span;        // from where to where between the nodes
  in vec3 mark;        // contact or -1, shadow, bodily
  uniform sampler2D nodes;
  uniform int nodeCount;
  uniform int lastFrame;
  uniform float frame;
  // metres a second of the four planted joints over SLIDING_M_S, below 0 where not planted
  uniform vec4 slide;
  uniform vec3 light;
  out vec3 facing;
  out vec3 worldPosition;
  flat out float slid;
  flat out float shadow;
  flat out float bodily;

  vec3 fetch(int f, int node) {
    int texel = f * nodeCount + node;
    // a row of the texture is 2048 texels
    return texelFetch(nodes, ivec2(texel & 2047, texel >> 11), 0).xyz;
  }
  vec3 at(int node) {
    int f = int(frame);
    return mix(fetch(f, node), fetch(min(f + 1, lastFrame), node), fract(frame));
  }
  void main() {
    vec3 a = at(int(bone.x));
    vec3 b = at(int(bone.y));
    vec3 along = b - a;
    float size = length(along);
    vec3 y = size > 1e-5 ? along / size : vec3(0.0, 1.0, 0.0);
    vec3 x = normalize(cross(y, abs(y.y) < 0.9 ? vec3(0.0, 1.0, 0.0) : vec3(1.0, 0.0, 0.0)));
    vec3 z = cross(x, y);
    facing = x * position.x + y * position.y + z * position.z;
    worldPosition = mix(a, b, mix(span.x, span.y, side)) + facing * mix(bone.z, bone.w, side);
    shadow = mark.y;
    if (shadow > 0.5) {
      worldPosition -= light * (max(worldPosition.y, 0.0) / light.y);
      worldPosition.y = 0.003;
    }
    int contact = int(mark.x);
    slid = contact < 0 || contact > 3 ? -1.0 : slide[contact];
    bodily = mark.z;
    gl_Position = projectionMatrix * viewMatrix * vec4(worldPosition, 1.0);
  }
`;

export const BODY_FRAGMENT = /* glsl */ `
  precision highp float;
  in vec3 facing;
  in vec3 worldPosition;
  flat in float slid;
  flat in float shadow;
  flat in float bodily;
  uniform vec3 tint;
  uniform vec3 shade;
  uniform vec3 still;
  uniform vec3 slow;
  uniform vec3 sliding;
  uniform vec3 light;
  uniform float opacity;
  ${FADE}
  out vec4 colour;
  void main() {
    if (shadow > 0.5) {
      if (opacity < 1.0) discard;
      colour = vec4(mix(ground, shade, fade(worldPosition)), 1.0);
      return;
    }
    vec3 n = normalize(facing);
    vec3 base = tint;
    if (slid >= 0.45) base = mix(slow, sliding, min((slid - 0.45) / 0.55, 1.0));
    else if (slid >= 0.0) base = mix(still, slow, slid / 0.45);
    else if (bodily < 0.5) base = mix(tint, ground, 0.25);
    float lit = pow(dot(n, light) * 0.5 + 0.5, 1.4);
    float rim = pow(1.0 - abs(dot(n, normalize(cameraPosition - worldPosition))), 3.0);
    vec3 c = base * mix(0.50, 1.06, lit) + (0.10 * lit + 0.10 * rim * (n.y * 0.5 + 0.5));
    colour = vec4(c, opacity);
  }
`;

/** The floor: a line each metre, a stronger one each five, gone in the distance. */
export const FLOOR_VERTEX = /* glsl */ `
  out vec3 worldPosition;
  uniform vec3 centre;
  uniform float reach;
  void main() {
    worldPosition = vec3(position.x * reach + centre.x, 0.0, position.y * reach + centre.z);
    gl_Position = projectionMatrix * viewMatrix * vec4(worldPosition, 1.0);
  }
`;

export const FLOOR_FRAGMENT = /* glsl */ `
  precision highp float;
  in vec3 worldPosition;
  uniform vec3 grid;
  ${FADE}
  out vec4 colour;
  float lines(vec2 at, float step, float width) {
    vec2 cell = at / step;
    vec2 pixel = fwidth(cell);
    vec2 near = abs(fract(cell - 0.5) - 0.5) / max(pixel, 1e-6);
    vec2 drawn = (1.0 - clamp(near - width, 0.0, 1.0)) * (1.0 - smoothstep(0.25, 0.6, pixel));
    return max(drawn.x, drawn.y);
  }
  void main() {
    float there = max(lines(worldPosition.xz, 1.0, 0.2) * 0.75, lines(worldPosition.xz, 5.0, 0.7));
    colour = vec4(mix(ground, grid, there * fade(worldPosition)), 1.0);
  }
`;

/**
 * A footprint an instance: a sole, tinted by how far the foot slid while it stood there; darker
 * once it has been left there.
 */
export const PRINT_VERTEX = /* glsl */ `
  in vec4 spot;   // x, z, turn, length
  in vec3 story;  // first frame, last frame, slide
  uniform float frame;
  out vec2 sole;
  out vec3 worldPosition;
  flat out float slid;
  flat out float shown;
  void main() {
    sole = position.xy;
    vec2 local = vec2(position.x * 0.19, position.y * 0.5) * spot.w;
    float c = cos(spot.z), s = sin(spot.z);
    vec2 turned = vec2(local.x * c + local.y * s, local.y * c - local.x * s);
    worldPosition = vec3(spot.x + turned.x, 0.005, spot.y + turned.y);
    slid = story.z;
    shown = frame + 0.5 < story.x ? 0.22 : frame <= story.y + 0.5 ? 0.95 : 0.6;
    gl_Position = projectionMatrix * viewMatrix * vec4(worldPosition, 1.0);
  }
`;

export const PRINT_FRAGMENT = /* glsl */ `
  precision highp float;
  in vec2 sole;
  in vec3 worldPosition;
  flat in float slid;
  flat in float shown;
  uniform vec3 still;
  uniform vec3 slow;
  uniform vec3 sliding;
  ${FADE}
  out vec4 colour;
  void main() {
    float waist = 0.80 + 0.20 * sole.y * sole.y;
    float ball = length(vec2(sole.x / waist, max(abs(sole.y) - 0.55, 0.0) / 0.45));
    float inside = 1.0 - smoothstep(0.86, 1.0, ball);
    float heel = smoothstep(0.02, 0.06, abs(sole.y + 0.28));
    vec3 c = slid < 0.45
      ? mix(still, slow, slid / 0.45)
      : mix(slow, sliding, min((slid - 0.45) / 0.55, 1.0));
    colour = vec4(c, inside * heel * shown * 0.75 * fade(worldPosition));
    if (colour.a < 0.01) discard;
  }
`;

/** The path of the hips, thrown onto the floor: a ribbon; what is still to come is fainter. */
export const PATH_VERTEX = /* glsl */ `
  in vec2 across;
  in float when;
  uniform float width;
  out vec3 worldPosition;
  out float time;
  void main() {
    worldPosition = vec3(position.x + across.x * width, 0.004, position.z + across.y * width);
    time = when;
    gl_Position = projectionMatrix * viewMatrix * vec4(worldPosition, 1.0);
  }
`;

export const PATH_FRAGMENT = /* glsl */ `
  precision highp float;
  in vec3 worldPosition;
  in float time;
  uniform vec3 tint;
  uniform float frame;
  ${FADE}
  out vec4 colour;
  void main() { colour = vec4(tint, (time <= frame ? 0.85 : 0.30) * fade(worldPosition)); }
`;
