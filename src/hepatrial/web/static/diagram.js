// The diagram: pointing at a box shows what flows in and out of it.
const edges = [...document.querySelectorAll(".diagram .edge")];
const flow = document.getElementById("flow");
const kept = edges.filter((edge) => edge.classList.contains("on"));

function light(name) {
  for (const edge of edges) edge.classList.toggle("on", edge.dataset.from === name || edge.dataset.to === name);
}
function back() {
  for (const edge of edges) edge.classList.toggle("on", kept.includes(edge));
  flow.textContent = "";
}
for (const node of document.querySelectorAll(".diagram .node")) {
  for (const event of ["pointerenter", "focus"]) node.addEventListener(event, () => light(node.dataset.process));
  for (const event of ["pointerleave", "blur"]) node.addEventListener(event, back);
}
for (const edge of edges) {
  edge.addEventListener("pointerenter", () => {
    const name = (process) => document.querySelector(`[data-process="${process}"] text`).textContent;
    flow.textContent = `${name(edge.dataset.from)} → ${name(edge.dataset.to)}: ${edge.textContent}`;
  });
}
