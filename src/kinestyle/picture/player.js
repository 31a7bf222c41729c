// Plays clips in a page of their own, with nothing but a canvas. `play(data, root)` is called once,
// with what notebook.py packed.
"use strict";

function play(data, root) {
  const { azimuth, elevation, distance_m: DISTANCE_M, nearest_share: NEAREST_SHARE } = data.camera;
  const { light: LIGHT, colours: COLOURS } = data;
  const NOTHING = -1e30; // the depth where no surface is
  const HOME = { azimuth, elevation, zoom: 1 };
  const view = { ...HOME };
  const state = {
    time: 0,
    speed: 1,
    running: !matchMedia("(prefers-reduced-motion: reduce)").matches,
    visible: true,
    last: 0,
    cost: 0, // milliseconds that a picture takes
  };
  const clips = data.clips.map(unpack);
  const panels = clips.map((clip) => new Panel(clip));

  function bytes(text) {
    return Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer;
  }

  function unpack(clip) {
    const whole = new Int16Array(bytes(clip.position)), position = new Float32Array(whole.length);
    for (let i = 0; i < whole.length; i++) position[i] = whole[i] * clip.unit_m;
    const contact = new Uint8Array(bytes(clip.contact));
    return { ...clip, position, contact, points: clip.radius.length };
  }

  // Where every point is at a time: between two frames, and at rest after the last one.
  function pose(clip, seconds) {
    const at = Math.min(Math.max(seconds / clip.frame_seconds, 0), clip.frames - 1);
    const low = Math.floor(at), high = Math.min(low + 1, clip.frames - 1), weight = at - low;
    const mix = (a, b) => a * (1 - weight) + b * weight;
    const size = clip.points * 3, position = new Float32Array(size);
    for (let i = 0; i < size; i++) {
      position[i] = mix(clip.position[low * size + i], clip.position[high * size + i]);
    }
    const target = clip.path[low].map((x, k) => mix(x, clip.path[high][k]));
    return { position, target, frame: Math.round(at) };
  }

  function axes() {
    const c = Math.cos(view.azimuth), s = Math.sin(view.azimuth);
    const u = Math.cos(view.elevation), d = Math.sin(view.elevation);
    return { right: [c, 0, s], up: [d * s, u, -d * c], near: [-s * u, d, c * u] };
  }

  function Panel(clip) {
    this.clip = clip;
    this.box = document.createElement("div");
    this.box.className = "panel";
    this.canvas = document.createElement("canvas");
    this.body = document.createElement("canvas");
    this.shade = document.createElement("canvas");
    this.box.append(this.canvas);
    if (clip.label) {
      const label = document.createElement("div");
      label.className = "label";
      const dot = document.createElement("i");
      dot.style.background = `rgb(${clip.colours[0]})`;
      label.append(dot, clip.label);
      this.box.append(label);
    }
    root.querySelector(".panels").append(this.box);
    drag(this.canvas);
  }

  Panel.prototype.draw = function (seconds) {
    const ratio = Math.max(1, Math.min(window.devicePixelRatio || 1, 2));
    const rect = this.canvas.getBoundingClientRect();
    const width = Math.max(1, Math.round(rect.width * ratio));
    const height = Math.max(1, Math.round(rect.height * ratio));
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
    }
    const now = pose(this.clip, seconds), { right, up, near } = axes();
    const fit = Math.min((0.46 * width) / data.half_m, (0.8 * height) / data.tall_m);
    const scale = view.zoom * fit, middle = 0.5 * data.tall_m;
    // from the stage to pixels right, down and near; depth in local pixels, as picture/camera.py
    const project = (x, y, z) => {
      const dx = x - now.target[0], dy = y - middle, dz = z - now.target[1];
      const r = dx * right[0] + dz * right[2], u = dx * up[0] + dy * up[1] + dz * up[2];
      const n = dx * near[0] + dy * near[1] + dz * near[2];
      const larger = 1 / Math.max(1 - n / DISTANCE_M, NEAREST_SHARE), k = scale * larger;
      const depth = scale * DISTANCE_M * Math.log(larger);
      return [width / 2 + k * r, height * 0.53 - k * u, depth, k];
    };
    const pen = this.canvas.getContext("2d");
    drawPaper(pen, width, height);
    if (view.elevation > 0.02) drawGrid(pen, width, project, now);
    this.drawShadow(pen, width, height, project, now);
    drawFeet(pen, this.clip, project, now);
    const fine = ratio < 1.5 && !(state.running && state.cost > 30) ? 2 : 1;
    this.drawFigure(pen, width, height, project, now, fine);
  };

  function drawPaper(pen, width, height) {
    const paper = pen.createLinearGradient(0, 0, 0, height);
    paper.addColorStop(0, `rgb(${COLOURS.top})`);
    paper.addColorStop(1, `rgb(${COLOURS.bottom})`);
    pen.fillStyle = paper;
    pen.fillRect(0, 0, width, height);
  }

  function drawGrid(pen, width, project, now) {
    const step = 0.5, far = 3.5;
    pen.lineWidth = Math.max(1, width / 500);
    for (const along of [0, 1]) {
      const across = now.target[1 - along], from = now.target[along];
      const first = Math.ceil((across - far) / step), last = Math.floor((across + far) / step);
      for (let i = first; i <= last; i++) {
        const line = i * step, off = Math.abs(line - across);
        const reach = Math.sqrt(far * far - off * off);
        const at = (t) => (along ? project(line, 0, t) : project(t, 0, line));
        // in pieces, so that each can be as faint as it is far
        for (let piece = -8; piece < 8; piece++) {
          const a = (piece / 8) * reach, b = ((piece + 1) / 8) * reach;
          const fade = 1 - Math.hypot(off, (a + b) / 2) / far;
          if (fade <= 0.02) continue;
          const p = at(from + a), q = at(from + b);
          pen.strokeStyle = `rgba(150,162,182,${0.55 * fade})`;
          pen.beginPath();
          pen.moveTo(p[0], p[1]);
          pen.lineTo(q[0], q[1]);
          pen.stroke();
        }
      }
    }
  }

  // Two small pictures of the shadow, a soft and a sharper one; being enlarged blurs them.
  Panel.prototype.drawShadow = function (pen, width, height, project, now) {
    const clip = this.clip, small = this.shade, brush = small.getContext("2d");
    const { right, up, near } = axes(), p = now.position;
    const toward = right.map((x, i) => LIGHT[0] * x + LIGHT[1] * up[i] + LIGHT[2] * near[i]);
    const flat = Math.max(Math.sin(Math.abs(view.elevation)), 0.45);
    const foot = (i) => {
      const y = Math.max(p[3 * i + 1], 0), lean = toward[1] > 0.3 ? y / toward[1] : 0;
      return project(p[3 * i] - lean * toward[0], 0, p[3 * i + 2] - lean * toward[2]);
    };
    for (const [shrink, wider] of [[14, 1.5], [6, 1]]) {
      small.width = Math.ceil(width / shrink);
      small.height = Math.ceil(height / shrink);
      brush.lineCap = "round";
      brush.strokeStyle = `rgb(${COLOURS.shadow})`;
      for (const [a, b] of clip.cones) {
        if (clip.radius[a] < 0.02) continue;
        const [ax, ay, , k] = foot(a), [bx, by] = foot(b);
        brush.lineWidth = Math.max(0.7, (2 * clip.radius[a] * k * flat * wider) / shrink);
        brush.beginPath();
        brush.moveTo(ax / shrink, ay / shrink);
        brush.lineTo(bx / shrink + 0.01, by / shrink);
        brush.stroke();
      }
      pen.globalAlpha = 0.17;
      pen.drawImage(small, 0, 0, small.width * shrink, small.height * shrink);
      pen.globalAlpha = 1;
    }
  };

  function drawFeet(pen, clip, project, now) {
    const count = clip.feet.length, flat = Math.abs(Math.sin(view.elevation));
    pen.fillStyle = `rgba(${COLOURS.planted},0.5)`;
    clip.feet.forEach((i, k) => {
      if (!clip.contact[now.frame * count + k]) return;
      const [x, y, , scale] = project(now.position[3 * i], 0, now.position[3 * i + 2]);
      const radius = data.planted_radius_m * scale;
      pen.beginPath();
      pen.ellipse(x, y, radius, Math.max(radius * flat, 1), 0, 0, 7);
      pen.fill();
    });
  }

  // Round cones and slabs into a depth buffer; picture/capsules.py explains the mathematics.
  Panel.prototype.drawFigure = function (pen, width, height, project, now, fine) {
    const clip = this.clip, centres = [], radii = [];
    let left = Infinity, top = Infinity, right = -Infinity, bottom = -Infinity;
    for (let i = 0; i < clip.points; i++) {
      const p = project(...now.position.subarray(3 * i, 3 * i + 3));
      const r = Math.max(clip.radius[i] * p[3] * fine, 0.6 * fine);
      const c = [p[0] * fine, p[1] * fine, p[2] * fine];
      centres.push(c);
      radii.push(r);
      left = Math.min(left, c[0] - r);
      right = Math.max(right, c[0] + r);
      top = Math.min(top, c[1] - r);
      bottom = Math.max(bottom, c[1] + r);
    }
    left = Math.max(0, Math.floor(left / fine) * fine);
    top = Math.max(0, Math.floor(top / fine) * fine);
    right = Math.min(width * fine, Math.ceil(right / fine) * fine);
    bottom = Math.min(height * fine, Math.ceil(bottom / fine) * fine);
    const w = right - left, h = bottom - top;
    if (w <= 0 || h <= 0) return;
    const image = pen.createImageData(w, h), depth = new Float32Array(w * h).fill(NOTHING);
    const put = (x, y, z, n, colour) => {
      const i = (y - top) * w + x - left;
      if (z <= depth[i]) return;
      depth[i] = z;
      const lit = 0.5 + 0.5 * (LIGHT[0] * n[0] + LIGHT[1] * n[1] + LIGHT[2] * n[2]);
      const strong = (0.64 + 0.5 * lit * Math.sqrt(lit)) * (0.7 + 0.3 * Math.sqrt(n[2]));
      const glow = Math.max(0, (lit - 0.9) * 1.9);
      for (let c = 0; c < 3; c++) {
        image.data[4 * i + c] = colour[c] * strong * (1 - glow) + 255 * glow;
      }
      image.data[4 * i + 3] = 255;
    };
    // the pixels of the picture between the lowest and the highest of some columns or lines
    const columns = (...xs) => range(xs, left, right), lines = (...ys) => range(ys, top, bottom);
    clip.cones.forEach(([a, b], part) => {
      const colour = clip.colours[(clip.cone_side[part] + 3) % 3];
      cone(centres[a], centres[b], radii[a], radii[b], colour);
    });
    clip.slabs.forEach((corners, part) => {
      const colour = clip.colours[(clip.slab_side[part] + 3) % 3];
      slab(corners.map((i) => centres[i]), corners.map((i) => radii[i]), colour);
    });

    function cone([ax, ay, az], [bx, by, bz], r, end, colour) {
      const dx = bx - ax, dy = by - ay, dz = bz - az, g = end - r, n = [0, 0, 0];
      const k = Math.max(dx * dx + dy * dy - g * g, 1e-3);
      const slope = dz / Math.sqrt(k * (k + dz * dz));
      const [x0, x1] = columns(ax - r, ax + r, bx - end, bx + end);
      const [y0, y1] = lines(ay - r, ay + r, by - end, by + end);
      for (let py = y0; py < y1; py++) {
        const y = py + 0.5 - ay;
        for (let px = x0; px < x1; px++) {
          const x = px + 0.5 - ax, l = (x * dx + y * dy + r * g) / k;
          let t = l + slope * Math.sqrt(Math.max(r * r - x * x - y * y + l * l * k, 0));
          t = t < 0 ? 0 : t > 1 ? 1 : t;
          const thick = r + t * g, nx = x - t * dx, ny = y - t * dy;
          const inside = thick * thick - nx * nx - ny * ny;
          if (inside <= 0) continue;
          const rise = Math.sqrt(inside);
          n[0] = nx / thick;
          n[1] = -ny / thick;
          n[2] = rise / thick;
          put(px, py, az + t * dz + rise, n, colour);
        }
      }
    }

    function slab(p, r, colour) {
      const minus = (a, b) => a.map((x, k) => x - b[k]);
      const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
      const u = minus(p[1], p[0]), v = minus(p[2], p[0]);
      const minor = (i, j) => u[i] * v[j] - u[j] * v[i];
      const cross = [minor(1, 2), minor(2, 0), minor(0, 1)];
      const area = Math.hypot(...cross);
      if (area < 1e-3) return;
      // the normal's share along the triangle: n u = r0 - r1, n v = r0 - r2
      const uu = dot(u, u), uv = dot(u, v), vv = dot(v, v), det = uu * vv - uv * uv;
      const s = ((r[0] - r[1]) * vv - (r[0] - r[2]) * uv) / det;
      const t = ((r[0] - r[2]) * uu - (r[0] - r[1]) * uv) / det;
      const along = u.map((x, k) => s * x + t * v[k]), rest = 1 - dot(along, along);
      if (!(rest > 0)) return;
      const facing = (Math.sqrt(rest) / area) * (cross[2] > 0 ? 1 : -1);
      const m = along.map((x, k) => x + facing * cross[k]), n = [m[0], -m[1], m[2]];
      if (m[2] < 1e-3) return;
      const [a, b, c] = p.map((corner, i) => corner.map((x, k) => x + r[i] * m[k]));
      const over = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
      const [x0, x1] = columns(a[0], b[0], c[0]), [y0, y1] = lines(a[1], b[1], c[1]);
      for (let py = y0; py < y1; py++) {
        for (let px = x0; px < x1; px++) {
          const x = px + 0.5 - a[0], y = py + 0.5 - a[1];
          const f = (x * (c[1] - a[1]) - y * (c[0] - a[0])) / over;
          const g = (y * (b[0] - a[0]) - x * (b[1] - a[1])) / over;
          if (f < 0 || g < 0 || f + g > 1) continue;
          put(px, py, a[2] - (x * m[0] + y * m[1]) / m[2], n, colour);
        }
      }
    }
    this.body.width = w;
    this.body.height = h;
    this.body.getContext("2d").putImageData(image, 0, 0);
    pen.imageSmoothingQuality = "high";
    pen.drawImage(this.body, left / fine, top / fine, w / fine, h / fine);
  };

  function range(values, from, to) {
    const low = Math.floor(Math.min(...values)), high = Math.ceil(Math.max(...values));
    return [Math.max(from, low), Math.min(to, high)];
  }

  function drag(canvas) {
    let grabbed = null;
    canvas.addEventListener("pointerdown", (event) => {
      grabbed = [event.clientX, event.clientY];
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!grabbed) return;
      view.azimuth += (event.clientX - grabbed[0]) * 0.01;
      const elevation = view.elevation + (event.clientY - grabbed[1]) * 0.008;
      view.elevation = Math.min(1.5, Math.max(-0.1, elevation));
      grabbed = [event.clientX, event.clientY];
      draw();
    });
    canvas.addEventListener("pointerup", () => (grabbed = null));
    // only with a key held: in a notebook the wheel belongs to the page
    canvas.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey && !event.shiftKey) return;
      event.preventDefault();
      const zoom = view.zoom * Math.exp(-(event.deltaY || event.deltaX) * 0.002);
      view.zoom = Math.min(6, Math.max(0.3, zoom));
      draw();
    }, { passive: false });
    canvas.addEventListener("dblclick", () => {
      Object.assign(view, HOME);
      draw();
    });
  }

  const button = root.querySelector("button"), bar = root.querySelector("input");
  const clock = root.querySelector("output"), speed = root.querySelector("select");
  bar.max = String(data.seconds);

  function draw() {
    const began = performance.now();
    panels.forEach((panel) => panel.draw(state.time));
    // where that is slow, edges are smooth only at rest
    state.cost += 0.2 * (performance.now() - began - state.cost);
    bar.value = String(state.time);
    clock.value = `${state.time.toFixed(2)} s`;
    button.textContent = state.running ? "❚❚" : "▶";
    button.setAttribute("aria-label", state.running ? "pause" : "play");
    root.dataset.time = state.time.toFixed(3);
  }

  function go(running) {
    state.running = running;
    state.last = 0;
    draw();
    if (running) requestAnimationFrame(tick);
  }

  function tick(now) {
    if (!state.running || !state.visible) return;
    if (state.last) state.time += (state.speed * Math.min(now - state.last, 100)) / 1000;
    // a short rest on the last pose before it starts over
    if (state.time > data.seconds + 0.4) state.time = 0;
    state.last = now;
    const shown = state.time;
    state.time = Math.min(shown, data.seconds);
    draw();
    state.time = shown;
    requestAnimationFrame(tick);
  }

  button.addEventListener("click", () => go(!state.running));
  bar.addEventListener("input", () => {
    state.time = Number(bar.value);
    go(false);
  });
  speed.addEventListener("change", () => (state.speed = Number(speed.value)));
  root.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (event.key === " " && event.target !== button) go(!state.running);
    else if (step && event.target !== bar && event.target !== speed) {
      const time = state.time + step * clips[0].frame_seconds;
      state.time = Math.min(data.seconds, Math.max(0, time));
      go(false);
    } else return;
    event.preventDefault();
  });
  window.addEventListener("resize", draw);
  new IntersectionObserver((entries) => {
    const visible = entries[entries.length - 1].isIntersecting;
    if (visible && !state.visible && state.running) {
      state.visible = true;
      state.last = 0;
      requestAnimationFrame(tick);
    }
    state.visible = visible;
  }).observe(root);
  go(state.running);
}
