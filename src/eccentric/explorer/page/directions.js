// Sliders along directions that change a label or an attribute.

import { $, askJson, element, reported } from "./common.js";
import { makeSlider } from "./sliders.js";

const percent = (share) => `${(100 * share).toFixed(1)} %`;

export class Directions {
  constructor(about, page) {
    this.about = about;
    this.page = page;
    this.rows = [];
    this.asked = false;
    $("between").hidden = about.labels.length < 3;
    for (const select of [$("from"), $("to")]) {
      about.labels.forEach((name, i) => select.append(element("option", { value: i, textContent: name })));
    }
    $("to").selectedIndex = Math.min(1, about.labels.length - 1);
    $("between").addEventListener("submit", (event) => {
      event.preventDefault();
      reported(async () => {
        const [from, to] = [$("from"), $("to")];
        const found = await askJson(`api/direction?first=${from.value}&second=${to.value}`);
        this.#add({ ...found, name: `${about.labels[from.value]} → ${about.labels[to.value]}` }, true);
      })();
    });
  }

  // Learning takes a moment, so it begins when the directions are first looked at.
  open() {
    if (this.asked) return;
    this.asked = true;
    reported(async () => {
      const found = await askJson("api/directions");
      found.sort((a, b) => b.accuracy - b.base_rate - a.accuracy + a.base_rate);
      for (const direction of found) this.#add(direction, false);
      $("learning").hidden = true;
    })();
  }

  show(state) {
    for (const { vector, slider } of this.rows) slider.show(project(state, vector));
  }

  #add({ name, vector, accuracy, base_rate, component, component_accuracy }, first) {
    const { page } = this;
    const to = (value) => {
      const change = value - project(page.state, vector);
      return page.state.map((old, k) => old + change * vector[k]);
    };
    const slider = makeSlider(`direction-${this.rows.length}`, name, (value, start) => page.moveAll(to(value), start), () => page.load(to(0)));
    this.rows.push({ vector, slider });
    const scored = this.about.heldOut ? "" : ", on training items";
    const facts = `told with ${percent(accuracy)} accuracy (always the more frequent answer: ${percent(base_rate)})${scored}`;
    const best = element("div", { className: "moves" });
    if (component === null) {
      best.textContent = "No single component tells it.";
    } else {
      const mark = element("button", { type: "button", className: "link", textContent: page.title(component) });
      mark.addEventListener("click", () => page.find(component));
      best.append("Best single component: ", mark, `, ${percent(component_accuracy)}`);
    }
    const row = element("div", { className: "component" },
      element("div", { className: "head" }, element("label", { htmlFor: slider.input.id, textContent: name })),
      element("div", { className: "line" }, slider.input, slider.output),
      element("div", { className: "moves", textContent: facts[0].toUpperCase() + facts.slice(1) }), best);
    $("direction-list")[first ? "prepend" : "append"](row);
    this.show(page.state);
  }
}

const project = (state, vector) => state.reduce((sum, value, k) => sum + value * vector[k], 0);
