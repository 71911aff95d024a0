// All combinations of signs of a few components, as in the paper's Figure 9.

import { $, ask, drawImage, element, latestOnly } from "./common.js";

const MOST = 6;

export class Grid {
  constructor(about, page) {
    this.about = about;
    this.page = page;
    this.chosen = about.components.slice(0, 2).map(({ index }) => index);
    this.chips = new Map();
    for (const { index: k } of about.components) {
      const chip = element("button", { type: "button", className: "chip", textContent: page.title(k) });
      chip.addEventListener("click", () => this.toggle(k));
      this.chips.set(k, chip);
      $("chips").append(chip);
    }
    this.draw = latestOnly(() => this.#draw());
    this.#mark();
  }

  get shown() {
    return !$("grid-panel").hidden;
  }

  // Called when the state has come to rest.
  update() {
    if (this.shown) this.draw();
  }

  toggle(k) {
    const { chosen } = this;
    if (chosen.includes(k)) chosen.splice(chosen.indexOf(k), 1);
    else if (chosen.length < MOST) chosen.push(k);
    this.#mark();
    this.draw();
  }

  rename() {
    for (const [k, chip] of this.chips) chip.textContent = this.page.title(k);
    this.update();
  }

  #mark() {
    for (const [k, chip] of this.chips) {
      chip.setAttribute("aria-pressed", this.chosen.includes(k));
      chip.disabled = this.chosen.length >= MOST && !this.chosen.includes(k);
    }
  }

  async #draw() {
    const state = [...this.page.state], { pair } = this.about;
    const across = this.chosen.filter((_, i) => i % 2 === 0), down = this.chosen.filter((_, i) => i % 2 === 1);
    const sheet = await createImageBitmap(await (await ask("api/grid", { state, across, down })).blob());
    const columns = signs(across.length, -1), rows = signs(down.length, 1);
    const width = sheet.width / columns.length, height = sheet.height / rows.length;
    const cells = [element("div"), ...columns.map((of) => heading(across, of))];
    rows.forEach((rowSigns, i) => {
      cells.push(heading(down, rowSigns));
      columns.forEach((columnSigns, j) => {
        const canvas = element("canvas", { width, height, className: width < 100 ? "pixels" : "" });
        canvas.getContext("2d").drawImage(sheet, -j * width, -i * height);
        const cell = element("button", { type: "button", title: "Load this item into the sliders" }, canvas);
        cell.setAttribute("aria-label", [...names(across, columnSigns), ...names(down, rowSigns)].join(" ") || "decoded item");
        cell.addEventListener("click", () => {
          const values = Object.fromEntries([...across.map((k, n) => [k, pair * columnSigns[n]]), ...down.map((k, n) => [k, pair * rowSigns[n]])]);
          this.page.load(state.map((value, k) => values[k] ?? value));
        });
        cells.push(cell);
      });
    });
    sheet.close();
    $("grid").style.gridTemplateColumns = `auto repeat(${columns.length}, minmax(0, 5rem))`;
    $("grid").replaceChildren(...cells);
  }
}

// All combinations of n signs, the last of which changes fastest; each begins with `first`.
function signs(n, first) {
  if (n === 0) return [[]];
  return signs(n - 1, first).flatMap((before) => [[...before, first], [...before, -first]]);
}

const names = (components, of) => components.map((k, n) => `${of[n] < 0 ? "−" : "+"}p${k + 1}`);

const heading = (components, of) => element("div", { className: "signs" },
  ...names(components, of).map((text) => element("div", { textContent: text })));
