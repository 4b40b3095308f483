// The form of a protocol: collect, check while typing, show what differs, run.
import { call, debounce, element, listed, problem, say, textOf } from "./common.js";

const form = document.getElementById("design");
const status = document.getElementById("status");
const changes = document.getElementById("changes");
const origin = form.dataset.origin;

const kids = (node) =>
  [...node.querySelectorAll("[data-kind]")].filter((one) => one.parentElement.closest("[data-kind]") === node);
const own = (node, selector) =>
  [...node.querySelectorAll(selector)].filter((one) => one.closest("[data-kind]") === node);
const number = (text) => (text !== "" && Number.isFinite(Number(text)) ? Number(text) : text);

function leaf(node) {
  const kind = node.dataset.kind;
  if (kind === "checks") return own(node, "input").filter((box) => box.checked).map((box) => box.value);
  const text = own(node, "input, select")[0].value.trim();
  if (kind === "numbers") return text ? text.split(/[\s,;]+/).map(number) : [];
  if (kind === "names") return text ? text.split(/[\s,;]+/) : [];
  if (kind === "list") return shares(text);
  if (text === "") return undefined;
  return kind === "number" || kind === "whole" || kind === "either" ? number(text) : text;
}

function shares(text) {
  const found = {};
  for (const part of text.split(/[,;]/)) {
    const [, name, value] = part.match(/^\s*(\w+)\s+(.*?)\s*$/) || [];
    if (name) found[name] = number(value);
  }
  return found;
}

function collect(node) {
  const kind = node.dataset.kind;
  if (kind === "rows") return kids(node).map(collect);
  if (kind === "map") {
    const found = {};
    for (const row of kids(node)) found[own(row, "[data-key]")[0].value.trim()] = collect(row);
    return found;
  }
  if (kind !== "section") return leaf(node);
  if (node.dataset.optional && !own(node, "[data-toggle]")[0].checked) return undefined;
  const found = {};
  for (const kid of kids(node)) {
    const value = collect(kid);
    const empty = value === undefined || (Array.isArray(value) && !value.length && !kid.dataset.keep);
    if (!empty) found[kid.dataset.name] = value;
  }
  return found;
}

const protocol = () => collect(form);

function placeOf(node) {
  const steps = [];
  for (let at = node; at && at !== form; at = at.parentElement.closest("[data-kind]")) {
    const above = at.parentElement.closest("[data-kind]");
    if (above && above.dataset.kind === "rows") steps.unshift(`[${kids(above).indexOf(at)}]`);
    else if (above && above.dataset.kind === "map") steps.unshift(`.${own(at, "[data-key]")[0].value.trim()}`);
    else steps.unshift(`.${at.dataset.name}`);
  }
  return steps.join("").replace(/^\./, "");
}

// --- what differs from the original ---
function mark() {
  let count = 0;
  for (const node of form.querySelectorAll("[data-kind]")) {
    if (["section", "rows", "map"].includes(node.dataset.kind)) continue;
    let was = null;
    if (node.dataset.kind === "checks") {
      const boxes = own(node, "input");
      if (boxes.some((box) => box.checked !== Boolean(box.dataset.original))) {
        was = boxes.filter((box) => box.dataset.original).map((box) => box.parentElement.textContent.trim()).join(", ");
      }
    } else {
      const input = own(node, "input, select")[0];
      if (input.value.trim() !== input.dataset.original) was = input.dataset.original;
    }
    node.classList.toggle("changed", was !== null);
    node.querySelector(":scope > .was")?.remove();
    if (was !== null) {
      count += 1;
      node.append(element("p", say("was", { value: was || "–" }), { class: "was" }));
    }
  }
  for (const part of form.querySelectorAll("details.part")) {
    const inside = part.querySelectorAll(".changed").length;
    part.querySelector(".count").textContent = inside ? say("changed", { n: inside }) : "";
  }
  return count;
}

// --- problems beside their fields ---
function clear() {
  document.querySelectorAll("#design p.wrong, .field > p.wrong").forEach((one) => one.remove());
  document.querySelectorAll("#design [aria-invalid], .field > [aria-invalid]").forEach((one) => one.removeAttribute("aria-invalid"));
}

function show(problems) {
  clear();
  const places = new Map([...form.querySelectorAll("[data-kind]")].map((node) => [placeOf(node), node]));
  for (const one of problems) {
    let place = one.place;
    while (place && !places.has(place)) place = place.replace(/(\.[^.[\]]*|\[\d+\]|^[^.[\]]+)$/, "");
    const near = one.nearest ? ` ${say("nearest", { name: one.nearest })}` : "";
    const node = places.get(place) || document.getElementById(`run-${one.place}`)?.parentElement;
    const told = element("p", problem(one, place === one.place ? "" : one.place) + near, { class: "wrong" });
    if (!node) {
      status.after(told);
      continue;
    }
    for (let at = node.closest("details"); at; at = at.parentElement.closest("details")) at.open = true;
    const input = node.dataset.kind ? own(node, "input, select")[0] : node.querySelector("input, select");
    if (input && !["section", "rows", "map"].includes(node.dataset.kind)) input.setAttribute("aria-invalid", "true");
    node.append(told);
  }
}

// Entries that bear the name of another one before them: as plain data the later would replace the earlier.
function twice() {
  const found = [];
  for (const map of form.querySelectorAll('[data-kind="map"]')) {
    const names = kids(map).map((row) => own(row, "[data-key]")[0]);
    found.push(...names.filter((one, n) => names.findIndex((other) => other.value.trim() === one.value.trim()) < n));
  }
  return found;
}

function refuseTwice() {
  const found = twice();
  if (!found.length) return false;
  clear();
  for (const input of found) {
    for (let at = input.closest("details"); at; at = at.parentElement.closest("details")) at.open = true;
    input.setAttribute("aria-invalid", "true");
    input.closest("fieldset").append(element("p", say("twice", { name: input.value.trim() || "–" }), { class: "wrong" }));
  }
  status.className = "status bad";
  status.textContent = say("problems", { n: found.length });
  return true;
}

let asked = 0;
async function check() {
  const turn = ++asked;
  mark();
  if (refuseTwice()) return;
  try {
    const told = await call("POST", "/api/protocols/check", { protocol: protocol(), origin });
    if (turn !== asked) return;
    document.querySelectorAll(".sticky ~ p.wrong, .sticky p.wrong").forEach((one) => one.remove());
    show(told.problems);
    status.className = told.ok ? "status good" : "status bad";
    status.textContent = told.ok ? say("sound", { n: told.patients }) : say("problems", { n: told.problems.length });
    changes.replaceChildren(...told.changes.map((one) => {
      const line = element("li", `${one.label}: ${one.before || "–"} → ${one.after || "–"} `);
      line.append(element("span", one.place, { class: "key" }));
      return line;
    }));
    changes.parentElement.hidden = !told.changes.length;
  } catch (error) {
    if (turn !== asked) return;
    status.className = "status bad";
    status.textContent = error.message;
  }
}
const soon = debounce(check, 350);

form.addEventListener("input", soon);
form.addEventListener("change", (event) => {
  if (event.target.dataset.toggle) {
    event.target.closest("[data-kind]").querySelector(":scope > .fields").hidden = !event.target.checked;
  }
  soon();
});
form.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.add) {
    const made = button.parentElement.querySelector(":scope > template").content.cloneNode(true);
    const row = made.firstElementChild;
    renumber(row);
    button.before(made);
    row.querySelector("input, select")?.focus();
    soon();
  } else if (button?.dataset.remove) {
    const row = button.closest("fieldset");
    const next = row.parentElement.querySelector(":scope > [data-add]");
    row.remove();
    next?.focus();
    soon();
  }
});

// Ids of a copied row, made anew so that labels stay with their inputs.
let copies = 0;
function renumber(row) {
  copies += 1;
  for (const one of row.querySelectorAll("[id], [for], [aria-describedby], [aria-labelledby]")) {
    for (const name of ["id", "for", "aria-describedby", "aria-labelledby"]) {
      if (one.hasAttribute(name)) one.setAttribute(name, `${one.getAttribute(name)}-c${copies}`);
    }
  }
}

// --- a Table 1, pasted or from a file ---
const table = document.getElementById("table1");
const tableTold = document.getElementById("table1-told");
const MOST = 400000; // bytes, the API's limit

const refuse = (text) => tableTold.replaceChildren(element("p", text, { class: "wrong" }));

document.getElementById("table1-file").addEventListener("change", async (event) => {
  const file = event.target.files[0];
  if (!file) return;
  const named = { name: file.name, n: Math.ceil(file.size / 1000).toLocaleString("en"), most: MOST / 1000 };
  if (file.size > MOST) return refuse(say("tooLarge", named));
  const text = await textOf(file);
  if (text === null) return refuse(say("noText", named));
  if (!text.trim()) return refuse(say("emptyFile", named));
  table.value = text;
  await readTable();
});
document.getElementById("table1-read").addEventListener("click", readTable);

async function readTable() {
  try {
    const found = await call("POST", "/api/table1", { text: table.value });
    const list = element("ul", undefined, { class: "small" });
    for (const row of found.rows) {
      const { variable, grade, source, ...rest } = row;
      list.append(element("li", `${variable}: ${Object.entries(rest).map(([k, v]) => `${k} ${v}`).join(", ")}`));
    }
    if (found.not_used.length) list.append(element("li", `${say("notUsed")}: ${found.not_used.join(", ")}`));
    if (!found.rows.length) list.append(element("li", say("noRow"), { class: "wrong" }));
    for (const one of found.problems) {
      const near = one.nearest ? ` ${say("nearest", { name: one.nearest })}` : "";
      list.append(element("li", problem(one) + near, { class: "wrong" }));
    }
    tableTold.replaceChildren(list);
    if (found.rows.length) fill(found.rows);
  } catch (error) {
    tableTold.replaceChildren(listed(error));
  }
}

function fill(rows) {
  const node = form.querySelector('[data-name="population"] [data-name="table1"]');
  kids(node).forEach((row) => row.remove());
  const add = node.querySelector(":scope > [data-add]");
  for (const row of rows) {
    add.click();
    const made = kids(node).at(-1);
    for (const kid of kids(made)) {
      const value = row[kid.dataset.name];
      if (value !== undefined) own(kid, "input, select")[0].value = value;
    }
  }
  node.closest("details").open = true;
  check();
}

// --- run, save ---
document.getElementById("run").addEventListener("click", async (event) => {
  const button = event.currentTarget;
  const told = document.getElementById("run-told");
  const value = (name) => document.getElementById(`run-${name}`).value.trim();
  if (refuseTwice()) return;
  button.disabled = true;
  try {
    const run = await call("POST", "/api/runs", {
      protocol: protocol(),
      origin,
      title: value("title"),
      note: value("note"),
      patients: value("patients") ? number(value("patients")) : null,
      replicates: number(value("replicates")),
      pairs: number(value("pairs")),
      seed: number(value("seed")),
      variant: value("variant") || null,
      parameters: value("parameters"),
    });
    location.assign(`/runs/${run.id}`);
  } catch (error) {
    button.disabled = false;
    told.replaceChildren(listed(error));
    show(error.body?.problems || []);
  }
});
document.getElementById("save").addEventListener("click", async () => {
  if (refuseTwice()) return;
  const told = document.getElementById("run-told");
  try {
    const made = await call("POST", "/api/protocols/toml", { protocol: protocol() });
    const link = element("a", "", { href: URL.createObjectURL(new Blob([made.toml], { type: "text/plain" })), download: `${made.name}.toml` });
    link.click();
    told.replaceChildren();
  } catch (error) {
    told.replaceChildren(listed(error));
  }
});

check();
