/** The one timeline: every character shows the frame that this clock says. */
export class Clock {
  frameCount = 1;
  frameTime = 1 / 30;
  /** What is played: from one frame to another, the whole where nothing is trimmed. */
  range = [0, Infinity];
  /** Fractional while playing, whole while it stands. */
  frame = 0;
  playing = true;
  loop = true;
  speed = 1;
  /** Called when playing, speed or loop were changed. */
  changed = () => {};

  /** Another clip: keep playing from where it was if its length is the same. */
  setClip(frameCount, frameTime) {
    if (frameCount !== this.frameCount) this.frame = 0;
    this.frameCount = frameCount;
    this.frameTime = frameTime;
  }

  /** What is shown lasts longer or shorter now, as a result in its style's time may. */
  setLength(frameCount) {
    this.frameCount = frameCount;
    this.frame = Math.min(this.frame, frameCount - 1);
  }

  get seconds() {
    return this.frame * this.frameTime;
  }

  get wholeFrame() {
    return Math.min(Math.round(this.frame), this.frameCount - 1);
  }

  /** @param {number} seconds  since the last tick */
  tick(seconds) {
    if (!this.playing) return;
    const last = Math.min(this.range[1], this.frameCount - 1),
      first = Math.min(this.range[0], last);
    let frame = this.frame + (seconds * this.speed) / this.frameTime;
    if (frame < first) frame = first;
    if (frame > last) {
      if (this.loop) frame = last > first ? first + ((frame - first) % (last - first)) : first;
      else {
        frame = last;
        this.pause();
      }
    }
    this.frame = frame;
  }

  play() {
    if (!this.loop && this.frame >= Math.min(this.range[1], this.frameCount - 1))
      this.frame = this.range[0];
    this.playing = true;
    this.changed();
  }

  pause() {
    this.playing = false;
    this.frame = this.wholeFrame;
    this.changed();
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }

  /** @param {number} frame */
  seek(frame) {
    this.frame = Math.min(Math.max(Math.round(frame), 0), this.frameCount - 1);
  }

  /** @param {number} frames  forward or, negative, back; stops the playing */
  step(frames) {
    if (this.playing) this.pause();
    const at = this.wholeFrame + frames,
      count = this.frameCount;
    this.seek(this.loop ? ((at % count) + count) % count : at);
  }

  setSpeed(speed) {
    this.speed = speed;
    this.changed();
  }

  setLoop(loop) {
    this.loop = loop;
    this.changed();
  }
}
