// What all parts of the page share: elements, numbers, and questions to the server.

export const $ = (id) => document.getElementById(id);

// Children and texts stay text: nothing here is parsed as markup.
export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

export const number = (value) => (Math.abs(value) >= 1e5 || (value !== 0 && Math.abs(value) < 1e-3)
  ? value.toExponential(2) : String(Number(value.toPrecision(4))));

// A slider's value. Screen readers say "minus" for this sign, and often skip a hyphen.
export const deviations = (value) => value.toFixed(2).replace(/^-(0\.00)?/, (_, zero) => zero ?? "−");

// Exact in the address and in files; nine digits tell all float32 apart.
export const short = (value) => Number(value.toPrecision(9));

const GONE = "The server does not answer. Start eccentric explore again.";

export async function ask(path, content) {
  const options = content === undefined ? {} : content instanceof Blob ? { method: "POST", body: content }
    : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(content) };
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Error(GONE);
  }
  if (!answer.ok) throw new Error(await answer.text());
  return answer;
}

export const askJson = async (path, content) => (await ask(path, content)).json();

// A function that sends one message and returns the bytes of its answer, over a WebSocket: this takes several milliseconds
// less than a request by HTTP. The next message must wait for the answer.
export function makeSocket(path) {
  const address = new URL(path, location.href);
  address.protocol = "ws:";
  address.search = address.hash = "";
  let socket = null;
  const opened = () => new Promise((resolve, fail) => {
    socket = new WebSocket(address);
    socket.binaryType = "arraybuffer";
    socket.onopen = resolve;
    socket.onclose = () => fail(new Error(GONE));
  });
  return async (content) => {
    if (socket?.readyState !== WebSocket.OPEN) await opened();
    const answer = await new Promise((resolve, fail) => {
      socket.onmessage = ({ data }) => resolve(data);
      socket.onclose = () => fail(new Error(GONE));
      socket.send(JSON.stringify(content));
    });
    if (typeof answer === "string") throw new Error(answer);
    return answer;
  };
}

export function report(error) {
  $("message").textContent = error ? error.message : "";
  $("message").hidden = !error;
}

// A function whose failures are reported on the page. The message stays until this function succeeds or a key or button is
// pressed: other requests, which end at any time, do not remove it.
let failed = null;

export const reported = (work) => async (...given) => {
  try {
    await work(...given);
    if (failed === work) report(null);
  } catch (error) {
    failed = work;
    report(error);
  }
};

for (const pressed of ["pointerdown", "keydown"]) addEventListener(pressed, () => report(null), true);

// Runs `work` for the latest request only: while one is answered, newer ones replace each other.
export function latestOnly(work) {
  const run = reported(work);
  let running = false, waiting = false;
  return async () => {
    waiting = true;
    if (running) return;
    running = true;
    while (waiting) {
      waiting = false;
      await run();
    }
    running = false;
  };
}

export async function drawImage(canvas, blob) {
  const bitmap = await createImageBitmap(blob);
  canvas.width = bitmap.width;
  canvas.height = bitmap.height;
  canvas.classList.toggle("pixels", bitmap.width < 100);
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
  bitmap.close();
}

// Shows an image that seldom changes in an <img>: the browser composites each canvas separately, so a hundred small ones
// slow down every frame.
export async function showImage(image, blob) {
  image.src = URL.createObjectURL(blob);
  await image.decode();
  URL.revokeObjectURL(image.src);
  image.removeAttribute("width");
  image.removeAttribute("height");
  image.classList.toggle("pixels", image.naturalWidth < 100);
}

// A draft: its width, and its pixels of four bytes each, row by row.
export function drawPixels(canvas, answer) {
  const pixels = new ImageData(new Uint8ClampedArray(answer, 4), new DataView(answer).getUint32(0, true));
  if (canvas.width !== pixels.width || canvas.height !== pixels.height) {
    canvas.width = pixels.width;
    canvas.height = pixels.height;
    canvas.classList.toggle("pixels", pixels.width < 100);
  }
  canvas.getContext("2d").putImageData(pixels, 0, 0);
}

export function save(name, blob) {
  const link = element("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// Tabs: each button shows the panel that it controls, and hides those of the others.
export function makeTabs(list, onShow = () => {}) {
  const tabs = [...list.querySelectorAll("[role=tab]")];
  const choose = (tab) => {
    for (const other of tabs) {
      other.setAttribute("aria-selected", other === tab);
      other.tabIndex = other === tab ? 0 : -1;
      $(other.getAttribute("aria-controls")).hidden = other !== tab;
    }
    onShow(tab.getAttribute("aria-controls"));
  };
  tabs.forEach((tab, i) => {
    tab.addEventListener("click", () => choose(tab));
    tab.addEventListener("keydown", ({ key }) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
      if (!step) return;
      const next = tabs[(i + step + tabs.length) % tabs.length];
      next.focus();
      choose(next);
    });
  });
}
