// The scatter of encoded items on a canvas: draws points, finds the one under the pointer.

import { element } from "./common.js";

const COLOURS = ["#1f77b4", "#e07b00", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#d45fb0", "#7f7f7f", "#a3a300", "#00a5b8"];

const MARGIN = 11; // pixels from the middle of the mark to its ends

export function colourOf(code) {
  return code < COLOURS.length ? COLOURS[code] : `hsl(${(code * 137) % 360} 60% 50%)`;
}

export class Scatter {
  constructor(canvas, onPick, onHover) {
    this.canvas = canvas;
    this.points = new Float32Array(0);
    this.codes = null; // of labels; null draws all points alike
    this.here = [0, 0];
    // The mark of the decoded item lies over the canvas, so that moving it does not draw the points again.
    this.cross = element("div", { className: "here", hidden: true });
    canvas.after(this.cross);
    canvas.addEventListener("click", (event) => this.#at(event, onPick));
    canvas.addEventListener("pointermove", (event) => this.#at(event, onHover));
    canvas.addEventListener("pointerleave", () => onHover(-1, 0, 0));
    new ResizeObserver(() => this.draw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  show(points, codes) {
    this.points = points;
    this.codes = codes;
    this.#measure();
    this.draw();
  }

  mark(x, y) {
    this.here = [x, y];
    this.#moveMark();
  }

  #measure() {
    let far = 1;
    for (const value of this.points) if (Number.isFinite(value)) far = Math.max(far, Math.abs(value));
    this.far = Math.min(far, 6) * 1.05; // standard deviations at the edge
  }

  #place(x, y) {
    const { width, height } = this.canvas;
    const clip = (value) => Math.max(-this.far, Math.min(this.far, value));
    return [(clip(x) / this.far + 1) * width / 2, (1 - clip(y) / this.far) * height / 2];
  }

  draw() {
    const ratio = devicePixelRatio || 1, { canvas } = this;
    canvas.width = Math.max(1, Math.round(canvas.clientWidth * ratio));
    canvas.height = Math.max(1, Math.round(canvas.clientHeight * ratio));
    this.origin = [canvas.offsetLeft, canvas.offsetTop];
    this.cross.hidden = !this.points.length;
    if (!this.points.length) return;
    const context = canvas.getContext("2d", { willReadFrequently: true }), style = getComputedStyle(canvas);
    context.strokeStyle = style.getPropertyValue("--line");
    context.lineWidth = ratio;
    context.beginPath();
    const [middle, centre] = this.#place(0, 0);
    context.moveTo(middle, 0); context.lineTo(middle, canvas.height);
    context.moveTo(0, centre); context.lineTo(canvas.width, centre);
    context.stroke();
    this.#drawPoints(context, ratio, style.getPropertyValue("--dot"));
    this.#moveMark();
  }

  // Pixel by pixel: a hundred thousand rectangles of changing colours would take seconds.
  #drawPoints(context, ratio, plain) {
    const { width, height } = this.canvas, count = this.points.length / 2;
    const size = Math.round(ratio * (count > 5000 ? 2 : count > 500 ? 3 : 5)), faint = count > 5000 ? 128 : 190;
    const picture = context.getImageData(0, 0, width, height), { data } = picture;
    const colours = new Map();
    for (let i = 0; i < count; i++) {
      const code = this.codes ? this.codes[i] : -1;
      if (!colours.has(code)) {
        context.fillStyle = code < 0 ? plain : colourOf(code); // read back as #rrggbb
        colours.set(code, [1, 3, 5].map((at) => parseInt(context.fillStyle.slice(at, at + 2), 16)));
      }
      const colour = colours.get(code);
      const [x, y] = this.#place(this.points[2 * i], this.points[2 * i + 1]).map((place) => Math.round(place - size / 2));
      for (let row = Math.max(0, y); row < Math.min(height, y + size); row++) {
        for (let column = Math.max(0, x); column < Math.min(width, x + size); column++) {
          const at = 4 * (row * width + column), old = data[at + 3], alpha = faint + old * (255 - faint) / 255;
          for (let k = 0; k < 3; k++) data[at + k] += (colour[k] - data[at + k]) * faint / alpha;
          data[at + 3] = alpha;
        }
      }
    }
    context.putImageData(picture, 0, 0);
  }

  #moveMark() {
    if (this.cross.hidden) return;
    const ratio = devicePixelRatio || 1, { canvas, origin } = this;
    const inside = (place, size) => Math.max(MARGIN, Math.min(size - MARGIN, place)); // the whole mark is visible
    const [x, y] = this.#place(...this.here).map((place) => place / ratio);
    this.cross.style.translate = `${origin[0] + inside(x, canvas.width / ratio)}px ${origin[1] + inside(y, canvas.height / ratio)}px`;
  }

  // Calls back with the nearest item within 12 pixels, or -1, and where the pointer is.
  #at(event, callback) {
    const ratio = devicePixelRatio || 1, wanted = [event.offsetX * ratio, event.offsetY * ratio];
    let best = -1, least = (12 * ratio) ** 2;
    for (let i = 0; i < this.points.length / 2; i++) {
      const [x, y] = this.#place(this.points[2 * i], this.points[2 * i + 1]);
      const square = (x - wanted[0]) ** 2 + (y - wanted[1]) ** 2;
      if (square < least) { least = square; best = i; }
    }
    callback(best, event.offsetX, event.offsetY);
  }
}
