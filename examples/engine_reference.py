"""All that an engine does around Kinestyle's graphs, in numpy alone: to be written again in C# or
C++. `tests/test_engine_reference.py` holds it against the runtime; docs/ENGINES.md explains it.

In and out: a motion on the canonical skeleton (CONVENTIONS.md) at 30 frames a second, the floor at
0: `hips` (T, 3) metres, `world` (T, 21, 4) unit quaternions wxyz of the joints in the world.
`run(name, **inputs)` runs a graph and returns its outputs, all with an axis of size 1 in front.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

FPS = 30.0
ANKLES_AND_TOES, REST_HEIGHT_M = [3, 4, 7, 8], np.array([0.0663, 0.0374, 0.0663, 0.0374])

ENGINES = {  # where x (left), y (up) and z (ahead) go, and how long a metre is
    "Godot": ([[1, 0, 0], [0, 1, 0], [0, 0, 1]], 1.0),
    "Unity": ([[-1, 0, 0], [0, 1, 0], [0, 0, 1]], 1.0),
    "Unreal": ([[0, 0, 1], [-1, 0, 0], [0, 1, 0]], 100.0),
}


def for_engine(engine, position, q):
    """position: (..., 3) metres, q: (..., 4) -> the same in an engine's axes and unit. Unity and
    Unreal are left-handed, so their rotations go the other way round.
    """
    axes, metre = np.array(ENGINES[engine][0], float), ENGINES[engine][1]
    vector = np.linalg.det(axes) * q[..., 1:] @ axes.T
    return metre * position @ axes.T, np.concatenate([q[..., :1], vector], axis=-1)


def mul(a, b):
    """a, b: (..., 4) -> (..., 4), `b` first, then `a`."""
    w, x, y, z = (a[..., i] for i in range(4))
    W, X, Y, Z = (b[..., i] for i in range(4))
    parts = w * W - x * X - y * Y - z * Z, w * X + x * W + y * Z - z * Y
    parts += w * Y - x * Z + y * W + z * X, w * Z + x * Y - y * X + z * W
    return np.stack(parts, axis=-1)


def inv(q):
    return q * [1.0, -1.0, -1.0, -1.0]


def rotate(q, v):
    """q: (..., 4), v: (..., 3) -> (..., 3)."""
    return mul(mul(q, np.insert(v, 0, 0.0, axis=-1)), inv(q))[..., 1:]


def about_y(angle):
    return np.stack([np.cos(angle / 2), 0 * angle, np.sin(angle / 2), 0 * angle], axis=-1)


def angle_of(q):
    return 2.0 * np.arctan2(np.linalg.norm(q[..., 1:], axis=-1), np.abs(q[..., 0]))


def continuous(q):
    """q: (T, ..., 4) -> the same rotations, signs as in the frame before."""
    turned = (q[1:] * q[:-1]).sum(-1, keepdims=True) < 0
    return np.concatenate([q[:1], q[1:] * np.cumprod(np.where(turned, -1.0, 1.0), axis=0)])


def scaled(q, factor):
    """q: (T, ..., 4), factor: a number or (T, ..., 1) -> as much of each rotation, all of a joint
    the same way round: that which is shorter in most frames.
    """
    q = continuous(q)
    q = np.where(q[..., :1].sum(axis=0) < 0, -q, q)
    sine = np.linalg.norm(q[..., 1:], axis=-1, keepdims=True)
    half = factor * np.arctan2(sine, q[..., :1])
    return np.concatenate([np.cos(half), np.sin(half) * q[..., 1:] / np.maximum(sine, 1e-12)], -1)


def smooth(values, sigma):
    """values: (T, ...) -> the same under a Gaussian of `sigma` frames, ends held."""
    radius = int(np.ceil(3 * sigma))
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    held = np.concatenate([values[:1]] * radius + [values] + [values[-1:]] * radius)
    return sum(k * held[i : i + len(values)] for i, k in enumerate(kernel / kernel.sum()))


def widest(values, frames):
    """values: (T, ...) -> the largest at most so many frames away."""
    held = np.concatenate([values[:1]] * frames + [values] + [values[-1:]] * frames)
    return np.max([held[i : i + len(values)] for i in range(2 * frames + 1)], axis=0)


def tidy(change):
    """change: (T, J, 4) -> the same without the decoder's failures: joints that rotate by more than
    12 degrees a frame are smoothed, by more than 25 still, they fade out around it.
    """
    q = continuous(change)
    step = np.degrees(angle_of(mul(inv(q[:-1]), q[1:])))
    excess = np.clip((step - 12.0) / 13.0, 0.0, 1.0)
    if excess.any():
        first, last = excess[:1], excess[-1:]
        excess = np.maximum(np.concatenate([excess, last]), np.concatenate([first, excess]))
        soft = smooth(q, 4.0)
        apart = mul(inv(q), soft / np.linalg.norm(soft, axis=-1, keepdims=True))
        weight = smooth(widest(excess, 8), 2.0)[..., None]
        shorter = np.where(apart[..., :1] < 0, -apart, apart)
        q = mul(q, scaled(shorter[None], weight)[0])  # frame by frame, the shorter way
    flips = np.degrees(angle_of(mul(inv(q[:-1]), q[1:]))) > 25.0
    at = np.concatenate([flips, flips[-1:]]) | np.concatenate([flips[:1], flips])
    left = 1.0 - smooth(widest(at.astype(float), 12), 4.0)
    for joint in np.flatnonzero(flips.any(axis=0)):
        cuts = [0, *(np.flatnonzero(flips[:, joint]) + 1), len(q)]
        for start, stop in pairwise(cuts):  # each side of a flip may go its own way
            some = slice(start, stop)
            q[some, joint] = scaled(q[some, joint], left[some, joint, None])
    return q


def to_next(values):
    step = np.diff(values, axis=0)
    return np.concatenate([step, step[-1:]])


def positions(hips, world, parents, offsets):
    """(T, 21, 3) metres."""
    at = [hips]
    for j in range(1, len(parents)):
        at.append(at[parents[j]] + rotate(world[:, parents[j]], offsets[j]))
    return np.stack(at, axis=1)


def contacts(at):
    """at: (T, 21, 3) -> (T, 4) 0 or 1: low and slow, for a tenth of a second at the least."""
    feet = at[:, ANKLES_AND_TOES]
    above = feet[..., 1] - REST_HEIGHT_M
    stands = np.clip(np.percentile(above, 5, axis=0).reshape(2, 2).min(axis=0), 0.0, 0.1)
    slow = np.linalg.norm(np.gradient(feet, 1 / FPS, axis=0), axis=-1) < 0.45
    down = slow & (above - np.tile(stands, 2) < 0.06)
    for column in down.T:
        for value in (False, True):  # first gaps are closed, then what is short is left out
            edges = np.flatnonzero(np.diff(np.concatenate([[0], column == value, [0]])))
            for start, stop in edges.reshape(-1, 2):
                if stop - start < 3 and start > 0 and stop < len(column):
                    column[start:stop] = not value
    return down.astype(float)


def features(hips, world, parents, offsets):
    """(T, 260) what the networks see, and (T,) radians, the heading that it is seen from."""
    at, frames = positions(hips, world, parents, offsets), len(hips)
    across = at[:, 1] - at[:, 5] + at[:, 14] - at[:, 18]  # thighs and upper arms, left from right
    facing = np.stack([-across[:, 2], across[:, 0]], axis=-1)
    facing = smooth(facing / np.linalg.norm(facing, axis=-1, keepdims=True), 0.2 * FPS)
    yaw = np.arctan2(facing[:, 0], facing[:, 1])
    undo = about_y(-yaw)
    free = mul(undo[:, None], world)
    columns = [rotate(free, np.eye(3)[axis]) for axis in (0, 1)]  # of the matrix: the 6-D form
    turn = (to_next(yaw) + np.pi) % (2 * np.pi) - np.pi
    parts = turn[:, None], rotate(undo, to_next(hips))[:, [0, 2]], hips[:, 1:2]
    parts += (rotate(undo[:, None], at - (hips * [1.0, 0.0, 1.0])[:, None]),)
    parts += np.concatenate(columns, axis=-1), rotate(undo[:, None], to_next(at)), contacts(at)
    return np.concatenate([part.reshape(frames, -1) for part in parts], axis=-1), yaw


def rotations(decoded):
    """decoded: (T, 260) -> (T, 21, 4), by Gram-Schmidt, heading removed."""
    sixd = decoded[:, 67:193].reshape(len(decoded), 21, 6)
    x = sixd[..., :3] / np.linalg.norm(sixd[..., :3], axis=-1, keepdims=True)
    y = sixd[..., 3:] - (x * sixd[..., 3:]).sum(-1, keepdims=True) * x
    y /= np.linalg.norm(y, axis=-1, keepdims=True)
    m = np.stack([x, y, np.cross(x, y)], axis=-1)
    # of four equal forms, the one that divides by most
    t = np.einsum("...ii->...i", m) @ np.array([[1, 1, -1, -1], [1, -1, 1, -1], [1, -1, -1, 1.0]])
    d = [m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]]
    s = [m[..., 1, 0] + m[..., 0, 1], m[..., 0, 2] + m[..., 2, 0], m[..., 2, 1] + m[..., 1, 2]]
    rows = [[1 + t[..., 0], *d], [d[0], 1 + t[..., 1], s[0], s[1]]]
    rows += [[d[1], s[0], 1 + t[..., 2], s[2]], [d[2], s[1], s[2], 1 + t[..., 3]]]
    forms = np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)
    best = np.take_along_axis(forms, t.argmax(-1)[..., None, None], axis=-2)[..., 0, :]
    return best / np.linalg.norm(best, axis=-1, keepdims=True)


def rendered(run, latent, frames):
    """latent: (Z, P/4) -> rotations, height of the hips, their velocity over the ground."""
    decoded = smooth(run("motion_decoder", latent=latent[None])[0][0].astype(float), 1.0)[:frames]
    velocity = run("global_motion", features=decoded[None].astype(np.float32))[0][0]
    return rotations(decoded), decoded[:, 3], velocity.astype(float)


def restyle(run, manifest, hips, world, style, strength=1.0):
    """style: the name of one in `manifest`, the bundle's manifest.json -> new hips and world."""
    parents, offsets = manifest["parents"], np.array(manifest["offsets_m"])
    code = next(one["mean"] for one in manifest["styles"] if one["name"] == style)
    code = np.array(code, np.float32)[None]
    seen, yaw = features(hips, world, parents, offsets)
    frames = len(seen)
    padding = np.repeat(seen[-1:], max(16, -(-frames // 8) * 8) - frames, axis=0)
    padding[:, [0, 1, 2, *range(193, 256)]] = 0.0  # it stands still
    seen = np.concatenate([seen, padding]).astype(np.float32)

    latent = run("motion_encoder", features=seen[None])[0]
    content = run("content_encoder", latent=latent)[0]
    own_code = run("style_encoder", latent=latent)[0]
    own = run("generator", content=content, style=own_code)[0][0]
    missed = smooth((latent[0] - own).T.astype(float), 1.0).T  # what lasts of it is style, too
    opens, closes = manifest.get("residual_gate") or (0.6, 1.2)
    share = 1.0 - np.clip((np.sqrt(np.mean(missed**2)) - opens) / (closes - opens), 0.0, 1.0)
    own = own + (share * missed).astype(np.float32)
    other = run("generator", content=content, style=code)[0][0]

    was, was_height, was_velocity = rendered(run, own, frames)
    now, now_height, now_velocity = rendered(run, other, frames)
    facing = about_y(yaw)[:, None]
    change = mul(mul(facing, mul(now, inv(was))), inv(facing))
    new_world = mul(scaled(tidy(change), strength), world)
    rise = now_height - was_height
    beyond = np.maximum(np.abs(rise) - 0.1, 0.0)
    rise = np.sign(rise) * (np.minimum(np.abs(rise), 0.1) + 0.1 * np.tanh(beyond / 0.1))
    pace = np.insert(strength * (now_velocity - was_velocity), 1, 0.0, axis=-1)
    travel = np.cumsum(rotate(facing[:, 0], pace), axis=0)
    travel = np.concatenate([0.0 * travel[:1], travel[:-1]])
    return hips + travel + strength * rise[:, None] * [0.0, 1.0, 0.0], new_world
