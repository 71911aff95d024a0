// The scatter of the encoded test items over two components, and what is shown of the item under the pointer.

import { $, ask, drawImage, element, latestOnly, reported } from "./common.js";
import { Scatter, colourOf } from "./scatter.js";

export class Points {
  constructor(about, page) {
    this.about = about;
    this.page = page;
    this.codes = null; // of the chosen colouring; null draws all points alike
    this.values = [];
    this.hovered = -1;
    this.thumbnail = latestOnly(() => this.#drawThumbnail());
    const pick = (i) => i >= 0 && page.loadFrom(`api/test/${i}/state`);
    this.scatter = new Scatter($("scatter"), pick, (i, x, y) => this.#hover(i, x, y));
    for (const [axis, first] of [["x-axis", 0], ["y-axis", 1]]) {
      for (const { index } of about.components) $(axis).append(element("option", { value: index, textContent: page.title(index) }));
      $(axis).selectedIndex = Math.min(first, about.components.length - 1);
      $(axis).addEventListener("change", () => this.load());
    }
    about.colourings.forEach(({ name }, i) => $("colour-by").append(element("option", { value: i, textContent: name })));
    $("colouring").hidden = about.colourings.length < 2;
    $("colour-by").addEventListener("change", () => this.colour());
    $("place").max = about.testItems - 1;
    $("place").addEventListener("change", () => $("place").validity.valid && $("place").value !== "" && pick($("place").valueAsNumber));
  }

  mark(state) {
    this.scatter.mark(state[$("x-axis").value], state[$("y-axis").value]);
  }

  rename() {
    for (const axis of ["x-axis", "y-axis"]) for (const option of $(axis).options) option.textContent = this.page.title(Number(option.value));
  }

  load = reported(async () => {
    const [x, y] = [$("x-axis").value, $("y-axis").value];
    const points = new Float32Array(await (await ask(`api/points?x=${x}&y=${y}`)).arrayBuffer());
    if (x === $("x-axis").value && y === $("y-axis").value) this.scatter.show(points, this.codes);
    this.mark(this.page.state);
  });

  // Colours the points by the label or the attribute that is chosen.
  colour = reported(async () => {
    const by = $("colour-by").value;
    if (by === "") return;
    const codes = new Uint16Array(await (await ask(`api/colours?by=${by}`)).arrayBuffer());
    if (by !== $("colour-by").value) return;
    this.codes = codes;
    this.values = this.about.colourings[by].values;
    $("legend").replaceChildren(...this.values.map((name, code) => element("li", {}, dot(colourOf(code)), name)));
    this.scatter.show(this.scatter.points, codes);
  });

  #hover(i, x, y) {
    if (i < 0) {
      this.hovered = -1;
      $("thumbnail").hidden = true;
      return;
    }
    $("thumbnail").style.left = `${x}px`;
    $("thumbnail").style.top = `${y}px`;
    if (i === this.hovered) return;
    this.hovered = i;
    this.thumbnail();
  }

  async #drawThumbnail() {
    const i = this.hovered;
    if (i < 0) return;
    if (!this.about.table) await drawImage($("thumbnail-image"), await (await ask(`api/test/${i}/item`)).blob());
    if (i !== this.hovered) return;
    const label = this.codes ? `, ${this.values[this.codes[i]]}` : "";
    $("thumbnail-text").textContent = `Item ${i}${label}`;
    $("thumbnail-image").hidden = Boolean(this.about.table);
    $("thumbnail").hidden = false;
  }
}

function dot(colour) {
  const picture = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const circle = document.createElementNS("http://www.w3.org/2000/svg", "circle");
  for (const [key, value] of Object.entries({ cx: "50%", cy: "50%", r: "45%", fill: colour })) circle.setAttribute(key, value);
  picture.append(circle);
  return picture;
}
