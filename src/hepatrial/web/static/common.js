// What every page with a script uses: calls of the API, charts, texts.
export const csrf = document.querySelector('meta[name="csrf"]').content;
export const words = JSON.parse(document.getElementById("words")?.textContent || "{}");
export const say = (key, values = {}) =>
  (words[key] || key).replace(/\{(\w+)\}/g, (whole, name) => (name in values ? values[name] : whole));

export class Problem extends Error {
  constructor(body, status) {
    super(body.detail || String(status));
    this.body = body;
    this.status = status;
  }
}

// A call of the API; a problem response becomes a Problem.
export async function call(method, address, body) {
  const options = { method, headers: { "X-CSRF-Token": csrf, Accept: "application/json" } };
  if (body !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  const answer = await fetch(address, options);
  if (answer.status === 204) return null;
  const told = await answer.json().catch(() => ({ detail: answer.statusText, remedy: "" }));
  if (!answer.ok) throw new Problem(told, answer.status);
  return told;
}

// Draw a figure; the interpreter keeps the page free of eval.
export async function draw(place, spec, caption) {
  if (!window.vegaEmbed) await loaded();
  await window.vegaEmbed(place, spec, { ast: true, actions: false, renderer: "svg", defaultStyle: false, tooltip: false });
  const svg = place.querySelector("svg");
  // The figure is told as a whole by its caption; its parts have no names of their own.
  for (const part of place.querySelectorAll("svg [role]")) part.removeAttribute("role");
  for (const part of place.querySelectorAll("svg [aria-roledescription]")) part.removeAttribute("aria-roledescription");
  if (svg && caption) {
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", caption);
  }
}

let waiting;
function loaded() {
  waiting ??= new Promise((done, failed) => {
    const script = document.createElement("script");
    script.type = "module";
    script.src = "/static/vega.js";
    script.onload = done;
    script.onerror = failed;
    document.head.append(script);
  });
  return waiting;
}

export const widthOf = (place) => Math.max(300, Math.min(760, Math.floor(place.clientWidth || 680)));

// Text of a chosen file: UTF-8, UTF-16 with its mark, or the Chinese encoding in which spreadsheets save CSV.
// Null where it is no text; "" where it is empty.
export async function textOf(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  const wide = { "255,254": "utf-16le", "254,255": "utf-16be" }[`${bytes[0]},${bytes[1]}`];
  for (const encoding of wide ? [wide] : ["utf-8", "gb18030"]) {
    try {
      const text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
      return /[\0-\x08\x0e-\x1f]/.test(text) ? null : text;
    } catch {
      continue;
    }
  }
  return null;
}

export function debounce(work, wait) {
  let timer;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => work(...given), wait);
  };
}

export function element(tag, text, attributes = {}) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

// One problem in words: where it is (where that is not seen already), what was given, what is allowed.
const chinese = document.documentElement.lang.startsWith("zh");
export function problem(one, place = one.place) {
  const [colon, stop] = chinese ? ["：", "。"] : [": ", "."];
  return `${place ? place + colon : ""}${one.given}${colon}${one.allowed}${stop}`;
}

// Problems of a response as a list for people.
export function listed(error) {
  const list = element("ul", undefined, { class: "wrong" });
  const body = error.body || { detail: String(error), remedy: "", problems: [] };
  if (!(body.problems || []).length) list.append(element("li", `${body.detail} ${body.remedy || ""}`));
  for (const one of body.problems || []) {
    const near = one.nearest ? ` (${one.nearest}?)` : "";
    list.append(element("li", problem(one) + near));
  }
  return list;
}
