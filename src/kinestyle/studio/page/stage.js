/**
 * The viewport: cells that each show some characters, with one camera for all of them, moved along
 * with what each cell follows. Side by side are two cells, overlaid is one cell with two
 * characters, the grid is many.
 */
import {
  DoubleSide,
  GLSL3,
  Mesh,
  PerspectiveCamera,
  PlaneGeometry,
  Scene,
  ShaderMaterial,
  Vector3,
  WebGLRenderer,
} from './three/three.js';
import { OrbitControls } from './three/three.js';
import { colourUniforms, readColours } from './colours.js';
import { FLOOR_FRAGMENT, FLOOR_VERTEX, LIGHT } from './shaders.js';

const FIELD_OF_VIEW = 32;

/**
 * Milliseconds of a frame above which fewer pixels are drawn while playing, and below which more.
 */
const TOO_SLOW_MS = 30,
  QUICK_MS = 14;

/**
 * @typedef {import('./character.js').Character} Character
 * @typedef {Object} Cell
 * @property {Character[]} characters  the first one is followed
 * @property {string} label
 */

/** Height and width of what a cell has to show of a body, in its heights, half of each. */
const HALF_HEIGHT = 0.72,
  HALF_WIDTH = 0.45;

/** @returns {number} how large a body is drawn in a cell of this size, up to a factor */
export const bodySize = (width, height) => Math.min(height / HALF_HEIGHT, width / HALF_WIDTH);

export class Stage {
  /** Called when the viewport has another size. */
  resized = () => {};
  /** Whether the camera goes along with the hips. */
  follow = true;
  /** Whether the person has moved the camera since it was fitted. */
  isTurned = false;
  /** Which of the extras on the floor are shown. */
  layers = { path: true, prints: true };

  /**
   * A stage; without WebGL there is none, and the person is told.
   * @param {HTMLCanvasElement} canvas  @param {import('./notices.js').Notices} notices
   */
  static on(canvas, notices) {
    try {
      return new Stage(canvas);
    } catch (error) {
      notices.fail('This browser has no WebGL: switch hardware acceleration on, or use another.');
      throw error;
    }
  }

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.renderer = new WebGLRenderer({
      canvas,
      antialias: true,
      powerPreference: 'high-performance',
    });
    this.renderer.autoClear = false;
    this.colours = colourUniforms();
    this.shared = {
      ...this.colours,
      centre: { value: new Vector3() },
      reach: { value: 14 },
      light: { value: new Vector3(...LIGHT).normalize() },
    };
    this.camera = new PerspectiveCamera(FIELD_OF_VIEW, 1, 0.05, 200);
    this.eye = new PerspectiveCamera(FIELD_OF_VIEW, 1, 0.05, 200);
    this.scene = new Scene();
    this.floor = this.#floorMesh();
    this.scene.add(this.floor);
    this.controls = new OrbitControls(this.camera, canvas);
    this.controls.enableDamping = false;
    this.controls.maxPolarAngle = Math.PI * 0.495;
    this.controls.minDistance = 0.6;
    this.controls.maxDistance = 40;
    this.controls.addEventListener('change', () => this.touch());
    this.controls.addEventListener('start', () => (this.isTurned = true));
    /** @type {Cell[]} */
    this.cells = [];
    this.columns = 1;
    this.rows = 1;
    this.anchor = new Vector3();
    this.dirty = true;
    this.sharpness = 1; // share of the device's pixels while playing
    this.meanMs = 16;
    new ResizeObserver(() => this.#resize()).observe(canvas);
    this.recolour();
    this.#resize();
  }

  /**
   * Let the graphics make the programs of what will be drawn, beside all else that the page waits
   * for; the first drawing would wait for each.
   * @param {Mesh[]} meshes  which hold on to the programs
   */
  prepare(meshes) {
    this.prepared = new Scene();
    this.prepared.add(this.floor.clone(), ...meshes);
    this.renderer.compile(this.prepared, this.eye);
  }

  /** Something has changed: draw at the next opportunity. */
  touch() {
    this.dirty = true;
  }

  recolour() {
    readColours(this.colours);
    this.touch();
  }

  /**
   * @param {Cell[]} cells
   * @param {number} columns
   * @param {number} rows
   */
  setCells(cells, columns, rows) {
    for (const cell of this.cells)
      for (const character of cell.characters) character.group.removeFromParent();
    const reshaped = columns !== this.columns || rows !== this.rows;
    this.cells = cells;
    this.columns = columns;
    this.rows = rows;
    for (const cell of cells)
      for (const character of cell.characters) this.scene.add(character.group);
    if (reshaped) this.fit();
    this.touch();
  }

  /** The camera back to where a body fills its cell. */
  fit() {
    const height = this.cells[0]?.characters[0]?.height ?? 1.8;
    const aspect = this.#cellAspect();
    const half = Math.tan((FIELD_OF_VIEW * Math.PI) / 360);
    let wanted = height / (half * bodySize(aspect, 1));
    if (!this.follow)
      wanted = Math.max(
        wanted,
        (this.#pathReach() * 0.62 + height * 0.4) / (half * Math.min(aspect, 1.6)),
      );
    this.isTurned = false;
    this.controls.target.set(0, height * 0.5, 0);
    this.camera.position
      .set(0.62, 0.22, 0.74)
      .normalize()
      .multiplyScalar(wanted)
      .add(this.controls.target);
    this.controls.update();
    this.touch();
  }

  /** @param {number} factor  below 1 is nearer */
  zoom(factor) {
    this.isTurned = true;
    const { camera, controls } = this;
    camera.position.sub(controls.target);
    const far = Math.min(
      Math.max(camera.position.length() * factor, controls.minDistance),
      controls.maxDistance,
    );
    camera.position.setLength(far).add(controls.target);
    controls.update();
    this.touch();
  }

  /** @param {number} across  @param {number} up  radians about the body */
  turn(across, up) {
    this.isTurned = true;
    const { camera, controls } = this;
    const offset = camera.position.clone().sub(controls.target);
    const far = offset.length(),
      steep = Math.min(Math.max(Math.acos(offset.y / far) + up, 0.05), controls.maxPolarAngle);
    const round = Math.atan2(offset.x, offset.z) + across;
    camera.position
      .set(Math.sin(steep) * Math.sin(round), Math.cos(steep), Math.sin(steep) * Math.cos(round))
      .multiplyScalar(far)
      .add(controls.target);
    controls.update();
    this.touch();
  }

  setFollow(follow) {
    this.follow = follow;
    this.fit();
  }

  /**
   * @param {number} frame    what the clock says
   * @param {boolean} moving  whether the next frame comes at once
   * @param {number} ms       since the last one
   */
  draw(frame, moving, ms) {
    this.#adapt(moving, ms);
    if (!moving && !this.dirty) return;
    this.dirty = false;
    const { renderer, cells, columns, rows, width, height } = this;
    renderer.setScissorTest(false);
    const g = this.colours.ground.value;
    const gl = renderer.getContext();
    gl.clearColor(g.x, g.y, g.z, 1);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    renderer.setScissorTest(true);
    for (const cell of cells)
      for (const character of cell.characters) character.group.visible = false;
    const w = width / columns,
      h = height / rows;
    for (let i = 0; i < cells.length; i++) {
      const left = Math.round((i % columns) * w),
        top = Math.round(Math.floor(i / columns) * h);
      this.#drawCell(cells[i], frame, left, top, Math.round(w), Math.round(h));
    }
  }

  #drawCell(cell, frame, left, top, w, h) {
    const { renderer, eye, camera, shared } = this;
    renderer.setViewport(left, this.height - top - h, w, h);
    renderer.setScissor(left, this.height - top - h, w, h);
    const lead = cell.characters[0];
    for (let i = 0; i < cell.characters.length; i++) {
      const character = cell.characters[i];
      character.show(frame);
      character.group.visible = true;
      if (character.prints) character.prints.visible = this.layers.prints;
      if (character.trail) character.trail.visible = this.layers.path;
    }
    if (lead) {
      if (this.follow) lead.anchor(this.anchor);
      else this.anchor.set(lead.middle.x, 0, lead.middle.z);
    }
    eye.aspect = w / h;
    eye.updateProjectionMatrix();
    eye.position.copy(camera.position).add(this.anchor);
    eye.quaternion.copy(camera.quaternion);
    shared.centre.value.copy(this.anchor);
    shared.reach.value = Math.max(14, camera.position.length() * 2.2);
    renderer.render(this.scene, eye);
    for (let i = 0; i < cell.characters.length; i++) cell.characters[i].group.visible = false;
  }

  #cellAspect() {
    return this.width / this.columns / (this.height / this.rows);
  }

  #pathReach() {
    let reach = 0;
    for (const cell of this.cells)
      for (const character of cell.characters) reach = Math.max(reach, character.middle.reach);
    return reach;
  }

  #floorMesh() {
    const material = new ShaderMaterial({
      glslVersion: GLSL3,
      vertexShader: FLOOR_VERTEX,
      fragmentShader: FLOOR_FRAGMENT,
      uniforms: this.shared,
      side: DoubleSide,
    });
    const mesh = new Mesh(new PlaneGeometry(2, 2), material);
    mesh.frustumCulled = false;
    mesh.renderOrder = -1;
    return mesh;
  }

  /** Weak graphics: fewer pixels while it moves, all of them when it stands. */
  #adapt(moving, ms) {
    const full = Math.min(devicePixelRatio, 2);
    let wanted = full;
    if (moving) {
      // a second and more is no slow frame but a page that was not looked at
      if (ms < 1000) this.meanMs += 0.05 * (ms - this.meanMs);
      if (this.meanMs > TOO_SLOW_MS && this.sharpness > 0.5) this.sharpness *= 0.98;
      else if (this.meanMs < QUICK_MS && this.sharpness < 1)
        this.sharpness = Math.min(1, this.sharpness * 1.02);
      wanted = (full * Math.ceil(this.sharpness * 4)) / 4;
    }
    if (Math.abs(this.renderer.getPixelRatio() - wanted) > 1e-3) {
      this.renderer.setPixelRatio(wanted);
      this.touch();
    }
  }

  #resize() {
    const w = this.canvas.clientWidth || 1,
      h = this.canvas.clientHeight || 1;
    const first = !this.width;
    const before = first ? 1 : this.#cellAspect();
    this.width = w;
    this.height = h;
    this.renderer.setSize(w, h, false);
    this.resized();
    if (first || Math.abs(before / this.#cellAspect() - 1) > 0.25) this.fit();
    this.touch();
  }
}
