"use strict";
// The parts of the page, one after the other: each is drawn of the payload and the selection.

function body(name) { return clear(document.getElementById(name + "-body")); }
function boardNow() { return DATA.boards[Object.hasOwn(DATA.boards, STATE.board) ? STATE.board : 0]; }

function boardSwitch() {
  const set = el("fieldset", {}, el("legend", {}, "board"));
  DATA.boards.forEach((board, k) => set.append(el("button", { "aria-pressed": String(boardNow() === board),
    onclick: () => select({ board: k }) }, board.title)));
  return set;
}

// --- the leaderboard -------------------------------------------------------------------------------------------------

const COLUMNS = [
  ["method", (place) => METHODS[place.method].name],
  ["strategy", (place) => METHODS[place.method].strategy],
  ["times the best", (place) => num(place.value)],
  ["ranks", (place) => place.ranks.split("-").map(Number)[0]],
  ["stands", (place) => place.word],
  ["worst", (place) => place.worst],
  ["trials", (place) => -METHODS[place.method].failed],
  ["Mpasses", (place) => METHODS[place.method].costs[0] ?? Infinity],
  ["seconds", (place) => METHODS[place.method].costs[3] ?? Infinity],
];

function hiddenStrategies() { return new Set(STATE.off.split(",").filter(Boolean)); }

function shownPlaces(board) {
  const off = hiddenStrategies(), words = STATE.filter.toLowerCase();
  const found = board.places.filter((place) => !off.has(METHODS[place.method].strategy)
    && METHODS[place.method].name.toLowerCase().includes(words));
  const [name, direction] = STATE.sort.split(":"), column = COLUMNS.find(([title]) => title === name);
  if (!column) return found;
  const order = direction === "down" ? -1 : 1, key = column[1];
  return [...found].sort((x, y) => {
    const [a, b] = [key(x), key(y)];
    return order * (typeof a === "string" ? a.localeCompare(b) : a === b ? 0 : a - b);
  });
}

function leaderboardControls() {
  const box = clear(document.querySelector('[data-for="leaderboard"]'));
  if (!DATA.boards.length) return;
  const off = hiddenStrategies(), set = el("fieldset", {}, el("legend", {}, "strategies"));
  const held = new Set(METHODS.filter((m) => !m.reference).map((m) => m.strategy));
  for (const look of DATA.strategies.filter((one) => held.has(one.name))) {
    const tick = el("input", { type: "checkbox", onchange: () => {
      if (tick.checked) off.delete(look.name); else off.add(look.name);
      select({ off: [...off].join(",") });
    } });
    tick.checked = !off.has(look.name);
    set.append(tipped(el("label", {}, tick, badgeOf(look), look.name), look.idea));
  }
  const search = el("input", { type: "search", placeholder: "filter methods", "aria-label": "filter methods", value: STATE.filter,
    oninput: () => select({ filter: search.value }) });
  box.append(boardSwitch(), set, search);
}

function drawLeaderboard() {
  const box = body("leaderboard"), board = boardNow();
  if (!board) { box.append(el("p", {}, "No method has a number that methods are ranked by.")); return; }
  const width = 300, values = board.places.flatMap((p) => [p.value, p.low, p.high, ...p.of_each]);
  const found = values.map(num).filter((x) => Number.isFinite(x) && x > 0);
  const X = scale(Math.min(1, ...found) * 0.93, Math.min(Math.max(2, ...found) * 1.1, 1e6), 6, width - 6, true);
  const [sorted, direction] = STATE.sort.split(":");
  const head = el("tr", {}, el("th", { scope: "col" }, el("span", { class: "wide" }, "#")));
  for (const [title] of COLUMNS) {
    const now = sorted === title, next = now && direction !== "down" ? "down" : "up";
    head.append(el("th", { scope: "col", class: ["worst", "Mpasses", "seconds"].includes(title) ? "wide" : "",
      "aria-sort": now ? (direction === "down" ? "descending" : "ascending") : "none" },
      el("button", { onclick: () => select({ sort: now && direction === "down" ? "" : `${title}:${next}` }) },
        title + (now ? (direction === "down" ? " \u25bc" : " \u25b2") : ""))));
    if (title === "strategy") head.append(el("th", { scope: "col", class: "forest" }, el("span", {}, "times the best, log scale"), forestAxis(X, width)));
  }
  const rows = shownPlaces(board).map((place) => leaderboardRow(board, place, X, width));
  box.append(el("p", {}, board.legend), el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "leaderboard" },
    el("table", {}, el("thead", {}, head), el("tbody", {}, ...rows))));
  box.append(el("p", { class: "small", "aria-live": "polite" }, `${rows.length} of ${board.places.length} methods are shown.`));
}

function leaderboardRow(board, place, X, width) {
  const method = METHODS[place.method], mega = method.costs[0] === null ? null : method.costs[0] / 1e6;
  const badges = method.badges.map((said) => el("span", { class: "badge" }, said));
  if (method.failed) badges.unshift(el("span", { class: "badge" }, `${method.failed} failed`));
  const name = el("button", { class: "name", onclick: () => { select({ a: place.method, sa: "" }); go("explorer"); } }, method.name);
  return el("tr", {}, el("td", { class: "number" }, String(board.places.indexOf(place) + 1)),
    el("th", { scope: "row" }, name), tipped(el("td", { class: "strategy" }, badgeOf(lookOf(place.method)), " " + method.strategy), lookOf(place.method).idea),
    el("td", { class: "forest" }, forestCell(place, X, width)), el("td", { class: "number" }, place.text), el("td", {}, place.ranks),
    el("td", {}, place.word), el("td", { class: "wide" }, place.worst), el("td", {}, method.ended + " ", ...badges),
    el("td", { class: "number wide" }, text(mega)), el("td", { class: "number wide" }, method.seconds));
}

// --- methods by datasets ---------------------------------------------------------------------------------------------

function measureNow() {
  const wanted = STATE.metric || (DATA.boards[0] ? DATA.boards[0].metric : "");
  return DATA.measures.find((m) => m.name === wanted) || DATA.measures[0];
}

/** The row of each method: of a ranking energy a raw metric is at its fitted temperature. */
function valuesOf(measure) {
  const fitted = DATA.measures.find((m) => m.name === measure.name + "_beta");
  return METHODS.map((method, k) => {
    const row = measure.values[k];
    const stand = fitted && method.kind === "ranking" && row.every((x) => x === null);
    return { row: stand ? fitted.values[k] : row, fitted: Boolean(stand) };
  });
}

/** By the place of a number between those of the competing methods; reference rows beyond have the color of the end. */
function heatColor(x, all, direction) {
  const shown = all.filter((y) => Number.isFinite(y)), log = shown.every((y) => y > 0) && direction === "down";
  const f = (y) => (log ? Math.log(y) : y), low = Math.min(...shown.map(f)), high = Math.max(...shown.map(f));
  let place = high > low ? Math.min(Math.max((f(x) - low) / (high - low), 0), 1) : 0;
  if (direction === "up") place = 1 - place;
  if (direction === "none") return null;
  const k = 3 * Math.round(255 * (0.95 - 0.85 * place)), c = RAMP.mako;
  return { back: `rgb(${c[k]},${c[k + 1]},${c[k + 2]})`, ink: 0.3 * c[k] + 0.6 * c[k + 1] + 0.1 * c[k + 2] > 105 ? "#000" : "#fff" };
}

function heatControls() {
  const box = clear(document.querySelector('[data-for="heat"]')), measure = measureNow();
  if (!measure) return;
  box.append(choice("metric", DATA.measures.map((m) => [m.name, m.name + (m.unit ? ` (${m.unit})` : "")]), measure.name,
    (metric) => select({ metric })));
}

function drawHeat() {
  const box = body("heat"), measure = measureNow();
  if (!measure) { box.append(el("p", {}, "Nothing was measured.")); return; }
  const values = valuesOf(measure), board = DATA.boards.find((b) => b.metric === measure.name) || boardNow();
  const ranked = board ? board.places.map((place) => place.method) : [];
  const order = [...ranked, ...METHODS.keys()].filter((m, k, ms) => ms.indexOf(m) === k);
  const head = el("tr", {}, el("th", { scope: "col" }, "method"), ...DATASETS.map((name) => el("th", { scope: "col" }, name)));
  const competing = values.filter((_, k) => !METHODS[k].reference), judged = competing.length ? competing : values;
  const columns = DATASETS.map((_, d) => judged.map(({ row }) => num(row[d])).filter((x) => x !== null));
  const rows = order.filter((m) => values[m].row.some((x) => x !== null)).map((m) => {
    const row = el("tr", {}, el("th", { scope: "row" }, METHODS[m].name + (values[m].fitted ? " \u03b2" : "")));
    values[m].row.forEach((x, d) => {
      const button = el("button", { "aria-label": `${METHODS[m].name} on ${DATASETS[d]}: ${text(x)}`,
        onclick: () => select({ d, a: m, sa: "", trial: `${m}/${d}` }) }, text(x));
      const color = x === null ? null : heatColor(num(x), columns[d], measure.direction);
      if (color) { button.style.background = color.back; button.style.color = color.ink; }
      row.append(el("td", {}, button));
    });
    return row;
  });
  box.append(el("p", {}, `${measure.summary}${measure.unit ? ` (${measure.unit})` : ""}; medians over the seeds that ended well. `
    + "\u03b2: at the temperature fitted on validation data. Light is good. A click shows the trials and the surface."),
    el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "methods by datasets" },
      el("table", { class: "heat" }, el("thead", {}, head), el("tbody", {}, ...rows))));
}

function drawTrials() {
  const box = clear(document.getElementById("trial-body")), [m, d] = STATE.trial.split("/").map(Number);
  if (!STATE.trial || !METHODS[m] || !DATASETS[d]) return;
  const found = DATA.trials.filter((trial) => trial.method === m && trial.dataset === d);
  const names = [...new Set(found.flatMap((trial) => Object.keys(trial.numbers)))];
  box.append(el("h3", {}, `${METHODS[m].name} on ${DATASETS[d]}`), el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "trials" },
    el("table", {}, el("thead", {}, el("tr", {}, ...["trial", "status", ...names].map((name) => el("th", { scope: "col" }, name)))),
      el("tbody", {}, ...found.map((trial) => el("tr", {}, el("th", { scope: "row" }, trial.name),
        el("td", {}, trial.status + (trial.error ? `: ${trial.error}` : "")),
        ...names.map((name) => el("td", { class: "number" }, text(trial.numbers[name])))))))),
    el("button", { onclick: () => go("explorer") }, "show its surface"));
}

// --- quality against cost --------------------------------------------------------------------------------------------

const COSTS = [["passes", 0, "passes"], ["steps", 1, "steps"], ["rows", 2, "different rows of data"], ["seconds", 3, "seconds of training"]];
const ROWS = "Different rows of data at a milestone are the rows of a step times the steps until then, at most as many as there are: none comes again "
  + "before all were seen. A method that is given its whole set in each step has seen all of it in the first: an upright line.";

function costControls() {
  const box = clear(document.querySelector('[data-for="cost"]'));
  box.append(choice("cost", COSTS.map(([id, , title]) => [id, title]), STATE.x, (x) => select({ x })),
    choice("data", DATASETS.map((name, d) => [String(d), name]), STATE.cd || "0", (cd) => select({ cd })));
}

/** Of points (x, y), where less of both is better, those that no other beats. */
function front(points) {
  const found = [];
  for (const point of [...points].sort((a, b) => a.x - b.x || a.y - b.y)) {
    if (!found.length || point.y < found[found.length - 1].y) found.push(point);
  }
  return found;
}

function drawCost() {
  const box = body("cost"), [id, place, title] = COSTS.find(([name]) => name === STATE.x) || COSTS[0];
  const d = Object.hasOwn(DATASETS, STATE.cd) ? Number(STATE.cd) : 0, pick = GALLERY.stills.length ? chosen() : { a: Number(STATE.a || 0), b: -1 };
  const charts = el("div", { class: "charts" });
  const shown = DATA.courses.filter((course) => course.dataset === d && course[id].every((x) => x > 0));
  if (shown.length) charts.append(framed(curves(shown, id, title, d, pick), "quality-against-" + id));
  const board = boardNow();
  if (board) charts.append(framed(scatter(board, place, title), "pareto-" + id));
  box.append(charts, el("p", { class: "small" }, "Left: medians over seeds at milestones; the chosen methods A and B are thick, with a band from the "
    + "least to the greatest of their seeds. A seed that failed is infinite from there on; what is infinite lies on the frame. Dashed: never within "
    + "the hardest target of the suite. Right: each method at the end of training, over all data; the line is the Pareto front." + (id === "rows" ? " " + ROWS : "")));
  if (!shown.length && !board) box.append(el("p", {}, "Nothing was measured on the way."));
}

function curves(shown, id, title, d, pick) {
  const log = shown.every((c) => c.middle.every((y) => num(y) > 0)), xs = shown.flatMap((c) => c[id]);
  const [least, most] = range(shown.flatMap((c) => [...c.low, ...c.high]), log);
  const { node, X, Y, plot } = chart(`Quality against ${title} on ${DATASETS[d]}`, [...range(xs, true), true, title],
    [least, most, log, `${DATA.curve} on ${DATASETS[d]}`]);
  const inside = (y) => Y(Math.min(Math.max(num(y), least), most));  // what is infinite, or has no logarithm, is at the edge
  const order = [...shown].sort((p, q) => [pick.a, pick.b].includes(p.method) - [pick.a, pick.b].includes(q.method));
  for (const course of order) {
    const strong = [pick.a, pick.b].includes(course.method), look = lookOf(course.method);
    if (strong) {
      const up = course[id].map((x, k) => [X(num(x)), inside(course.high[k])]), down = course[id].map((x, k) => [X(num(x)), inside(course.low[k])]);
      plot.append(svg("path", { d: "M" + [...up, ...down.reverse()].map((xy) => xy.map((v) => v.toFixed(1)).join(",")).join("L") + "Z",
        fill: look.color, opacity: 0.2 }));
    }
    const line = path(course[id], course.middle, X, inside, { stroke: look.color, "stroke-width": strong ? 3 : 1.1, opacity: strong ? 1 : 0.75,
      "stroke-dasharray": course.reached === false ? "5 4" : "none" });
    line.append(svg("title", {}, METHODS[course.method].name));
    plot.append(line, mark(look, X(num(course[id].at(-1))), inside(course.middle.at(-1)), strong ? 1.3 : 0.8));
    if (strong) plot.append(svg("text", { x: X(num(course[id].at(-1))) - 8, y: inside(course.middle.at(-1)) - 8, "text-anchor": "end" }, METHODS[course.method].name));
  }
  return node;
}

function scatter(board, place, title) {
  const points = board.places.map((p) => ({ x: num(METHODS[p.method].costs[place]), y: num(p.value), p }))
    .filter(({ x, y }) => x !== null && x > 0 && Number.isFinite(y));
  const { node, X, Y, plot } = chart(`${board.title}: times the best against ${title}`, [...range(points.map(({ x }) => x), true), true, title],
    [...range(points.map(({ y }) => y), true), true, `${board.title}: times the best`]);
  const best = front(points);
  plot.append(path(best.map(({ x }) => x), best.map(({ y }) => y), X, Y, { stroke: "#888", "stroke-width": 1.5 }));
  for (const { x, y, p } of points) {
    const dot = mark(lookOf(p.method), X(x), Y(y), 1.2);
    dot.append(svg("title", {}, `${METHODS[p.method].name}: ${p.text} times the best, ${text(x)} ${title}`));
    plot.append(dot);
  }
  for (const { x, y, p } of best) plot.append(svg("text", { x: X(x) + 7, y: Y(y) - 5 }, METHODS[p.method].name));
  return node;
}

// --- profiles and pairs ----------------------------------------------------------------------------------------------

function drawProfiles() {
  const box = body("profiles"), board = boardNow();
  if (!board) { document.getElementById("profiles").hidden = true; return; }
  const top = DATA.factors.findIndex((_, k) => board.places.every((p) => num(p.value) === Infinity || p.shares[k] >= p.shares.at(-1)));
  const last = Math.max(top, 20), xs = DATA.factors.slice(0, last + 1);
  const { node, X, Y, plot } = chart(`${board.title}: performance profiles`, [1, xs.at(-1), true, "within this factor of the best"],
    [0, 1, false, "share of trials"], 900, 360);
  const strong = new Set(board.places.slice(0, 6).map((p) => p.method));
  board.places.forEach((p, k) => {
    const look = lookOf(p.method), bold = strong.has(p.method);
    const line = path(xs, p.shares.slice(0, last + 1), X, Y, { stroke: look.color, "stroke-width": bold ? 2.4 : 1, opacity: bold ? 1 : 0.6 });
    line.append(svg("title", {}, METHODS[p.method].name));
    plot.append(line);
    const i = Math.min(last, 6 + 5 * (k % 12));
    plot.append(mark(look, X(xs[i]), Y(p.shares[i]), bold ? 1.1 : 0.7));
    if (bold) plot.append(svg("text", { x: X(xs[i]) + 6, y: Y(p.shares[i]) + 13 }, METHODS[p.method].name));
  });
  box.append(el("p", {}, `Board: ${board.title}. The first six are named; point at a line for the others.`), framed(node, "profiles"));
}

function drawPairs() {
  const box = body("pairs"), board = boardNow();
  if (!board || board.places.length < 2) { document.getElementById("pairs").hidden = true; return; }
  const n = board.places.length, size = Math.max(9, Math.min(26, Math.floor(760 / n))), left = 130, top = 120;
  const node = svg("svg", { viewBox: `0 0 ${left + n * size + 4} ${top + n * size + 4}`, width: left + n * size + 4, height: top + n * size + 4,
    role: "img", "aria-label": `${board.title}: probability that the method of the row is better than that of the column` });
  board.places.forEach((p, i) => {
    const name = METHODS[p.method].name.slice(0, 20);
    node.append(svg("text", { x: left - 5, y: top + (i + 0.5) * size + 4, "text-anchor": "end" }, name),
      svg("text", { transform: `translate(${left + (i + 0.5) * size + 4},${top - 5}) rotate(-60)` }, name));
    board.probability[i].forEach((x, j) => {
      if (x === null || i === j) return;
      const k = 3 * Math.round(255 * x), c = RAMP.diverging;
      const cell = svg("rect", { x: left + j * size, y: top + i * size, width: size - 1, height: size - 1, fill: `rgb(${c[k]},${c[k + 1]},${c[k + 2]})` });
      const ends = board.low[i][j] === null ? "" : ` [${board.low[i][j]}, ${board.high[i][j]}]`;
      const said = `${METHODS[p.method].name} is better than ${METHODS[board.places[j].method].name} with probability ${x}${ends}`;
      node.append(tipped(cell, said));
    });
  });
  box.append(el("p", {}, `Board: ${board.title}. Red: the method of the row is better; blue: that of the column.`),
    el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "pairs of methods" }, framed(node, "pairs")));
}

// --- the rest --------------------------------------------------------------------------------------------------------

function drawDefinitions() {
  const list = el("dl", { class: "facts" });
  for (const look of DATA.strategies.filter((one) => one.idea)) {
    list.append(el("div", {}, el("dt", {}, badgeOf(look), ` ${look.name} (${look.family})`), el("dd", {}, look.idea)));
  }
  const seen = new Set();
  for (const { name, summary, unit } of DATA.measures) {
    if (seen.has(summary)) continue;
    seen.add(summary);
    list.append(el("div", {}, el("dt", {}, name + (unit ? ` (${unit})` : "")), el("dd", {}, summary)));
  }
  body("definitions").append(list);
  for (const [name, content] of Object.entries(DATA.files)) {
    document.getElementById("downloads").append(el("button", { onclick: async () =>
      save(name, new TextDecoder().decode(await inflate(content)), "text/csv") }, name), " ");
  }
  for (const place of document.querySelectorAll(".shape")) place.append(badgeOf(LOOK[place.dataset.strategy]));
}

/** Go to a section without touching the hash, which holds the selection. */
function go(id) {
  const section = document.getElementById(id);
  section.scrollIntoView();
  section.setAttribute("tabindex", "-1");
  section.focus({ preventScroll: true });
}

for (const link of document.querySelectorAll("nav a, .skip")) {
  link.addEventListener("click", (event) => { event.preventDefault(); go(link.getAttribute("href").slice(1)); });
}

readHash();
onChange(["board", "off"], leaderboardControls);
onChange(["board", "off", "sort", "filter"], drawLeaderboard);
onChange(["metric"], heatControls);
onChange(["metric", "board"], drawHeat);
onChange(["trial"], drawTrials);
onChange(["x", "cd"], costControls);
onChange(["x", "cd", "a", "b", "d", "board"], drawCost);
onChange(["board"], drawProfiles);
onChange(["board"], drawPairs);
leaderboardControls();
drawLeaderboard();
startExplorer();
// What lies below the fold is drawn when the first screen stands.
setTimeout(() => {
  heatControls();
  drawHeat();
  drawTrials();
  costControls();
  drawCost();
  drawProfiles();
  drawPairs();
  drawDefinitions();
  document.documentElement.dataset.ready = "yes";
}, 0);
