// The editor of one's own claims: rows in, the same audit out.
import { call, element, listed, say, words } from "./common.js";

const list = document.getElementById("claims");
const claimRow = document.getElementById("claim-row").content;
const assertionRow = document.getElementById("assertion-row").content;
const kept = JSON.parse(document.getElementById("mine").textContent);

function fits(row) {
  const kind = row.querySelector('[data-entry="kind"]').value;
  for (const part of row.querySelectorAll("[data-for]")) part.hidden = !part.dataset.for.split(" ").includes(kind);
}

function addAssertion(claim, data = {}) {
  const row = assertionRow.cloneNode(true).firstElementChild;
  for (const input of row.querySelectorAll("[data-entry]")) {
    if (data[input.dataset.entry] !== undefined && data[input.dataset.entry] !== null) input.value = data[input.dataset.entry];
  }
  row.querySelector('[data-entry="kind"]').addEventListener("change", () => fits(row));
  row.querySelector("[data-remove-assertion]").addEventListener("click", () => row.remove());
  fits(row);
  claim.querySelector(".assertions").append(row);
}

function addClaim(data = {}) {
  const row = claimRow.cloneNode(true).firstElementChild;
  for (const name of ["text", "kind", "scope"]) {
    if (data[name]) row.querySelector(`:scope > .fields [data-entry="${name}"]`).value = data[name];
  }
  row.querySelector("[data-remove]").addEventListener("click", () => {
    row.remove();
    number();
  });
  row.querySelector("[data-add-assertion]").addEventListener("click", () => addAssertion(row));
  for (const one of data.asserts || [{}]) addAssertion(row, one);
  list.append(row);
  number();
  return row;
}

function number() {
  [...list.children].forEach((row, place) => (row.querySelector("legend").textContent = say("claim", { n: place + 1 })));
}

function entries(row, inputs) {
  const found = {};
  for (const input of inputs) {
    if (input.closest("[hidden]")) continue;
    const value = input.value.trim();
    if (value === "") continue;
    found[input.dataset.entry] = "number" in input.dataset && Number.isFinite(Number(value)) ? Number(value) : value;
  }
  return found;
}

function collected() {
  return {
    title: document.getElementById("a-title").value.trim(),
    source: document.getElementById("a-source").value.trim(),
    date: document.getElementById("a-date").value.trim(),
    claims: [...list.children].map((row, place) => ({
      id: `C${place + 1}`,
      section: "1",
      ...entries(row, row.querySelectorAll(":scope > .fields [data-entry]")),
      asserts: [...row.querySelectorAll(".assertion")].map((one) => entries(one, one.querySelectorAll("[data-entry]"))),
    })),
  };
}

document.getElementById("add-claim").addEventListener("click", () => addClaim().querySelector("input").focus());
document.getElementById("article").addEventListener("submit", async (event) => {
  event.preventDefault();
  const told = document.getElementById("told");
  const verdicts = document.getElementById("verdicts");
  try {
    const found = await call("PUT", "/api/claims/mine", collected());
    told.replaceChildren(element("p", say("kept"), { class: "status good" }));
    verdicts.replaceChildren(
      ...found.map((one) => {
        const part = element("section", undefined, { class: `claim ${one.verdict.split(" ")[0]}` });
        part.append(element("h2", `${one.id} · ${words[one.verdict] || one.verdict}`, { class: "h3" }));
        part.append(element("p", one.claim));
        const scope = element("p");
        scope.append(element("strong", one.scope_sentence));
        const reasons = element("ul");
        reasons.append(...one.reasons.map((reason) => element("li", reason.text)));
        part.append(scope, reasons);
        return part;
      }),
    );
  } catch (error) {
    told.replaceChildren(listed(error));
  }
});

for (const one of kept.claims) addClaim(one);
if (!kept.claims.length) addClaim();
