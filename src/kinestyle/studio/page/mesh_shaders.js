/**
 * Drawing a character's mesh: four carriers a vertex, whose matrices lie in a texture, and the light
 * of shaders.js. Colours are sRGB and go out as they are.
 */
import { FADE } from './shaders.js';

export const MESH_VERTEX = /* glsl */ `
  precision highp float;
  precision highp sampler2D;
  in vec4 carriers;
  in vec4 weights;
  in vec4 paint;
  in vec2 foot;        // which contact, and how much of the vertex it carries
  uniform sampler2D palette;  // three rows of a matrix a carrier
  uniform float painted;
  uniform float shadow;
  uniform vec3 light;
  uniform vec4 slide;
  out vec3 facing;
  out vec3 worldPosition;
  out vec4 tone;
  out vec2 at;
  out vec2 slid;       // of a planted foot, and how much of it this is
  void main() {
    vec4 x = vec4(0.0), y = vec4(0.0), z = vec4(0.0);
    for (int i = 0; i < 4; i++) {
      float w = weights[i];
      if (w <= 0.0) continue;
      int row = int(carriers[i]);
      x += w * texelFetch(palette, ivec2(0, row), 0);
      y += w * texelFetch(palette, ivec2(1, row), 0);
      z += w * texelFetch(palette, ivec2(2, row), 0);
    }
    vec4 p = vec4(position, 1.0);
    worldPosition = vec3(dot(x, p), dot(y, p), dot(z, p));
    facing = vec3(dot(x.xyz, normal), dot(y.xyz, normal), dot(z.xyz, normal));
    if (shadow > 0.5) {
      worldPosition -= light * (max(worldPosition.y, 0.0) / light.y);
      worldPosition.y = 0.003;
    }
    tone = painted > 0.5 ? paint : vec4(1.0);
    at = uv;
    int contact = int(foot.x);
    slid = contact < 0 ? vec2(-1.0, 0.0) : vec2(slide[contact], foot.y);
    gl_Position = projectionMatrix * viewMatrix * vec4(worldPosition, 1.0);
  }
`;

/** A planted foot is coloured, and one body over another is tinted. */
export const MESH_FRAGMENT = /* glsl */ `
  precision highp float;
  in vec3 facing;
  in vec3 worldPosition;
  in vec4 tone;
  in vec2 at;
  in vec2 slid;
  uniform vec4 colour;
  uniform sampler2D image;
  uniform float cutoff;      // below 0 opacity means nothing, above 1 it is drawn as it is
  uniform vec3 emission;
  uniform float unlit;
  uniform float opacity;
  uniform vec3 tint;
  uniform vec3 still;
  uniform vec3 slow;
  uniform vec3 sliding;
  uniform vec3 light;
  out vec4 drawn;
  void main() {
    vec4 base = colour * tone * texture(image, at);
    if (cutoff > 1.0 ? base.a < 0.03 : base.a < cutoff) discard;
    vec3 c = base.rgb;
    if (slid.x >= 0.0) {
      vec3 mark = slid.x >= 0.45
        ? mix(slow, sliding, min((slid.x - 0.45) / 0.55, 1.0))
        : mix(still, slow, slid.x / 0.45);
      c = mix(c, mark, 0.6 * slid.y);
    }
    if (opacity < 1.0) c = mix(c, tint, 0.45);
    vec3 n = normalize(facing) * (gl_FrontFacing ? 1.0 : -1.0);
    float lit = pow(dot(n, light) * 0.5 + 0.5, 1.4);
    float rim = pow(1.0 - abs(dot(n, normalize(cameraPosition - worldPosition))), 3.0);
    vec3 shaded = c * mix(0.50, 0.97, lit) + (0.03 * lit + 0.06 * rim * (n.y * 0.5 + 0.5));
    c = mix(shaded, c, unlit * 0.75) + emission;
    drawn = vec4(c, cutoff > 1.0 ? base.a * opacity : opacity);
  }
`;

export const SHADOW_FRAGMENT = /* glsl */ `
  precision highp float;
  in vec3 worldPosition;
  uniform vec3 shade;
  uniform float opacity;
  ${FADE}
  out vec4 drawn;
  void main() {
    if (opacity < 1.0) discard;
    drawn = vec4(mix(ground, shade, fade(worldPosition)), 1.0);
  }
`;
