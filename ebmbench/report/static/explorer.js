"use strict";
// The surfaces of two methods beside the truth and their log ratio: one color bar, one crosshair, one film.

const EXPLORER = document.getElementById("explorer-body");
const GALLERY = DATA.gallery, DEPTH = 7, SPAN = 3;

const BACKDROP = new Map(GALLERY.backdrops.map((backdrop) => [backdrop.dataset, backdrop]));
const STILLS = new Map();
for (const still of GALLERY.stills) {
  const key = still.method + "/" + still.dataset;
  if (!STILLS.has(key)) STILLS.set(key, []);
  STILLS.get(key).push(still);
}

function drawnDatasets() { return [...BACKDROP.keys()]; }
function seedsOf(method, dataset) { return STILLS.get(method + "/" + dataset) || []; }

/** The two methods, the dataset and the seeds that are chosen, or else the first of the board that have a picture. */
function chosen() {
  const datasets = drawnDatasets();
  const dataset = datasets.includes(Number(STATE.d)) && STATE.d !== "" ? Number(STATE.d) : datasets[0];
  const order = [...new Set([...DATA.boards.flatMap((board) => board.places.map((place) => place.method)), ...METHODS.keys()])];
  const shown = order.filter((m) => seedsOf(m, dataset).length);
  const family = (m) => LOOK[METHODS[m].strategy].family;
  const a = STATE.a !== "" && Object.hasOwn(METHODS, STATE.a) ? Number(STATE.a) : shown[0];
  const other = shown.find((m) => m !== a && family(m) !== family(a) && !METHODS[m].reference);
  const b = STATE.b !== "" && Object.hasOwn(METHODS, STATE.b) ? Number(STATE.b) : other ?? shown.find((m) => m !== a) ?? a;
  const still = (m, seed) => seedsOf(m, dataset).find((s) => String(s.seed) === seed) || seedsOf(m, dataset)[0];
  return { dataset, a, b, shown, stillA: still(a, STATE.sa), stillB: still(b, STATE.sb) };
}

/** Places of the slider: what the trainings of either had spent, and at last the end. */
function placesOf(pick) {
  const films = [pick.stillA, pick.stillB].filter((s) => s && s.film.length).map((s) => s.passes.slice(0, s.film.length));
  const all = films.flat().sort((x, y) => x - y).filter((x, k, xs) => !k || x > xs[k - 1] * 1.05);
  return [...all, Infinity];
}

async function frame(still, passes, low) {
  if (!still) return null;
  if (passes === Infinity || !still.film.length) return { ...(await surface(still.blob, low)), when: "at the end" };
  const k = Math.max(still.passes.findLastIndex((x) => x <= passes * 1.06), 0);
  return { ...(await surface(still.film[k], low)), when: `after ${tickText(still.passes[k])} passes` };
}

// --- drawing ---------------------------------------------------------------------------------------------------------

const PANELS = ["truth", "A", "B", "ratio"].map((name) => {
  const canvas = el("canvas", { width: 300, height: 300, tabindex: 0, role: "img" });
  const caption = el("figcaption"), reading = el("div", { class: "reading" });
  const lines = svg("svg", { class: "over", viewBox: "0 0 100 100", preserveAspectRatio: "none", "aria-hidden": "true" });
  const node = el("figure", {}, caption, el("div", { class: "frame" }, canvas, lines), reading);
  return { name, canvas, caption, reading, lines, node };
});
const SECTION = el("div"), BARS = el("div", { class: "bars" });
const SLIDER = el("input", { type: "range", min: 0, step: 1, "aria-label": "milestone of the training" });
const WHEN = el("span", { class: "small" }), PLAY = el("button", {}, "play");
const FILM = el("div", { class: "controls" }, el("label", {}, "film", SLIDER), PLAY, WHEN);
let SHOWN = null, CROSS = null, ENDS = [], PLAYING = null, TURN = 0;

function paint(canvas, values, side, colors, low, high) {
  canvas.width = canvas.height = side;
  const context = canvas.getContext("2d"), image = context.createImageData(side, side);
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      const value = values[row * side + column], k = 4 * ((side - 1 - row) * side + column);
      const color = 3 * Math.max(0, Math.min(255, Math.round((255 * (value - low)) / (high - low))));
      image.data[k] = colors[color];
      image.data[k + 1] = colors[color + 1];
      image.data[k + 2] = colors[color + 2];
      image.data[k + 3] = 255;
    }
  }
  context.putImageData(image, 0, 0);
}

function at(field, u, v) {
  const n = field.side, k = Math.min(n - 1, Math.floor(v * n)) * n + Math.min(n - 1, Math.floor(u * n));
  return { nats: field.nats[k], beyond: field.bytes[k] === 255, below: field.bytes[k] === 0 };
}

function natsText(found) { return (found.beyond ? "\u2265 " : found.below ? "\u2264 " : "") + found.nats.toFixed(2); }

/** The log ratio log(q / r) = E_r - E_q on the finer of two lattices. */
function ratioOf(one, other) {
  const side = Math.max(one.side, other.side), values = new Float32Array(side * side);
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      const u = (column + 0.5) / side, v = (row + 0.5) / side;
      values[row * side + column] = at(other, u, v).nats - at(one, u, v).nats;
    }
  }
  return { side, values };
}

const RATIOS = { b: ["A", "B", "log(A / B)"], ta: ["A", "truth", "log(A / truth)"], tb: ["B", "truth", "log(B / truth)"] };

function ratioNow() { return Object.hasOwn(RATIOS, STATE.ratio) ? RATIOS[STATE.ratio] : RATIOS.b; }

/** Of the slider, of so many after the first; the last where the hash says nothing that can be had. */
function placeNow(last) {
  const wanted = STATE.f === "" ? last : Number(STATE.f);
  return Number.isInteger(wanted) && wanted >= 0 && wanted <= last ? wanted : last;
}

async function drawExplorer() {
  const turn = ++TURN, pick = chosen(), backdrop = BACKDROP.get(pick.dataset);
  const places = placesOf(pick), place = placeNow(places.length - 1);
  SLIDER.max = places.length - 1;
  SLIDER.value = place;
  SLIDER.disabled = PLAY.disabled = places.length < 2;
  const [truth, a, b] = await Promise.all([
    backdrop.blob === null ? null : surface(backdrop.blob, backdrop.low),
    frame(pick.stillA, places[place], backdrop.low),
    frame(pick.stillB, places[place], backdrop.low),
  ]);
  if (turn !== TURN) return;
  WHEN.textContent = places[place] === Infinity ? "the end of training" : `${tickText(places[place])} passes`;
  SLIDER.setAttribute("aria-valuetext", WHEN.textContent);
  SHOWN = { pick, backdrop, truth, A: a, B: b };
  const low = backdrop.low + 1;
  const captions = { truth: ["truth", DATASETS[pick.dataset]], A: captionOf("A", pick.a, pick.stillA, a), B: captionOf("B", pick.b, pick.stillB, b) };
  for (const panel of PANELS.slice(0, 3)) {
    clear(panel.caption).append(...captions[panel.name].flatMap((part, k) => (k ? [el("br"), part] : [part])));
    panel.canvas.setAttribute("aria-label", captions[panel.name].join(", ") + ": energy surface; arrow keys move the crosshair");
    const field = SHOWN[panel.name];
    if (field) paint(panel.canvas, field.nats, field.side, RAMP.mako, low, low + 1 + DEPTH);
    else if (panel.name === "truth") points(panel.canvas, backdrop.points);
    else blank(panel.canvas);
  }
  const [one, other, title] = ratioNow(), panel = PANELS[3];
  clear(panel.caption).append(title, el("br"), `red: ${one} gives more mass, blue: less`);
  panel.canvas.setAttribute("aria-label", title + " in nats; arrow keys move the crosshair");
  if (SHOWN[one] && SHOWN[other]) {
    const found = ratioOf(SHOWN[one], SHOWN[other]);
    paint(panel.canvas, found.values, found.side, RAMP.diverging, -SPAN, SPAN);
  } else blank(panel.canvas);
  clear(BARS).append(colorBar("mako", backdrop.low + 1, backdrop.low + 2 + DEPTH, "-log q (nats)", [true, true]),
    colorBar("diverging", -SPAN, SPAN, "log ratio (nats)", [true, true]));
  readCross();
  drawSection();
}

function captionOf(name, method, still, field) {
  const number = DATA.trials.find((t) => still && t.method === method && t.dataset === still.dataset && t.seed === still.seed);
  const judged = BACKDROP.get(chosen().dataset).judged, value = number && number.numbers[judged];
  const said = value === undefined ? "" : `, ${judged} ${text(value, 2)}`;
  return [`${name}: ${METHODS[method].name} (${METHODS[method].strategy})`,
    still && field ? `seed ${still.seed}, \u03b2 ${text(still.beta)}${said}; ${field.when}` : "no surface"];
}

function blank(canvas) {
  canvas.width = canvas.height = 300;
  const context = canvas.getContext("2d");
  context.fillStyle = "#888";
  context.font = "14px sans-serif";
  context.fillText("no surface", 110, 150);
}

function points(canvas, places) {
  canvas.width = canvas.height = 300;
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, 300, 300);
  context.fillStyle = "#000";
  for (let k = 0; k < places.length; k += 2) context.fillRect(300 * places[k], 300 * (1 - places[k + 1]), 1.5, 1.5);
}

// --- the crosshair ---------------------------------------------------------------------------------------------------

function readCross() {
  for (const panel of PANELS) {
    const field = panel.name === "ratio" ? null : SHOWN[panel.name];
    if (!CROSS) { panel.reading.textContent = ""; continue; }
    const [u, v] = CROSS;
    if (panel.name === "ratio") {
      const [one, other] = ratioNow();
      panel.reading.textContent = SHOWN[one] && SHOWN[other]
        ? `${(at(SHOWN[other], u, v).nats - at(SHOWN[one], u, v).nats).toFixed(2)} nats` : "";
    } else panel.reading.textContent = field ? `${natsText(at(field, u, v))} nats${whereText(panel.name, u, v)}` : "";
  }
  drawLines();
}

function whereText(name, u, v) {
  const box = SHOWN.backdrop.box;
  if (name !== "truth" || !box.length) return "";
  return ` at (${(box[0] + u * (box[2] - box[0])).toFixed(2)}, ${(box[1] + v * (box[3] - box[1])).toFixed(2)})`;
}

function drawLines() {
  for (const panel of PANELS) {
    clear(panel.lines);
    const line = (x1, y1, x2, y2, color, width) => panel.lines.append(svg("line", { x1, y1, x2, y2, stroke: color,
      "stroke-width": width, "vector-effect": "non-scaling-stroke" }));
    if (CROSS) {
      const x = 100 * CROSS[0], y = 100 * (1 - CROSS[1]);
      for (const [color, width] of [["#000", 2.4], ["#fff", 1]]) {
        line(x, 0, x, 100, color, width);
        line(0, y, 100, y, color, width);
      }
    }
    const cut = cutOf();
    if (cut) for (const [color, width] of [["#000", 4], ["#ffb000", 2]]) line(100 * cut[0], 100 * (1 - cut[1]), 100 * cut[2], 100 * (1 - cut[3]), color, width);
  }
}

function placeOf(event) {
  const box = event.currentTarget.getBoundingClientRect();
  const inside = (x) => Math.min(Math.max(x, 0), 0.9999);
  return [inside((event.clientX - box.left) / box.width), inside(1 - (event.clientY - box.top) / box.height)];
}

function pinned() {
  ENDS.push(CROSS);
  if (ENDS.length === 2) {
    const cut = ENDS.flat().map((x) => x.toFixed(3)).join(",");
    ENDS = [];
    select({ cut });
  }
}

for (const { canvas } of PANELS) {
  canvas.addEventListener("pointermove", (event) => { CROSS = placeOf(event); readCross(); });
  canvas.addEventListener("click", (event) => { CROSS = placeOf(event); readCross(); pinned(); });
  canvas.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    const inside = (x) => Math.min(Math.max(x, 0), 0.9999);
    if (steps) {
      CROSS = CROSS || [0.5, 0.5];
      CROSS = CROSS.map((x, k) => inside(x + (steps[k] * (event.shiftKey ? 5 : 1)) / 100));
      readCross();
    } else if (event.key === "Enter" && CROSS) pinned();
    else return;
    event.preventDefault();
  });
}

// --- the cross-section -----------------------------------------------------------------------------------------------

function cutOf() {
  const cut = STATE.cut.split(",").map(Number);
  return cut.length === 4 && cut.every((x) => x >= 0 && x <= 1) ? cut : null;
}

function drawSection() {
  clear(SECTION);
  const cut = cutOf() || [0, 0.5, 0.9999, 0.5], n = 200;
  const lines = ["truth", "A", "B"].filter((name) => SHOWN[name]).map((name) => {
    const values = [];
    for (let k = 0; k < n; k++) {
      const f = k / (n - 1);
      values.push(at(SHOWN[name], cut[0] + f * (cut[2] - cut[0]), cut[1] + f * (cut[3] - cut[1])).nats);
    }
    return { name, values };
  });
  if (!lines.length) return;
  const low = SHOWN.backdrop.low, box = SHOWN.backdrop.box;
  const length = box.length ? Math.hypot((cut[2] - cut[0]) * (box[2] - box[0]), (cut[3] - cut[1]) * (box[3] - box[1])) : 1;
  const { node, X, Y, plot } = chart("Energies along the cross-section", [0, length, false, "along the cut"],
    [low, low + 2 + 2 * DEPTH, false, "-log q (nats)"], 900, 260);
  const colors = { truth: "#888888", A: lookOf(SHOWN.pick.a).color, B: lookOf(SHOWN.pick.b).color };
  const dashes = { truth: "none", A: "none", B: "6 3" };
  lines.forEach(({ name, values }, k) => {
    plot.append(path(values.map((_, i) => (length * i) / (n - 1)), values, X, Y, { stroke: colors[name],
      "stroke-width": name === "truth" ? 4 : 2, "stroke-dasharray": dashes[name], opacity: name === "truth" ? 0.6 : 1 }));
    const words = name === "truth" ? "truth" : `${name}: ${METHODS[SHOWN.pick[name.toLowerCase()]].name}`;
    plot.append(svg("line", { x1: 70 + 190 * k, x2: 92 + 190 * k, y1: 20, y2: 20, stroke: colors[name], "stroke-width": 3, "stroke-dasharray": dashes[name] }),
      svg("text", { x: 97 + 190 * k, y: 24 }, words.slice(0, 28)));
  });
  SECTION.append(framed(node, "cross-section"));
}

// --- controls --------------------------------------------------------------------------------------------------------

function explorerControls() {
  const box = clear(document.querySelector('[data-for="explorer"]')), pick = chosen();
  const options = [...pick.shown].sort((x, y) => METHODS[x].name.localeCompare(METHODS[y].name)).map((m) => [String(m), METHODS[m].name]);
  const seeds = (m) => seedsOf(m, pick.dataset).map((s, k) => [String(s.seed), `${s.seed}${k ? "" : " (median)"}`]);
  box.append(choice("data", drawnDatasets().map((d) => [String(d), DATASETS[d]]), String(pick.dataset), (d) => select({ d })));
  for (const [name, method, still] of [["a", pick.a, pick.stillA], ["b", pick.b, pick.stillB]]) {
    box.append(choice(name.toUpperCase(), options, String(method), (m) => select({ [name]: m, ["s" + name]: "" })));
    box.append(choice("seed", seeds(method), still ? String(still.seed) : "", (s) => select({ ["s" + name]: s })));
  }
  box.append(choice("ratio", Object.entries(RATIOS).map(([id, found]) => [id, found[2]]), STATE.ratio, (ratio) => select({ ratio })));
}

SLIDER.addEventListener("input", () => select({ f: Number(SLIDER.value) === Number(SLIDER.max) ? "" : SLIDER.value }));
PLAY.addEventListener("click", () => {
  if (PLAYING) { stopFilm(); return; }
  PLAY.textContent = "pause";
  PLAY.setAttribute("aria-pressed", "true");
  let k = Number(SLIDER.value) >= Number(SLIDER.max) ? 0 : Number(SLIDER.value);
  const step = () => {
    select({ f: k >= Number(SLIDER.max) ? "" : k });
    if (k++ >= Number(SLIDER.max)) stopFilm();
  };
  step();
  PLAYING = setInterval(step, 700);
});

function stopFilm() {
  clearInterval(PLAYING);
  PLAYING = null;
  PLAY.textContent = "play";
  PLAY.setAttribute("aria-pressed", "false");
}

function startExplorer() {
  if (!GALLERY.stills.length) {
    document.getElementById("explorer").hidden = true;
    document.querySelector('nav a[href="#explorer"]').hidden = true;
    return;
  }
  EXPLORER.append(FILM, el("div", { class: "panels" }, ...PANELS.map((panel) => panel.node)), BARS, SECTION);
  if (GALLERY.left_out.length) {
    EXPLORER.append(el("p", { class: "small" }, `Left out, for the page would be too large: ${GALLERY.left_out.join("; ")}.`));
  }
  onChange(["d", "a", "b", "sa", "sb"], explorerControls);
  onChange(["d", "a", "b", "sa", "sb", "f", "ratio", "cut"], drawExplorer);
  explorerControls();
  drawExplorer();
}
