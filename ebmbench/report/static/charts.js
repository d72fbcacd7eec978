"use strict";
// Charts as inline SVG: marks of strategies, axes, lines, points.

const SHAPES = {
  circle: "M-4,0a4,4 0 1,0 8,0a4,4 0 1,0 -8,0Z",
  square: "M-3.6,-3.6H3.6V3.6H-3.6Z",
  triangle: "M0,-4.6L4.4,3.6H-4.4Z",
  wedge: "M0,4.6L4.4,-3.6H-4.4Z",
  diamond: "M0,-5L4.2,0L0,5L-4.2,0Z",
  plus: "M-1.5,-4.5H1.5V-1.5H4.5V1.5H1.5V4.5H-1.5V1.5H-4.5V-1.5H-1.5Z",
  star: "M0,-5L1.3,-1.7H4.8L2,0.6L3,4.2L0,2.1L-3,4.2L-2,0.6L-4.8,-1.7H-1.3Z",
  cross: "M-4.2,-2.6L-2.6,-4.2L0,-1.6L2.6,-4.2L4.2,-2.6L1.6,0L4.2,2.6L2.6,4.2L0,1.6L-2.6,4.2L-4.2,2.6L-1.6,0Z",
};

function mark(look, x, y, size = 1, filled = true) {
  return svg("path", { d: SHAPES[look.shape], transform: `translate(${x},${y}) scale(${size})`,
    fill: filled ? look.color : "none", stroke: look.color, "stroke-width": filled ? 0 : 1.2 });
}

function badgeOf(look) {
  return svg("svg", { width: 14, height: 14, viewBox: "-7 -7 14 14", "aria-hidden": "true" }, mark(look, 0, 0, 1.2));
}

// --- scales ----------------------------------------------------------------------------------------------------------

function scale(low, high, from, to, log) {
  const f = log ? Math.log10 : (x) => x;
  const a = f(low), b = f(high) === a ? a + 1 : f(high);
  const found = (x) => from + ((f(x) - a) / (b - a)) * (to - from);
  found.ticks = log ? logTicks(low, high) : evenTicks(low, high);
  found.log = log;
  return found;
}

function logTicks(low, high) {
  const found = [], first = Math.floor(Math.log10(low)), last = Math.ceil(Math.log10(high));
  const steps = last - first <= 2 ? [1, 2, 5] : [1];
  const every = Math.max(1, Math.ceil((last - first) / 7));
  for (let k = first; k <= last; k += every) for (const s of steps) found.push(s * 10 ** k);
  return found.filter((x) => x >= low * 0.999 && x <= high * 1.001);
}

function evenTicks(low, high) {
  const raw = (high - low) / 5 || 1, power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((s) => s * power).find((s) => s >= raw);
  const found = [];
  for (let x = Math.ceil(low / step) * step; x <= high + step * 1e-6; x += step) found.push(Number(x.toPrecision(8)));
  return found;
}

function tickText(x) {
  const size = Math.abs(x);
  if (size >= 1e9) return Number((x / 1e9).toPrecision(3)) + "G";
  if (size >= 1e6) return Number((x / 1e6).toPrecision(3)) + "M";
  if (size >= 1e4) return Number((x / 1e3).toPrecision(3)) + "k";
  return size !== 0 && size < 1e-3 ? x.toExponential(0) : String(Number(x.toPrecision(3)));
}

/** A frame with axes; `x` and `y` are [low, high, logarithmic, title]. Gives {node, X, Y, plot}. */
function chart(label, x, y, width = 560, height = 330) {
  const left = 58, right = 12, top = 10, bottom = 42;
  const X = scale(x[0], x[1], left, width - right, x[2]), Y = scale(y[0], y[1], height - bottom, top, y[2]);
  const node = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": label });
  for (const t of X.ticks) {
    node.append(svg("line", { class: "grid", x1: X(t), x2: X(t), y1: top, y2: height - bottom }),
      svg("text", { x: X(t), y: height - bottom + 15, "text-anchor": "middle" }, tickText(t)));
  }
  for (const t of Y.ticks) {
    node.append(svg("line", { class: "grid", x1: left, x2: width - right, y1: Y(t), y2: Y(t) }),
      svg("text", { x: left - 6, y: Y(t) + 4, "text-anchor": "end" }, tickText(t)));
  }
  node.append(svg("text", { x: (left + width - right) / 2, y: height - 8, "text-anchor": "middle" }, x[3]),
    svg("text", { transform: `translate(13,${(top + height - bottom) / 2}) rotate(-90)`, "text-anchor": "middle" }, y[3]));
  const plot = svg("g");
  node.append(plot);
  return { node, X, Y, plot };
}

function path(xs, ys, X, Y, attributes) {
  let d = "";
  xs.forEach((x, k) => {
    const [a, b] = [X(num(x)), Y(num(ys[k]))];
    d += (k ? "L" : "M") + a.toFixed(1) + "," + b.toFixed(1);
  });
  return svg("path", { d, fill: "none", ...attributes });
}

function range(values, log) {
  const found = values.map(num).filter((x) => Number.isFinite(x) && (!log || x > 0));
  if (!found.length) return [log ? 1 : 0, log ? 10 : 1];
  const low = Math.min(...found), high = Math.max(...found);
  return log ? [low / 1.15, high * 1.15] : [low - 0.04 * (high - low), high + 0.04 * (high - low)];
}

/** A chart with a button that saves it. */
function framed(node, name) {
  const button = el("button", { class: "save", onclick: () => {
    const copy = node.cloneNode(true);
    copy.setAttribute("xmlns", SVG);
    const style = svg("style", {}, "text{font:11px sans-serif;fill:#1b1f24}.grid{stroke:#d0d7de}.axis{stroke:#57606a}");
    copy.prepend(style);
    save(name + ".svg", new XMLSerializer().serializeToString(copy), "image/svg+xml");
  } }, "save as SVG");
  return el("div", {}, node, button);
}

// --- the forest: the cell of a method in the leaderboard -------------------------------------------------------------

function forestCell(place, X, width) {
  const look = lookOf(place.method), height = 22, middle = height / 2;
  const node = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, "aria-hidden": "true" });
  for (const t of X.ticks) node.append(svg("line", { class: "grid", x1: X(t), x2: X(t), y1: 0, y2: height }));
  const at = (x) => Math.min(Math.max(X(x), 3), width - 3);
  place.of_each.forEach((factor, d) => {
    if (factor === null) return;
    const x = num(factor);
    const dot = svg("circle", { cx: at(Number.isFinite(x) ? x : 1e300), cy: middle, r: 2.6, fill: "none", stroke: look.color });
    dot.append(svg("title", {}, `${DATASETS[d]}: ${text(x, 2)} times the best`));
    node.append(dot);
  });
  const value = num(place.value), low = num(place.low), high = num(place.high);
  if (low !== null) {
    node.append(svg("line", { x1: at(low), x2: at(Number.isFinite(high) ? high : 1e300), y1: middle, y2: middle,
      stroke: look.color, "stroke-width": 2 }));
  }
  if (Number.isFinite(value)) node.append(mark(look, at(value), middle, 1.15));
  else node.append(svg("text", { x: width - 4, y: middle + 4, "text-anchor": "end" }, "failed \u2192"));
  return node;
}

function forestAxis(X, width) {
  const node = svg("svg", { viewBox: `0 0 ${width} 18`, width, height: 18, "aria-hidden": "true" });
  for (const t of X.ticks) node.append(svg("text", { x: Math.max(X(t), 8), y: 12, "text-anchor": "middle" }, tickText(t)));
  return node;
}

// --- colors ----------------------------------------------------------------------------------------------------------

// Dark for low energy, as in the figures: eleven colors of seaborn's "mako"; and a diverging map with white in its middle.
const MAKO = ["#0b0405", "#221425", "#34254c", "#403974", "#3c5397", "#366da0", "#3487a6", "#37a1ab", "#49bcad", "#7dd6af", "#def5e5"];
const DIVERGING = ["#2166ac", "#4393c3", "#92c5de", "#d1e5f0", "#f7f7f7", "#fddbc7", "#f4a582", "#d6604d", "#b2182b"];

function ramp(colors) {
  const stops = colors.map((c) => [1, 3, 5].map((k) => parseInt(c.slice(k, k + 2), 16)));
  const found = new Uint8Array(256 * 3);
  for (let k = 0; k < 256; k++) {
    const place = (k / 255) * (stops.length - 1), i = Math.min(Math.floor(place), stops.length - 2), f = place - i;
    for (let c = 0; c < 3; c++) found[3 * k + c] = Math.round(stops[i][c] * (1 - f) + stops[i + 1][c] * f);
  }
  return found;
}
const RAMP = { mako: ramp(MAKO), diverging: ramp(DIVERGING) };

function colorBar(name, low, high, title, ends) {
  const width = 300, node = svg("svg", { viewBox: `0 0 ${width} 44`, width, height: 44, role: "img",
    "aria-label": `${title}: color bar from ${low} to ${high} nats` });
  const colors = RAMP[name], n = 64, X = scale(low, high, 16, width - 16, false);
  const hex = (k) => "rgb(" + [0, 1, 2].map((c) => colors[3 * k + c]).join(",") + ")";
  for (let k = 0; k < n; k++) {
    node.append(svg("rect", { x: 16 + ((width - 32) * k) / n, y: 2, width: (width - 32) / n + 0.5, height: 13,
      fill: hex(Math.round((k * 255) / (n - 1))) }));
  }
  if (ends[0]) node.append(svg("path", { d: "M16,2V15L5,8.5Z", fill: hex(0) }));
  if (ends[1]) node.append(svg("path", { d: `M${width - 16},2V15L${width - 5},8.5Z`, fill: hex(255), stroke: "#888", "stroke-width": 0.5 }));
  for (const t of X.ticks) node.append(svg("text", { x: X(t), y: 27, "text-anchor": "middle" }, tickText(t)));
  node.append(svg("text", { x: width / 2, y: 41, "text-anchor": "middle" }, title));
  return node;
}
