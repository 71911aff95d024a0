// The sliders of the components, with their names and the items at their ends.

import { $, ask, askJson, deviations, element, number, reported, showImage } from "./common.js";

export const REACH = 4; // of a slider, in standard deviations

// A slider with its value beside it; `onMove(value, first)` is called while it moves, first on the first move of a drag.
// A double click or the key 0 calls `onZero`.
export function makeSlider(id, label, onMove, onZero) {
  const input = element("input", { type: "range", id, min: -REACH, max: REACH, step: 0.01, value: 0 });
  input.setAttribute("aria-label", label);
  const output = element("output", { textContent: "0.00" });
  output.htmlFor = id;
  let dragging = false;
  input.addEventListener("input", () => {
    onMove(Number(input.value), !dragging);
    dragging = true;
  });
  input.addEventListener("change", () => { dragging = false; });
  input.addEventListener("dblclick", onZero);
  input.addEventListener("keydown", ({ key }) => key === "0" && onZero());
  let shown = null;
  const show = (value) => {
    if (value === shown) return; // of many sliders, one moves
    shown = value;
    input.value = value;
    output.textContent = deviations(value);
    input.setAttribute("aria-valuetext", `${deviations(value)} standard deviations`);
  };
  return { input, output, show };
}

export class Sliders {
  constructor(about, page) {
    this.about = about;
    this.page = page;
    this.undrawn = new Map(); // rows without images, with what draws them
    this.sliders = new Map();
    this.names = new Map(about.components.map(({ index, name }) => [index, name]));
    for (const info of about.components) this.#make(info);
    addEventListener("scroll", () => this.draw(), { capture: true, passive: true }); // of the page or of its parts
    addEventListener("resize", () => this.draw());
    new ResizeObserver(() => this.draw()).observe($("sliders")); // also when it is first laid out or shown, and as rows change
  }

  // Draws the images of the rows in view: of many components, the others are not decoded. An IntersectionObserver would take
  // time in each frame while a slider moves.
  draw() {
    for (const [row, work] of this.undrawn) {
      const { top, bottom } = row.getBoundingClientRect();
      if (bottom <= 0 || top >= innerHeight || top === bottom) continue; // out of view, or in a panel that is not shown
      this.undrawn.delete(row);
      work();
    }
  }

  // Such as "p3", or "p3 slant" where the component has a name.
  title(k) {
    return [`p${k + 1}`, this.names.get(k)].filter(Boolean).join(" ");
  }

  show(state) {
    for (const [k, slider] of this.sliders) slider.show(state[k]);
  }

  #make(info) {
    const { index: k, share, importance, stability, correlation } = info, { page, about } = this;
    const facts = [
      importance != null && `importance ${number(importance)}`,
      `${(100 * share).toPrecision(2)} % of the variance`,
      stability != null && `stability ${stability.toFixed(2)}`,
      correlation != null && `r = ${correlation.toFixed(2)}`,
    ].filter(Boolean).join(" · ");
    const slider = makeSlider(`slider-${k}`, this.title(k), (value, first) => page.move(k, value, first), () => page.set({ [k]: 0 }));
    this.sliders.set(k, slider);
    const name = element("input", { className: "name", maxLength: 60, placeholder: "name", value: info.name, autocomplete: "off" });
    name.setAttribute("aria-label", `Name of p${k + 1}`);
    name.addEventListener("change", reported(async () => {
      const kept = await askJson("api/name", { component: k, name: name.value });
      name.value = kept.name;
      this.names.set(k, kept.name);
      slider.input.setAttribute("aria-label", this.title(k));
      page.renamed();
    }));
    name.addEventListener("keydown", ({ key }) => key === "Enter" && name.blur());
    const head = element("div", { className: "head" },
      element("label", { htmlFor: slider.input.id, textContent: `p${k + 1}` }), name, element("small", { textContent: facts }));
    const ends = about.table ? [] : [0, 1].map((side) => this.#end(k, side));
    const line = element("div", { className: "line" }, ...ends.slice(0, 1), slider.input, ...ends.slice(1), slider.output);
    const row = element("div", { className: "component" }, head, line);
    this.undrawn.set(row, () => ends.forEach(reported(async (end, side) => {
      await showImage(end.firstChild, await (await ask(`api/pair/${k}/${side}`)).blob());
    })));
    if (about.table) {
      const moves = about.table.moves[k].map(([i, change]) => `${about.table.names[i]} ${change < 0 ? "↓" : "↑"}`);
      row.append(element("div", { className: "moves", textContent: `To the right: ${moves.join(", ")}` }));
    }
    $("sliders").append(row);
  }

  // The item at one end of a component, as in the paper's Figure 7; a click moves the slider there.
  #end(k, side) {
    const value = side ? this.about.pair : -this.about.pair;
    const image = element("img", { alt: "", width: 1, height: 1 });
    const button = element("button", { type: "button", className: "end", title: `p${k + 1} = ${value < 0 ? "−" : "+"}${Math.abs(value)}` }, image);
    button.setAttribute("aria-label", `Set p${k + 1} to ${deviations(value)} standard deviations`);
    button.addEventListener("click", () => this.page.set({ [k]: value }));
    return button;
  }
}
