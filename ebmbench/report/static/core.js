"use strict";
// What all parts of the page share: the payload, elements, numbers, the selection in the address, and decoded surfaces.

const DATA = JSON.parse(document.getElementById("payload").textContent);
const SVG = "http://www.w3.org/2000/svg";

function num(x) { return x === "inf" ? Infinity : x === "-inf" ? -Infinity : x; }

function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

function clear(node) { node.replaceChildren(); return node; }

/** Two significant digits, or three where asked; words for what is not finite. */
function text(x, digits = 3) {
  x = num(x);
  if (x === null || x === undefined) return "-";
  if (!Number.isFinite(x)) return x > 0 ? "inf" : "-inf";
  if (x === 0) return "0";
  const size = Math.abs(x);
  if (size >= 1e5 || size < 1e-3) return x.toExponential(1);
  return String(Number(x.toPrecision(digits)));
}

const METHODS = DATA.methods, DATASETS = DATA.datasets;
const LOOK = Object.fromEntries(DATA.strategies.map((look) => [look.name, look]));
function lookOf(method) { return LOOK[METHODS[method].strategy]; }

/** On a dark page the darkest colors are mixed with white. */
const DARK = window.matchMedia("(prefers-color-scheme: dark)");
for (const look of DATA.strategies) look.own = look.color;
function tint() {
  for (const look of DATA.strategies) {
    const rgb = [1, 3, 5].map((k) => parseInt(look.own.slice(k, k + 2), 16));
    const dim = 0.3 * rgb[0] + 0.59 * rgb[1] + 0.11 * rgb[2] < 115;
    look.color = DARK.matches && dim ? `rgb(${rgb.map((c) => Math.round(0.55 * c + 0.45 * 255)).join(",")})` : look.own;
  }
}
tint();

// --- the selection, in the address's hash ---------------------------------------------------------------------------

const DEFAULTS = { board: "0", sort: "", filter: "", off: "", d: "", a: "", b: "", sa: "", sb: "", f: "", ratio: "b",
  metric: "", x: "passes", cd: "", cut: "", trial: "" };
const STATE = { ...DEFAULTS };
const LISTENERS = [];

function readHash() {
  const found = new URLSearchParams(location.hash.startsWith("#!") ? location.hash.slice(2) : "");
  if (!location.hash.startsWith("#!")) return;
  for (const name of Object.keys(DEFAULTS)) STATE[name] = found.has(name) ? found.get(name) : DEFAULTS[name];
}

function writeHash() {
  const kept = Object.entries(STATE).filter(([name, value]) => value !== DEFAULTS[name]);
  history.replaceState(null, "", "#!" + new URLSearchParams(kept));
}

/** Change the selection; every part that listens draws itself anew. */
function select(changes) {
  Object.assign(STATE, Object.fromEntries(Object.entries(changes).map(([name, value]) => [name, String(value)])));
  writeHash();
  for (const listener of LISTENERS) if (listener.names.some((name) => name in changes)) listener.draw();
}

function onChange(names, draw) { LISTENERS.push({ names, draw }); }

window.addEventListener("hashchange", () => {
  if (!location.hash.startsWith("#!")) return;
  readHash();
  for (const listener of LISTENERS) listener.draw();
});

DARK.addEventListener("change", () => {
  tint();
  for (const listener of LISTENERS) listener.draw();
});

// --- controls --------------------------------------------------------------------------------------------------------

function choice(label, options, value, change) {
  const box = el("select", { onchange: () => change(box.value) });
  for (const [id, name] of options) {
    const option = el("option", { value: id }, name);
    option.selected = id === value;
    box.append(option);
  }
  return el("label", {}, label, box);
}

/** A tip that follows the pointer, or stands by what has the focus. */
const TIP = document.getElementById("tip");
function tipped(node, say) {
  const show = (x, y) => {
    TIP.textContent = typeof say === "function" ? say() : say;
    TIP.hidden = false;
    TIP.style.left = Math.min(x + 12, window.innerWidth - TIP.offsetWidth - 8) + "px";
    TIP.style.top = Math.min(y + 12, window.innerHeight - TIP.offsetHeight - 8) + "px";
  };
  node.addEventListener("pointermove", (event) => show(event.clientX, event.clientY));
  node.addEventListener("focus", () => { const box = node.getBoundingClientRect(); show(box.left, box.bottom); });
  for (const name of ["pointerleave", "blur"]) node.addEventListener(name, () => { TIP.hidden = true; });
  return node;
}

function save(name, content, type) {
  const link = el("a", { href: URL.createObjectURL(new Blob([content], { type })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

// --- what is deflated ------------------------------------------------------------------------------------------------

async function inflate(base64) {
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

const SURFACES = new Map();
/** The energies of a blob in nats: {side, nats, top}; a cell of 255 is that or more. */
function surface(blob, low) {
  if (!SURFACES.has(blob)) {
    SURFACES.set(blob, inflate(DATA.gallery.blobs[blob]).then((bytes) => ({
      side: Math.sqrt(bytes.length),
      bytes,
      nats: Float32Array.from(bytes, (byte) => low + byte * DATA.gallery.step),
    })));
  }
  return SURFACES.get(blob);
}
