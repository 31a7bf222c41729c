// Plays clips in a page of their own, with nothing but a canvas. `play(data, root)` is called once, with what notebook.py packed.
"use strict";

function play(data, root) {
  const TURN = (38 * Math.PI) / 180, LIFT = (17 * Math.PI) / 180, DISTANCE_M = 6.5, NOTHING = -1e30;
  const LIGHT = unit([-0.4, 0.8, 0.45]);
  const view = { turn: TURN, lift: LIFT, zoom: 1 };
  const state = { time: 0, speed: 1, running: !matchMedia("(prefers-reduced-motion: reduce)").matches, visible: true, last: 0, cost: 0 };
  const clips = data.clips.map(unpack);
  const panels = clips.map((clip) => new Panel(clip));

  function unit(v) {
    const length = Math.hypot(v[0], v[1], v[2]);
    return v.map((x) => x / length);
  }

  function bytes(text) {
    return Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer;
  }

  function unpack(clip) {
    const whole = new Int16Array(bytes(clip.position)), position = new Float32Array(whole.length);
    for (let i = 0; i < whole.length; i++) position[i] = whole[i] * clip.unit_m;
    return { ...clip, position, contact: new Uint8Array(bytes(clip.contact)), points: clip.radius.length };
  }

  // Where every point is at a time: between two frames, and at rest after the last one.
  function pose(clip, seconds) {
    const at = Math.min(Math.max(seconds / clip.frame_seconds, 0), clip.frames - 1);
    const low = Math.floor(at), weight = at - low, size = clip.points * 3;
    const a = low * size, b = Math.min(low + 1, clip.frames - 1) * size, out = new Float32Array(size);
    for (let i = 0; i < size; i++) out[i] = clip.position[a + i] * (1 - weight) + clip.position[b + i] * weight;
    const mix = (list, k) => list[low][k] * (1 - weight) + list[Math.min(low + 1, clip.frames - 1)][k] * weight;
    return { place: out, target: [mix(clip.way, 0), mix(clip.way, 1)], frame: Math.round(at) };
  }

  function axes() {
    const c = Math.cos(view.turn), s = Math.sin(view.turn), u = Math.cos(view.lift), d = Math.sin(view.lift);
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
    const ratio = Math.max(1, Math.min(window.devicePixelRatio || 1, 2)), rect = this.canvas.getBoundingClientRect();
    const width = Math.max(1, Math.round(rect.width * ratio)), height = Math.max(1, Math.round(rect.height * ratio));
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
    }
    const clip = this.clip, now = pose(clip, seconds), { right, up, near } = axes();
    const scale = view.zoom * Math.min((0.46 * width) / data.half_m, (0.8 * height) / data.tall_m);
    const look = 0.5 * data.tall_m;
    // from the stage to pixels right, down and near; depth in local pixels, as kinestyle.picture.camera has it
    const project = (x, y, z) => {
      const dx = x - now.target[0], dy = y - look, dz = z - now.target[1];
      const r = dx * right[0] + dz * right[2], u = dx * up[0] + dy * up[1] + dz * up[2];
      const n = dx * near[0] + dy * near[1] + dz * near[2];
      const larger = 1 / Math.max(1 - n / DISTANCE_M, 0.15), k = scale * larger;
      return [width / 2 + k * r, height * 0.53 - k * u, scale * DISTANCE_M * Math.log(larger), k];
    };
    const pen = this.canvas.getContext("2d");
    this.floor(pen, width, height, project, now);
    this.figure(pen, width, height, project, now, ratio < 1.5 && !(state.running && state.cost > 30) ? 2 : 1);
  };

  Panel.prototype.floor = function (pen, width, height, project, now) {
    const paper = pen.createLinearGradient(0, 0, 0, height);
    paper.addColorStop(0, "#fafbfd");
    paper.addColorStop(1, "#e6eaf2");
    pen.fillStyle = paper;
    pen.fillRect(0, 0, width, height);
    if (view.lift > 0.02) {
      const [tx, tz] = now.target, step = 0.5, far = 3.5;
      pen.lineWidth = Math.max(1, width / 500);
      for (let way = 0; way < 2; way++) {
        const first = Math.ceil(((way ? tx : tz) - far) / step), last = Math.floor(((way ? tx : tz) + far) / step);
        for (let i = first; i <= last; i++) {
          const line = i * step, off = Math.abs(line - (way ? tx : tz)), reach = Math.sqrt(far * far - off * off);
          // in pieces, so that each can be as faint as it is far
          for (let piece = -8; piece < 8; piece++) {
            const a = (piece / 8) * reach, b = ((piece + 1) / 8) * reach;
            const fade = 1 - Math.hypot(off, (a + b) / 2) / far;
            if (fade <= 0.02) continue;
            const p = way ? project(line, 0, tz + a) : project(tx + a, 0, line);
            const q = way ? project(line, 0, tz + b) : project(tx + b, 0, line);
            pen.strokeStyle = `rgba(150,162,182,${0.55 * fade})`;
            pen.beginPath();
            pen.moveTo(p[0], p[1]);
            pen.lineTo(q[0], q[1]);
            pen.stroke();
          }
        }
      }
    }
    const clip = this.clip, { right, up, near } = axes();
    const toward = [0, 1, 2].map((i) => LIGHT[0] * right[i] + LIGHT[1] * up[i] + LIGHT[2] * near[i]);
    // two small pictures of the shadow, a soft and a sharper one; being enlarged blurs them
    for (const [shrink, wider, dark] of [[14, 1.5, 0.17], [6, 1, 0.17]]) {
      const small = this.shade, w = Math.ceil(width / shrink), h = Math.ceil(height / shrink);
      small.width = w;
      small.height = h;
      const brush = small.getContext("2d");
      brush.lineCap = "round";
      brush.strokeStyle = "rgb(58,66,84)";
      for (const [a, b] of clip.cones) {
        if (clip.radius[a] < 0.02) continue;
        const ends = [a, b].map((i) => {
          const y = Math.max(now.place[3 * i + 1], 0), lean = toward[1] > 0.3 ? y / toward[1] : 0;
          return project(now.place[3 * i] - lean * toward[0], 0, now.place[3 * i + 2] - lean * toward[2]);
        });
        const flat = Math.max(Math.sin(Math.abs(view.lift)), 0.45);
        brush.lineWidth = Math.max(0.7, (2 * clip.radius[a] * ends[0][3] * flat * wider) / shrink);
        brush.beginPath();
        brush.moveTo(ends[0][0] / shrink, ends[0][1] / shrink);
        brush.lineTo(ends[1][0] / shrink + 0.01, ends[1][1] / shrink);
        brush.stroke();
      }
      pen.globalAlpha = dark;
      pen.drawImage(small, 0, 0, w * shrink, h * shrink);
      pen.globalAlpha = 1;
    }
    const feet = clip.feet.length;
    pen.fillStyle = "rgba(52,178,104,0.5)";
    for (let k = 0; k < feet; k++) {
      if (!clip.contact[now.frame * feet + k]) continue;
      const i = clip.feet[k], p = project(now.place[3 * i], 0, now.place[3 * i + 2]);
      pen.beginPath();
      pen.ellipse(p[0], p[1], 0.075 * p[3], Math.max(0.075 * p[3] * Math.abs(Math.sin(view.lift)), 1), 0, 0, 7);
      pen.fill();
    }
  };

  // Round cones and slabs into a depth buffer; the mathematics is explained in kinestyle/picture/capsules.py.
  Panel.prototype.figure = function (pen, width, height, project, now, fine) {
    const clip = this.clip, spots = [], radii = [];
    let left = Infinity, top = Infinity, right = -Infinity, bottom = -Infinity;
    for (let i = 0; i < clip.points; i++) {
      const p = project(now.place[3 * i], now.place[3 * i + 1], now.place[3 * i + 2]);
      const r = Math.max(clip.radius[i] * p[3] * fine, 0.6 * fine), s = [p[0] * fine, p[1] * fine, p[2] * fine];
      spots.push(s);
      radii.push(r);
      left = Math.min(left, s[0] - r);
      right = Math.max(right, s[0] + r);
      top = Math.min(top, s[1] - r);
      bottom = Math.max(bottom, s[1] + r);
    }
    left = Math.max(0, Math.floor(left / fine) * fine);
    top = Math.max(0, Math.floor(top / fine) * fine);
    right = Math.min(width * fine, Math.ceil(right / fine) * fine);
    bottom = Math.min(height * fine, Math.ceil(bottom / fine) * fine);
    const w = right - left, h = bottom - top;
    if (w <= 0 || h <= 0) return;
    const image = pen.createImageData(w, h), depth = new Float32Array(w * h).fill(NOTHING);
    const put = (x, y, z, n, colour) => {
      const i = y * w + x;
      if (z <= depth[i]) return;
      depth[i] = z;
      const lit = 0.5 + 0.5 * (LIGHT[0] * n[0] + LIGHT[1] * n[1] + LIGHT[2] * n[2]);
      const strong = (0.64 + 0.5 * lit * Math.sqrt(lit)) * (0.7 + 0.3 * Math.sqrt(n[2]));
      const glow = Math.max(0, (lit - 0.9) * 1.9);
      for (let c = 0; c < 3; c++) image.data[4 * i + c] = colour[c] * strong * (1 - glow) + 255 * glow;
      image.data[4 * i + 3] = 255;
    };
    const n = [0, 0, 0];
    clip.cones.forEach(([a, b], part) => {
      const colour = clip.colours[(clip.cone_side[part] + 3) % 3], [ax, ay, az] = spots[a], r = radii[a], g = radii[b] - r;
      const dx = spots[b][0] - ax, dy = spots[b][1] - ay, dz = spots[b][2] - az;
      const k = Math.max(dx * dx + dy * dy - g * g, 1e-3), slope = dz / Math.sqrt(k * (k + dz * dz));
      const x0 = Math.max(left, Math.floor(Math.min(ax - r, ax + dx - r - g))), y0 = Math.max(top, Math.floor(Math.min(ay - r, ay + dy - r - g)));
      const x1 = Math.min(right, Math.ceil(Math.max(ax + r, ax + dx + r + g))), y1 = Math.min(bottom, Math.ceil(Math.max(ay + r, ay + dy + r + g)));
      for (let py = y0; py < y1; py++) {
        const y = py + 0.5 - ay;
        for (let px = x0; px < x1; px++) {
          const x = px + 0.5 - ax, l = (x * dx + y * dy + r * g) / k;
          let t = l + slope * Math.sqrt(Math.max(r * r - x * x - y * y + l * l * k, 0));
          t = t < 0 ? 0 : t > 1 ? 1 : t;
          const thick = r + t * g, nx = x - t * dx, ny = y - t * dy, inside = thick * thick - nx * nx - ny * ny;
          if (inside <= 0) continue;
          const rise = Math.sqrt(inside);
          n[0] = nx / thick;
          n[1] = -ny / thick;
          n[2] = rise / thick;
          put(px - left, py - top, az + t * dz + rise, n, colour);
        }
      }
    });
    clip.slabs.forEach((corners, part) => slab(corners.map((i) => spots[i]), corners.map((i) => radii[i]), clip.colours[(clip.slab_side[part] + 3) % 3]));

    function slab(p, r, colour) {
      const e = [1, 2].map((i) => [0, 1, 2].map((k) => p[i][k] - p[0][k])), [u, v] = e;
      const cross = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
      const area = Math.hypot(...cross);
      if (area < 1e-3) return;
      // the normal's share along the triangle: n u = r0 - r1, n v = r0 - r2
      const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2], uu = dot(u, u), uv = dot(u, v), vv = dot(v, v);
      const det = uu * vv - uv * uv, s = ((r[0] - r[1]) * vv - (r[0] - r[2]) * uv) / det, t = ((r[0] - r[2]) * uu - (r[0] - r[1]) * uv) / det;
      const along = [0, 1, 2].map((i) => s * u[i] + t * v[i]), rest = 1 - dot(along, along);
      if (!(rest > 0)) return;
      const turn = (Math.sqrt(rest) / area) * (cross[2] > 0 ? 1 : -1), m = [0, 1, 2].map((i) => along[i] + turn * cross[i]);
      if (m[2] < 1e-3) return;
      const [a, b, c] = [0, 1, 2].map((i) => [0, 1, 2].map((k) => p[i][k] + r[i] * m[k]));
      const over = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]), n = [m[0], -m[1], m[2]];
      const xs = [a[0], b[0], c[0]], ys = [a[1], b[1], c[1]];
      const y1 = Math.min(bottom, Math.ceil(Math.max(...ys))), x1 = Math.min(right, Math.ceil(Math.max(...xs)));
      for (let py = Math.max(top, Math.floor(Math.min(...ys))); py < y1; py++) {
        for (let px = Math.max(left, Math.floor(Math.min(...xs))); px < x1; px++) {
          const x = px + 0.5 - a[0], y = py + 0.5 - a[1];
          const f = (x * (c[1] - a[1]) - y * (c[0] - a[0])) / over, g = (y * (b[0] - a[0]) - x * (b[1] - a[1])) / over;
          if (f >= 0 && g >= 0 && f + g <= 1) put(px - left, py - top, a[2] - (x * m[0] + y * m[1]) / m[2], n, colour);
        }
      }
    }
    this.body.width = w;
    this.body.height = h;
    this.body.getContext("2d").putImageData(image, 0, 0);
    pen.imageSmoothingQuality = "high";
    pen.drawImage(this.body, left / fine, top / fine, w / fine, h / fine);
  };

  function drag(canvas) {
    let held = null;
    canvas.addEventListener("pointerdown", (event) => {
      held = [event.clientX, event.clientY];
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!held) return;
      view.turn += (event.clientX - held[0]) * 0.01;
      view.lift = Math.min(1.5, Math.max(-0.1, view.lift + (event.clientY - held[1]) * 0.008));
      held = [event.clientX, event.clientY];
      draw();
    });
    canvas.addEventListener("pointerup", () => (held = null));
    // only with a key held: in a notebook the wheel belongs to the page
    canvas.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey && !event.shiftKey) return;
      event.preventDefault();
      view.zoom = Math.min(6, Math.max(0.3, view.zoom * Math.exp(-(event.deltaY || event.deltaX) * 0.002)));
      draw();
    }, { passive: false });
    canvas.addEventListener("dblclick", () => {
      Object.assign(view, { turn: TURN, lift: LIFT, zoom: 1 });
      draw();
    });
  }

  const button = root.querySelector("button"), bar = root.querySelector("input"), clock = root.querySelector("output"), speed = root.querySelector("select");
  bar.max = String(data.seconds);

  function draw() {
    const began = performance.now();
    panels.forEach((panel) => panel.draw(state.time));
    // milliseconds a picture takes; where that is long, edges are only smooth at rest
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
      state.time = Math.min(data.seconds, Math.max(0, state.time + step * clips[0].frame_seconds));
      go(false);
    } else return;
    event.preventDefault();
  });
  window.addEventListener("resize", draw);
  new IntersectionObserver((entries) => {
    const seen = entries[entries.length - 1].isIntersecting;
    if (seen && !state.visible && state.running) {
      state.visible = true;
      state.last = 0;
      requestAnimationFrame(tick);
    }
    state.visible = seen;
  }).observe(root);
  go(state.running);
}
