// Sliders: every change asks the server for the same patients under another design.
import { call, debounce, draw, say, words } from "./common.js";

const names = ["dose", "infusions", "first", "every", "severity", "route", "days", "variant", "weights"];
const input = (name) => document.getElementById(name);
const place = document.getElementById("bands");
const percent = (share) => `${Math.round(100 * share)}%`;

function shown() {
  const dose = 10 ** Number(input("dose").value);
  const power = Math.floor(Math.log10(dose) + 1e-9);
  const digits = "⁰¹²³⁴⁵⁶⁷⁸⁹"[power];
  input("dose-out").textContent = `${(dose / 10 ** power).toFixed(1)} × 10${digits}/kg`;
  for (const name of ["infusions", "first", "every"]) input(`${name}-out`).textContent = input(name).value;
  const severity = Number(input("severity").value);
  input("severity-out").textContent = say(severity < 0.25 ? "mild" : severity > 0.75 ? "sick" : "middle");
  return dose;
}

let turn = 0;
async function ask() {
  const mine = ++turn;
  const query = new URLSearchParams({ width: String(Math.max(300, Math.min(760, place.clientWidth))) });
  for (const name of names) query.set(name, name === "dose" ? shown().toPrecision(3) : input(name).value);
  place.setAttribute("aria-busy", "true");
  try {
    const told = await call("GET", `/api/mechanism/bands?${query}`);
    if (mine !== turn) return;
    document.getElementById("alive").textContent = say("alive", { control: percent(told.alive.smt), treated: percent(told.alive.msc) });
    document.getElementById("about").textContent = say("patients", { n: told.patients });
    await draw(place, told.spec, `${words.patients} ${told.mark}`);
  } catch (error) {
    if (mine === turn) document.getElementById("alive").textContent = error.message;
  } finally {
    if (mine === turn) place.removeAttribute("aria-busy");
  }
}
const soon = debounce(ask, 60);
document.getElementById("sliders").addEventListener("input", () => {
  shown();
  soon();
});
shown();
ask();
