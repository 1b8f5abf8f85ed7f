"use strict";
// Every text is set as text, never as markup. Style and script of this page are let in by their hashes; nothing else is.

const PAGE = 25;
const COLOURS = 10;
const byId = (id) => document.getElementById(id);
const STEERING = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\p{Cs}]/gu;
const visible = (text) =>
  String(text).replace(STEERING, (sign) => {
    const code = sign.charCodeAt(0);
    return code >= 0xd800 ? "\ufffd" : `[U+${code.toString(16).toUpperCase().padStart(4, "0")}]`;
  });

function element(name, kind, ...parts) {
  const made = document.createElement(name);
  if (kind) made.className = kind;
  made.append(...parts);
  return made;
}

function isolated(text) {
  return element("bdi", "", visible(text));
}

function labelled(place) {
  return element("span", "label", element("i", `dot b${place % COLOURS}`), isolated(rows().labels[place]));
}

// The rows are parsed when they are first looked at, or when the browser has nothing else to do.
let parsed = null;
function rows() {
  if (parsed === null) {
    const source = byId("data");
    parsed = JSON.parse(source.textContent);
    source.remove();
    parsed.column = new Map(parsed.provenance);
  }
  return parsed;
}

function provenance(key, row) {
  const column = rows().column.get(key);
  if (column === undefined) return undefined;
  if (column.all) return column.values[0];
  return column.values[column.at === undefined ? row : column.at[row]];
}

const textOf = (row) => rows().texts.map((field) => field[row]).join("\n");
const labelOf = (row) => rows().labels[rows().label[row]];
const isRelabelled = (row) => ![undefined, labelOf(row)].includes(provenance("asked_label", row));

// --- the table -------------------------------------------------------------------------------------------------------

const view = { order: [], at: 0, open: new Set(), words: [] };
let haystack = null;

function searched() {
  if (haystack === null) {
    haystack = Array.from({ length: rows().n }, (_, row) =>
      [textOf(row), labelOf(row), provenance("context", row), provenance("seed", row), rows().id[row]].join("\n").toLowerCase(),
    );
  }
  return haystack;
}

function kept() {
  const label = byId("only-label").value;
  const kind = byId("only-kind").value;
  const found = [];
  const texts = view.words.length ? searched() : null;
  for (let row = 0; row < rows().n; row += 1) {
    if (label !== "" && rows().label[row] !== Number(label)) continue;
    if (kind === "relabelled" && !isRelabelled(row)) continue;
    if (kind === "redrafted" && !(provenance("attempts", row) > 1)) continue;
    if (texts !== null && !view.words.every((word) => texts[row].includes(word))) continue;
    found.push(row);
  }
  return found;
}

const SORTS = {
  label: (row) => rows().label[row],
  text: (row) => textOf(row).toLowerCase(),
  shortest: (row) => textOf(row).length,
  longest: (row) => -textOf(row).length,
  unsure: (row) => provenance("confidence", row) ?? 2,
  attempts: (row) => -(provenance("attempts", row) ?? 0),
  context: (row) => String(provenance("context", row) ?? "").toLowerCase(),
};

function sorted(found) {
  const key = SORTS[byId("sort").value];
  if (key === undefined) return found;
  const keys = new Map(found.map((row) => [row, key(row)]));
  return found.sort((a, b) => {
    const [x, y] = [keys.get(a), keys.get(b)];
    return x < y ? -1 : x > y ? 1 : a - b;
  });
}

function refresh() {
  view.words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  view.order = sorted(kept());
  view.at = 0;
  view.open.clear();
  draw();
}

function marked(text) {
  const shown = visible(text);
  const parts = document.createDocumentFragment();
  const low = shown.toLowerCase();
  if (!view.words.length || low.length !== shown.length) {
    parts.append(shown);
    return parts;
  }
  let at = 0;
  while (at < shown.length) {
    let [start, length] = [-1, 0];
    for (const word of view.words) {
      const here = low.indexOf(word, at);
      if (here >= 0 && (start < 0 || here < start || (here === start && word.length > length))) [start, length] = [here, word.length];
    }
    if (start < 0) break;
    parts.append(shown.slice(at, start), element("mark", "", shown.slice(start, start + length)));
    at = start + length;
  }
  parts.append(shown.slice(at));
  return parts;
}

function told(value) {
  if (value === null || value === undefined || value === "") return "–";
  if (Array.isArray(value)) return value.length ? value.map(told).join(", ") : "–";
  return visible(value);
}

function details(row) {
  const inner = element("div", "inner");
  rows().fields.forEach((field, place) => {
    if (rows().fields.length > 1) inner.append(element("p", "quiet", isolated(field)));
    const whole = element("p", "whole", marked(rows().texts[place][row]));
    whole.dir = "auto";
    inner.append(whole);
  });
  const pairs = element("dl", "pairs");
  const values = [["id", rows().id[row]], ["label", labelOf(row)], ...rows().provenance.map(([key]) => [key, provenance(key, row)])];
  for (const [key, value] of values) {
    pairs.append(element("div", "", element("dt", "", isolated(key === "lm" ? "LM" : key.replaceAll("_", " "))), element("dd", "", isolated(told(value)))));
  }
  inner.append(pairs);
  return inner;
}

function line(row) {
  const texts = element("span", "");
  rows().texts.forEach((field) => {
    const text = element("span", "text", marked(field[row].slice(0, 600)));
    text.dir = "auto";
    texts.append(text);
  });
  const label = element("span", "", labelled(rows().label[row]));
  if (isRelabelled(row)) label.append(element("span", "from", " asked ", isolated(provenance("asked_label", row))));
  const button = element("button", "", label, texts, element("span", "context", isolated(provenance("context", row) ?? "")));
  button.type = "button";
  button.setAttribute("aria-expanded", "false");
  const made = element("div", "row", button);
  made.dataset.row = row;
  const toggle = (open) => {
    button.setAttribute("aria-expanded", String(open));
    if (open) {
      view.open.add(row);
      made.append(details(row));
    } else {
      view.open.delete(row);
      made.lastChild.remove();
    }
  };
  button.addEventListener("click", () => toggle(!view.open.has(row)));
  if (view.open.has(row)) toggle(true);
  return made;
}

function draw() {
  const shown = view.order.slice(view.at, view.at + PAGE);
  byId("table").replaceChildren(...shown.map(line));
  const [n, all] = [view.order.length.toLocaleString("en"), rows().n.toLocaleString("en")];
  byId("found").textContent = n === all ? `${all} rows` : `${n} of ${all} rows`;
  const pages = Math.max(1, Math.ceil(view.order.length / PAGE));
  byId("page").textContent = `Page ${(view.at / PAGE + 1).toLocaleString("en")} of ${pages.toLocaleString("en")}`;
  byId("previous").disabled = view.at === 0;
  byId("next").disabled = view.at + PAGE >= view.order.length;
}

function turn(pages) {
  view.at += pages * PAGE;
  draw();
  byId("rows").scrollIntoView();
}

function show(row) {
  for (const id of ["search", "only-label", "only-kind", "sort"]) byId(id).value = id === "sort" ? "row" : "";
  refresh();
  view.at = Math.floor(row / PAGE) * PAGE;
  view.open.add(row);
  draw();
  const made = document.querySelector(`.row[data-row="${row}"]`);
  made.scrollIntoView({ block: "center" });
  made.firstChild.focus({ preventScroll: true });
}

function table() {
  let waiting = 0;
  byId("search").addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(refresh, 120);
  });
  for (const id of ["only-label", "only-kind", "sort"]) byId(id).addEventListener("change", refresh);
  byId("previous").addEventListener("click", () => turn(-1));
  byId("next").addEventListener("click", () => turn(1));
  const idle = window.requestIdleCallback ?? ((work) => setTimeout(work, 1));
  idle(() => view.order.length || byId("search").value || refresh());
}

// --- the map ---------------------------------------------------------------------------------------------------------

function map() {
  const plane = byId("plane");
  if (plane === null) return;
  const { places, labels } = JSON.parse(byId("map-data").textContent);
  const circles = [...plane.querySelectorAll("circle")];
  const points = circles.map((circle) => [circle.cx.baseVal.valueInSpecifiedUnits / 100, circle.cy.baseVal.valueInSpecifiedUnits / 100]);
  const tip = byId("tip");
  let alone = null;
  let at = null;

  const nearest = (event) => {
    const box = plane.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    let [found, least] = [null, 24 * 24];
    points.forEach(([u, v], place) => {
      const far = (u * box.width - x) ** 2 + (v * box.height - y) ** 2;
      if (far < least && (alone === null || labels[place] === alone)) [found, least] = [place, far];
    });
    return found;
  };

  const point = (place) => {
    if (at === place) return;
    if (at !== null) circles[at].classList.remove("at");
    at = place;
    tip.hidden = at === null;
    if (at === null) return;
    circles[at].classList.add("at");
    const text = textOf(places[at]);
    const said = isolated(text.length > 300 ? `${text.slice(0, 300)}…` : text);
    tip.replaceChildren(labelled(labels[at]), said);
    const [u, v] = points[at];
    const [x, y] = [u * plane.clientWidth, v * plane.clientHeight];
    const left = Math.max(4, Math.min(x + 12, plane.clientWidth - tip.offsetWidth - 4));
    const top = y + 14 + tip.offsetHeight > plane.clientHeight ? Math.max(4, y - tip.offsetHeight - 14) : y + 14;
    tip.style.transform = `translate(${left}px, ${top}px)`;
  };

  plane.addEventListener("pointermove", (event) => point(nearest(event)));
  plane.addEventListener("pointerleave", () => point(null));
  plane.addEventListener("click", (event) => {
    const place = nearest(event);
    if (place !== null) show(places[place]);
  });
  for (const button of document.querySelectorAll(".map .key")) {
    button.addEventListener("click", () => {
      const place = Number(button.dataset.place);
      alone = alone === place ? null : place;
      for (const each of document.querySelectorAll(".map .key")) each.setAttribute("aria-pressed", String(Number(each.dataset.place) === alone));
      circles.forEach((circle, i) => circle.classList.toggle("dim", alone !== null && labels[i] !== alone));
    });
  }
}

table();
map();
