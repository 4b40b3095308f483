// A run: how far it is, its curves as they come, the switch of estimands, stop, go on, delete.
import { call, draw, element, listed, say, widthOf } from "./common.js";

const root = document.getElementById("run-page");
const address = `/api/runs/${root.dataset.run}`;
const place = document.getElementById("chart");
const caption = document.getElementById("caption");
const bar = document.getElementById("bar");
const stage = document.getElementById("stage");
const told = document.getElementById("told");
let strategy = "treatment_policy";
let drawn = "";

async function curves(run) {
  if (!run.shown) return;
  const mark = JSON.stringify([run.shown, run.state, run.progress?.done, strategy]);
  if (mark === drawn) return;
  try {
    const figure = await call("GET", `${address}/figures/survival?strategy=${strategy}&width=${widthOf(place)}`);
    await draw(place, figure.spec, figure.caption);
    caption.textContent = figure.caption;
    place.dataset.kind = figure.kind;
    drawn = mark;
  } catch (error) {
    caption.textContent = error.message;
  }
}

function tell(run) {
  const state = document.getElementById("state");
  state.textContent = say(run.state);
  state.className = `tag ${run.state}`;
  const progress = run.progress;
  bar.hidden = !["queued", "running"].includes(run.state);
  if (run.state === "queued") {
    bar.removeAttribute("value");
    stage.textContent = say("waits");
  } else if (progress && run.state === "running") {
    bar.max = Math.max(1, progress.total);
    bar.value = progress.done;
    stage.textContent = say(progress.stage, { done: progress.done.toLocaleString(), total: progress.total.toLocaleString() });
  } else {
    stage.textContent = "";
  }
  document.getElementById("cancel").hidden = !["queued", "running"].includes(run.state);
  document.getElementById("resume").hidden = !["cancelled", "failed"].includes(run.state);
  document.getElementById("delete").hidden = run.state === "running";
  if (run.error) told.replaceChildren(listed({ body: { detail: run.error, problems: run.problems } }));
}

let failures = 0;
async function watch() {
  try {
    const run = await call("GET", address);
    failures = 0;
    tell(run);
    await curves(run);
    if (run.state === "done" && root.dataset.state !== "done") location.reload();
    if (["queued", "running"].includes(run.state)) setTimeout(watch, run.shown === "" ? 250 : 900);
  } catch (error) {
    if (error.status === 404) {
      told.replaceChildren(listed(error));
      return;
    }
    failures += 1;
    stage.textContent = say("lost");
    setTimeout(watch, Math.min(5000, 500 * failures));
  }
}

for (const radio of document.querySelectorAll('input[name="strategy"]')) {
  radio.addEventListener("change", async () => {
    strategy = radio.value;
    document.querySelectorAll("[data-strategy]").forEach((row) => row.classList.toggle("differs", row.dataset.strategy === strategy));
    await curves(await call("GET", address));
  });
}
for (const name of ["cancel", "resume"]) {
  document.getElementById(name).addEventListener("click", async () => {
    try {
      tell(await call("POST", `${address}/${name}`));
      watch();
    } catch (error) {
      told.replaceChildren(listed(error));
    }
  });
}
const dialog = document.getElementById("sure");
document.getElementById("delete").addEventListener("click", () => dialog.showModal());
document.getElementById("keep").addEventListener("click", () => dialog.close());
document.getElementById("really").addEventListener("click", async () => {
  try {
    await call("DELETE", address);
    location.assign("/runs");
  } catch (error) {
    dialog.close();
    told.replaceChildren(listed(error));
  }
});

watch();
