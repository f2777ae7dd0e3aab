// Draws thousands of lines on a canvas smoothly. During movement: hairlines, an even sample of as many
// as fit into a frame. At rest: every line in its full width, into a second canvas that replaces the first.
// The reason: without a GPU a hairline costs a sixth of a wider line.
import { sizeCanvas } from "page/base/dom";

const MOVING = 200; // ms; changes within this time of each other count as a movement
const REST = 120; // ms without a change before everything is drawn
const SLOW_FRAME = 24; // ms between two frames: draw fewer lines
const FAST_FRAME = 18; // ms: draw more
const FEWEST = 250;
const SLICE = 150; // lines in full width per frame

/** Draws jobs {runs, width, alpha, stroke(context, run)}, later runs on top. */
export class Painter {
  constructor(canvas) {
    this.canvas = canvas;
    this.back = document.createElement("canvas");
    this.quota = 1200; // hairlines per frame
    this.frame = 0;
    this.last = 0;
  }

  resize(width, height) {
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    Object.assign(this, { width, height, ratio });
    for (const canvas of [this.canvas, this.back]) sizeCanvas(canvas, width, height, ratio);
  }

  /** Draws in the next frame; calls before it replace each other. */
  paint(job) {
    this.stop();
    this.frame = requestAnimationFrame((now) => this.first(job, now));
  }

  /** Draws everything now, as for printing. */
  paintNow(job) {
    this.stop();
    const context = this.begin(this.canvas, job, job.width);
    for (const run of job.runs) job.stroke(context, run);
  }

  stop() {
    clearTimeout(this.timer);
    cancelAnimationFrame(this.frame);
  }

  first(job, now) {
    const elapsed = now - this.last;
    this.last = now;
    if (elapsed > MOVING && job.runs.length <= SLICE) {
      this.paintNow(job);
      return;
    }
    if (elapsed < MOVING) this.adapt(elapsed);
    this.sketch(job);
    this.timer = setTimeout(() => this.complete(job), REST);
  }

  /** Draws fewer lines per frame if frames are late, more if they are in time. */
  adapt(elapsed) {
    if (elapsed > SLOW_FRAME) this.quota = Math.max(FEWEST, Math.round(this.quota * 0.85));
    else if (elapsed < FAST_FRAME) this.quota = Math.min(20000, Math.round(this.quota * 1.04));
  }

  sketch(job) {
    const step = Math.max(1, Math.ceil(job.runs.length / this.quota));
    const context = this.begin(this.canvas, job, 1 / this.ratio);
    for (let at = (job.runs.length - 1) % step; at < job.runs.length; at += step)
      job.stroke(context, job.runs[at]);
  }

  complete(job) {
    const context = this.begin(this.back, job, job.width);
    let at = 0;
    const slice = () => {
      const end = Math.min(job.runs.length, at + SLICE);
      for (; at < end; at += 1) job.stroke(context, job.runs[at]);
      if (at < job.runs.length) this.frame = requestAnimationFrame(slice);
      else this.swap();
    };
    this.frame = requestAnimationFrame(slice);
  }

  /** Clears the canvas. A thinner line gets more alpha, so that it looks as dark. */
  begin(canvas, job, width) {
    const context = canvas.getContext("2d");
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    context.clearRect(0, 0, this.width, this.height);
    context.globalAlpha = Math.min(1, (job.alpha * job.width) / width);
    context.lineWidth = width;
    context.lineJoin = "round";
    return context;
  }

  swap() {
    const context = this.canvas.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.globalAlpha = 1;
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    context.drawImage(this.back, 0, 0);
    this.canvas.dispatchEvent(new Event("complete"));
  }
}

/** Every k-th element, at most `most` of them. */
export function thin(list, most) {
  const step = Math.ceil(list.length / most);
  return step <= 1 ? list : list.filter((_, index) => index % step === 0);
}
