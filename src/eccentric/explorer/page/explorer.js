// The page: a state (one number per component, in standard deviations) and what the server answers to it.

import { Bars } from "./bars.js";
import { $, ask, askJson, drawImage, drawPixels, element, latestOnly, makeSocket, makeTabs, number, report, reported, save, short, showImage } from "./common.js";
import { Directions } from "./directions.js";
import { Grid } from "./grid.js";
import { Own } from "./own.js";
import { Points } from "./points.js";
import { Sliders } from "./sliders.js";

let about, sliders, points, grid, directions, bars;
let rest, resting = false; // a timer, and whether it has run out since the last change
const past = []; // states before each change, for undo

// What the parts of the page may do to the state.
const page = {
  state: [],
  title: (k) => sliders.title(k),

  // One component while its slider moves; `first` begins a drag, which undo takes back as a whole.
  move(k, value, first) {
    if (first) remember();
    page.state[k] = short(value);
    showState();
  },
  moveAll(state, first) {
    if (first) remember();
    page.state = state.map(short);
    showState();
  },
  load(state) {
    remember();
    page.state = state.map(short);
    showState();
  },
  set(values) {
    page.load(page.state.map((value, k) => values[k] ?? value));
  },
  loadFrom: reported(async (path, content) => page.load((await askJson(path, content)).state)),
  renamed() {
    points.rename();
    if (grid) grid.rename();
  },
  find(k) {
    $("components-tab").click();
    $(`slider-${k}`).focus();
  },
};

// Shows the item of one run. While a slider moves, the pixels of a draft, which may differ by some grey levels from the image
// that replaces them when the state rests.
function painter(canvas, other, mark) {
  const draft = makeSocket("api/drafts"), path = other ? "api/decode-other" : "api/decode";
  return latestOnly(async () => {
    const { state } = page;
    if (bars) mark((await askJson(path, { state })).values);
    else if (resting) await drawImage(canvas, await (await ask(path, { state })).blob());
    else drawPixels(canvas, await draft({ state, other }));
    canvas.hidden = Boolean(bars);
    if (other) return;
    if (!resting) restSoon();
    document.dispatchEvent(new CustomEvent("decoded"));
  });
}
const paint = painter($("image"), false, (values) => bars.show(values));
const paintOther = painter($("other"), true, (values) => bars.mark("other", values));

function decode() {
  paint();
  if (about.runs) paintOther();
}

const findNearest = latestOnly(async () => {
  const found = await askJson("api/nearest", { state: page.state });
  await showStrip($("stored"), found.stored, "stored", (item) => (about.table ? `item ${item.index}` : ""));
  await showStrip($("test"), found.test, "test", (item) => item.label ?? `row ${item.row}`);
});

function showState() {
  sliders.show(page.state);
  directions.show(page.state);
  points.mark(page.state);
  clearTimeout(rest);
  resting = false;
  decode();
}

// The exact image, the neighbours and the grid follow when the state rests, so that they never hold up a draft.
function restSoon() {
  clearTimeout(rest);
  rest = setTimeout(() => {
    resting = true;
    if (!bars) decode();
    findNearest();
    if (grid) grid.update();
    history.replaceState(null, "", `#${page.state.join(",")}`);
  }, 150);
}

function remember() {
  past.push([...page.state]);
  if (past.length > 200) past.shift();
  $("undo").disabled = false;
}

async function showStrip(strip, items, folder, caption) {
  const buttons = await Promise.all(items.map(async (item) => {
    const distance = String(Number(item.distance.toPrecision(3)));
    const lines = [caption(item), distance].filter(Boolean);
    const button = element("button", { type: "button", title: "Load this item into the sliders" });
    const answer = await ask(`api/${folder}/${item.index}/item`);
    if (about.table) {
      const { values } = await answer.json();
      button.title = values.map((value, i) => `${about.table.names[i]}: ${number(value)}`).join("\n");
    } else {
      const image = element("img", { alt: "" });
      await showImage(image, await answer.blob());
      button.append(image);
    }
    button.append(...lines.map((line) => element("div", { textContent: line, title: line })));
    const name = caption(item) || `${folder} item ${item.index}`;
    button.setAttribute("aria-label", `${name}, distance ${distance}: load into the sliders`);
    button.addEventListener("click", () => page.loadFrom(`api/${folder}/${item.index}/state`));
    return button;
  }));
  strip.replaceChildren(...buttons);
}

// The state in the address, as a comma-separated list

function stateFromAddress() {
  const values = location.hash.slice(1).split(",").map(Number);
  const fits = values.length === about.components.length && location.hash.length > 1;
  return fits && values.every((value) => Math.abs(value) <= 1000) ? values : about.components.map(() => 0);
}

function describe() {
  document.title = `${about.name} · eccentric explorer`;
  $("title").textContent = about.name;
  const kept = about.heldOut ? "test items" : "training items (no test items were held out)";
  $("about").textContent = `${about.items}, ${about.components.length} components, ${about.testItems.toLocaleString("en")} ${kept}`;
  const order = about.components[0].importance == null ? "largest variance" : "most important";
  $("pair-hint").textContent = `In standard deviations, the ${order} first.`
    + (about.table ? "" : ` The images show −${about.pair} and +${about.pair}; click one to go there.`);
  $("stored-hint").textContent = `The nearest of the ${about.storedItems} real items in the run folder, with the distance between latents.`;
  $("test-hint").textContent = `The nearest of all ${about.testItems.toLocaleString("en")} encoded items. `
    + "The folder keeps only their latents, so these are reconstructions.";
  if (!about.runs) return;
  const [first, second] = about.runs;
  $("about").textContent += `. Runs: ${first} and ${second}, whose components are aligned; r is their correlation on test items.`;
  $("image-caption").textContent = first;
  $("other-caption").textContent = second;
  $("other-figure").hidden = Boolean(about.table);
}

function connectButtons() {
  const file = about.name.replace(/[^\w-]+/g, "-");
  for (const name of Object.keys(about.samplings)) $("sampling").append(element("option", { value: name, textContent: name }));
  const hint = () => { $("sampling").title = about.samplings[$("sampling").value]; };
  $("sampling").addEventListener("change", hint);
  hint();
  $("random").addEventListener("click", () => page.loadFrom("api/random", { sampling: $("sampling").value }));
  $("reset").addEventListener("click", () => page.load(page.state.map(() => 0)));
  $("undo").addEventListener("click", () => {
    page.state = past.pop();
    $("undo").disabled = !past.length;
    showState();
  });
  $("save").hidden = Boolean(about.table);
  $("save").addEventListener("click", reported(async () => {
    save(`${file}.png`, await (await ask("api/decode", { state: page.state })).blob());
  }));
  $("save-state").addEventListener("click", () => {
    const content = { run: about.name, components: about.fingerprint, state: page.state };
    save(`${file}-state.json`, new Blob([JSON.stringify(content, null, 1)], { type: "application/json" }));
  });
  addEventListener("hashchange", () => page.load(stateFromAddress()));
}

async function start() {
  about = await askJson("api/run");
  page.state = stateFromAddress();
  describe();
  if (about.table) bars = new Bars(about.table);
  sliders = new Sliders(about, page);
  directions = new Directions(about, page);
  new Own(about, page, bars);
  connectButtons();
  points = new Points(about, page);
  if (!about.table) grid = new Grid(about, page);
  $("directions-tab").hidden = !about.directions;
  $("grid-tab").hidden = Boolean(about.table);
  makeTabs($("slider-tabs"), (shown) => shown === "directions-panel" && directions.open());
  makeTabs($("point-tabs"), (shown) => shown === "grid-panel" && grid.draw());
  showState();
  await points.colour();
  await points.load();
  document.querySelector("main").setAttribute("aria-busy", "false");
}

start().catch(report);
