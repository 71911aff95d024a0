// The user's own items: chosen, dropped or pasted, encoded by the server, and loaded into the sliders.

import { $, askJson, drawImage, element, number, reported } from "./common.js";

const MOST_BYTES = 20 * 2 ** 20;

export class Own {
  constructor(about, page, bars) {
    this.about = about;
    this.page = page;
    this.bars = bars;
    this.items = [];
    $("open").textContent = about.table ? "Open CSV…" : "Open image…";
    $("file").accept = about.table ? ".csv,.tsv,.txt,.json" : "image/*,.json";
    $("open").addEventListener("click", () => $("file").click());
    $("file").addEventListener("change", () => {
      if ($("file").files.length) this.take($("file").files[0]);
      $("file").value = "";
    });
    $("paste").hidden = !about.table;
    $("paste-row").addEventListener("click", () => {
      if ($("pasted").value.trim()) this.take(new Blob([$("pasted").value]));
    });
    $("own-row").addEventListener("change", () => this.#show(Number($("own-row").value) - 1));
    $("own-close").addEventListener("click", () => this.close());
    addEventListener("dragover", (event) => {
      event.preventDefault();
      document.body.classList.add("dropping");
    });
    addEventListener("dragleave", (event) => event.relatedTarget === null && document.body.classList.remove("dropping"));
    addEventListener("drop", (event) => {
      event.preventDefault();
      document.body.classList.remove("dropping");
      if (event.dataTransfer.files.length) this.take(event.dataTransfer.files[0]);
    });
    addEventListener("paste", (event) => {
      if (event.clipboardData.files.length) this.take(event.clipboardData.files[0]);
    });
    this.take = reported(this.take.bind(this));
  }

  async take(file) {
    if (file.size > MOST_BYTES) throw new Error(`The file is larger than ${MOST_BYTES / 2 ** 20} MB.`);
    if (file.name?.toLowerCase().endsWith(".json")) return this.#takeState(await file.text());
    const found = await askJson("api/own", file);
    this.items = found.items;
    this.notes = found.notes;
    $("own-row").max = this.items.length;
    $("own-rows").hidden = this.items.length < 2;
    $("own-count").textContent = `of ${this.items.length}`;
    await this.#show(0);
  }

  // What "Save state" wrote.
  #takeState(text) {
    let state;
    try {
      ({ state } = JSON.parse(text));
    } catch {
      throw new Error("The file is no state: it is not JSON.");
    }
    const { length } = this.about.components;
    if (!Array.isArray(state) || state.length !== length || !state.every((value) => Number.isFinite(value) && Math.abs(value) <= 1000)) {
      throw new Error(`The file is no state of ${length} components.`);
    }
    this.page.load(state);
  }

  async #show(i) {
    const item = this.items[i];
    if (!item) return;
    $("own-row").value = i + 1;
    if (this.about.table) {
      this.bars.mark("own", item.values);
    } else {
      const bytes = Uint8Array.from(atob(item.png), (letter) => letter.charCodeAt(0));
      await drawImage($("own"), new Blob([bytes], { type: "image/png" }));
      $("own-figure").hidden = false;
    }
    $("own-text").textContent = [
      `Your item${this.about.table ? " (ticks on the bars)" : ""} is loaded into the sliders. Squared error of its reconstruction: `
        + `${number(item.error)}; the test items have ${number(this.about.error)} on average.`,
      ...this.notes.map((note) => `${note[0].toUpperCase()}${note.slice(1)}.`),
    ].join(" ");
    $("own-about").hidden = false;
    this.page.load(item.state);
  }

  close() {
    this.items = [];
    $("own-figure").hidden = $("own-about").hidden = true;
    if (this.bars) this.bars.mark("own", null);
  }
}
