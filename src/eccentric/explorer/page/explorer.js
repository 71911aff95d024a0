// The page: a state (one number per component, in standard deviations) and what the server answers to it.

import { Scatter, colourOf } from "./scatter.js";

const REACH = 4; // of a slider, in standard deviations
const $ = (id) => document.getElementById(id);
let about, state, scatter;
const past = []; // states before each change, for undo
const sliders = new Map(); // component -> {input, output}

const element = (tag, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children); // text stays text: nothing here is parsed as markup
  return made;
};
const short = (value) => Number(value.toPrecision(9)); // exact in the address; nine digits tell all float32 apart
const component = (k) => `p${k + 1}`;
const number = (value) => (Math.abs(value) >= 1e5 || (value !== 0 && Math.abs(value) < 1e-3)
  ? value.toExponential(2) : String(Number(value.toPrecision(4))));

async function ask(path, content) {
  const options = content === undefined ? {}
    : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(content) };
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Error("The server does not answer. Start eccentric explore again.");
  }
  if (!answer.ok) throw new Error(await answer.text());
  return answer;
}

function report(error) {
  $("message").textContent = error ? error.message : "";
  $("message").hidden = !error;
}

// Runs `work` for the latest request only: while one is answered, newer ones replace each other.
function latestOnly(work) {
  let running = false, waiting = false;
  return async () => {
    waiting = true;
    if (running) return;
    running = true;
    while (waiting) {
      waiting = false;
      try {
        await work();
        report(null);
      } catch (error) {
        report(error);
      }
    }
    running = false;
  };
}

async function drawImage(canvas, blob) {
  const bitmap = await createImageBitmap(blob);
  canvas.width = bitmap.width;
  canvas.height = bitmap.height;
  canvas.classList.toggle("pixels", bitmap.width < 100);
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
  bitmap.close();
}

const decode = latestOnly(async () => {
  const answer = await ask("api/decode", { state });
  if (about.table) {
    showRow((await answer.json()).values);
  } else {
    const blob = await answer.blob();
    await drawImage($("image"), blob);
    $("image").hidden = false;
    const old = $("save").href;
    $("save").href = URL.createObjectURL(blob);
    if (old) URL.revokeObjectURL(old);
  }
  document.dispatchEvent(new CustomEvent("decoded"));
});

const findNearest = latestOnly(async () => {
  const found = await (await ask("api/nearest", { state })).json();
  await showStrip($("stored"), found.stored, "stored", () => "");
  await showStrip($("test"), found.test, "test", (item) => item.label ?? `row ${item.row}`);
});
let rest; // the neighbours follow when the slider rests, so that they never hold up the image

function showState() {
  for (const [k, { input, output }] of sliders) {
    input.value = state[k];
    output.textContent = state[k].toFixed(2);
    input.setAttribute("aria-valuetext", `${state[k].toFixed(2)} standard deviations`);
  }
  scatter.mark(state[$("x-axis").value], state[$("y-axis").value]);
  decode();
  clearTimeout(rest);
  rest = setTimeout(() => {
    findNearest();
    history.replaceState(null, "", `#${state.join(",")}`);
  }, 150);
}

function remember() {
  past.push([...state]);
  if (past.length > 200) past.shift();
  $("undo").disabled = false;
}

function load(next) {
  remember();
  state = next.map(short);
  showState();
}

async function loadFrom(path, content) {
  try {
    load((await (await ask(path, content)).json()).state);
  } catch (error) {
    report(error);
  }
}

async function showStrip(strip, items, folder, caption) {
  const buttons = await Promise.all(items.map(async (item) => {
    const text = [caption(item), Number(item.distance.toPrecision(3))].filter((part) => part !== "").join(" · ");
    const button = element("button", { type: "button", title: "Load this item into the sliders" });
    const answer = await ask(`api/${folder}/${item.index}/item`);
    if (about.table) {
      const { values } = await answer.json();
      button.title = values.map((value, i) => `${about.table.names[i]}: ${number(value)}`).join("\n");
    } else {
      const canvas = element("canvas");
      await drawImage(canvas, await answer.blob());
      button.append(canvas);
    }
    button.append(element("div", { textContent: text, title: text }));
    button.addEventListener("click", () => loadFrom(`api/${folder}/${item.index}/state`));
    return button;
  }));
  strip.replaceChildren(...buttons);
}

// Rows of a table

const bars = [];

function makeBars() {
  const { names, low, high, leftOut } = about.table;
  names.forEach((name, i) => {
    const span = high[i] > low[i] ? high[i] - low[i] : 1;
    const meter = element("meter", { min: 0, max: 1, title: `${number(low[i])} to ${number(high[i])}` });
    meter.setAttribute("aria-label", name);
    const output = element("output");
    bars.push((value) => {
      meter.value = (value - low[i]) / span;
      output.textContent = number(value);
    });
    $("bars").append(element("div", { className: "bar" }, element("span", { textContent: name }), meter, output));
  });
  const hint = "A bar spans the column's range over the reconstructed test rows and the stored real rows."
    + (leftOut ? ` ${leftOut} columns that change less are not shown.` : "");
  $("bars").append(element("p", { className: "hint", textContent: hint }));
  $("bars").hidden = false;
}

function showRow(values) {
  values.forEach((value, i) => bars[i](value));
}

// Components

function makeSlider(info) {
  const k = info.index, name = component(k);
  const share = `${(100 * info.share).toFixed(info.share < 0.1 ? 1 : 0)} %`;
  const small = element("small", { textContent: share, title: `variance ${number(info.variance)}` });
  if (info.stability !== null) small.textContent += `, stability ${info.stability.toFixed(2)}`;
  const input = element("input", { type: "range", id: `slider-${k}`, min: -REACH, max: REACH, step: 0.01, value: 0 });
  const output = element("output", { textContent: "0.00" });
  const pair = about.table ? [element("span"), element("span")] : [0, 1].map((side) => pairImage(k, side));
  const label = element("label", { htmlFor: input.id, textContent: name }, small);
  const row = element("div", { className: "component" }, label, pair[0], input, pair[1], output);
  if (about.table) {
    const moves = about.table.moves[k].map(([i, change]) => `${about.table.names[i]} ${change < 0 ? "↓" : "↑"}`);
    row.append(element("div", { className: "moves", textContent: `To the right: ${moves.join(", ")}` }));
  }
  let dragging = false;
  input.addEventListener("input", () => {
    if (!dragging) remember();
    dragging = true;
    state[k] = Number(input.value);
    showState();
  });
  input.addEventListener("change", () => { dragging = false; });
  input.addEventListener("dblclick", () => load(state.map((value, i) => (i === k ? 0 : value))));
  sliders.set(k, { input, output });
  $("sliders").append(row);
}

function pairImage(k, side) {
  const canvas = element("canvas", { className: "small", width: 1, height: 1 });
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `${component(k)} at ${side ? "plus" : "minus"} ${about.pair} standard deviations`);
  const seen = new IntersectionObserver(async ([entry]) => { // of many components, only those on the screen are decoded
    if (!entry.isIntersecting) return;
    seen.disconnect();
    try {
      await drawImage(canvas, await (await ask(`api/pair/${k}/${side}`)).blob());
    } catch (error) {
      report(error);
    }
  });
  seen.observe(canvas);
  return canvas;
}

// Points

async function showPoints(codes) {
  const [x, y] = [$("x-axis").value, $("y-axis").value];
  try {
    const points = new Float32Array(await (await ask(`api/points?x=${x}&y=${y}`)).arrayBuffer());
    if (x === $("x-axis").value && y === $("y-axis").value) scatter.show(points, about.labels.length ? codes : null);
    scatter.mark(state[x], state[y]);
  } catch (error) {
    report(error);
  }
}

async function makePoints() {
  const codes = new Uint16Array(await (await ask("api/labels")).arrayBuffer());
  const hint = $("under").textContent;
  const pick = (i) => i >= 0 && loadFrom(`api/test/${i}/state`);
  scatter = new Scatter($("scatter"), pick, (i) => {
    const label = i >= 0 && about.labels.length ? `, ${about.labels[codes[i]]}` : "";
    $("under").textContent = i < 0 ? hint : `Item ${i}${label}`;
  });
  for (const [axis, first] of [["x-axis", 0], ["y-axis", 1]]) {
    for (const { index } of about.components) $(axis).append(element("option", { value: index, textContent: component(index) }));
    $(axis).selectedIndex = Math.min(first, about.components.length - 1);
    $(axis).addEventListener("change", () => showPoints(codes));
  }
  about.labels.forEach((name, code) => {
    const dot = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const circle = document.createElementNS("http://www.w3.org/2000/svg", "circle");
    for (const [key, value] of Object.entries({ cx: "50%", cy: "50%", r: "45%", fill: colourOf(code) })) circle.setAttribute(key, value);
    dot.append(circle);
    $("legend").append(element("li", {}, dot, name));
  });
  $("place").max = about.testItems - 1;
  $("place").addEventListener("change", () => $("place").validity.valid && $("place").value !== "" && pick($("place").valueAsNumber));
  return codes;
}

// The state in the address, as a comma-separated list

function stateFromAddress() {
  const values = location.hash.slice(1).split(",").map(Number);
  const fits = values.length === about.components.length && location.hash.length > 1;
  return fits && values.every((value) => Math.abs(value) <= 1000) ? values : about.components.map(() => 0);
}

async function start() {
  about = await (await ask("api/run")).json();
  state = stateFromAddress();
  document.title = `${about.name} · eccentric explorer`;
  $("title").textContent = about.name;
  const kept = about.heldOut ? "test items" : "training items (no test items were held out)";
  $("about").textContent = `${about.items}, ${about.components.length} components, ${about.testItems} ${kept}`;
  $("pair-hint").textContent = about.table ? "" : `The images show −${about.pair} and +${about.pair}.`;
  $("stored-hint").textContent = `The nearest of the ${about.storedItems} items that the run folder keeps as they are in the data, `
    + "with the distance between the latents.";
  $("test-hint").textContent = `The nearest of all ${about.testItems.toLocaleString("en")} encoded items. `
    + "The folder keeps their latents only, so these are reconstructions.";
  if (about.table) makeBars();
  for (const info of about.components) makeSlider(info);
  for (const name of Object.keys(about.samplings)) $("sampling").append(element("option", { value: name, textContent: name }));
  const describe = () => { $("sampling-hint").textContent = about.samplings[$("sampling").value]; };
  $("sampling").addEventListener("change", describe);
  describe();
  $("random").addEventListener("click", () => loadFrom("api/random", { sampling: $("sampling").value }));
  $("reset").addEventListener("click", () => load(state.map(() => 0)));
  $("undo").addEventListener("click", () => {
    state = past.pop();
    $("undo").disabled = !past.length;
    showState();
  });
  $("save").hidden = Boolean(about.table);
  $("save").download = `${about.name.replace(/[^\w-]+/g, "-")}.png`;
  addEventListener("hashchange", () => load(stateFromAddress()));
  const codes = await makePoints();
  showState();
  await showPoints(codes);
  document.querySelector("main").setAttribute("aria-busy", "false");
}

start().catch(report);
