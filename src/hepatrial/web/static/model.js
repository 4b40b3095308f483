// A model of one's own: read on the server, shown as it was understood.
import { call, element, listed } from "./common.js";

const text = document.getElementById("model-text");
document.getElementById("model-file").addEventListener("change", async (event) => {
  const file = event.target.files[0];
  if (file) text.value = await file.slice(0, 400001).text();
});
document.getElementById("model-read").addEventListener("click", async (event) => {
  const button = event.currentTarget;
  const told = document.getElementById("model-told");
  button.disabled = true;
  try {
    const found = await call("POST", "/api/mechanism/model", { text: text.value });
    const list = element("dl", undefined, { class: "facts" });
    for (const [name, value] of Object.entries(found)) {
      if (Array.isArray(value) && !value.length) continue;
      list.append(element("dt", name), element("dd", Array.isArray(value) ? `${value.length}: ${value.join(", ")}` : value));
    }
    told.replaceChildren(list);
  } catch (error) {
    told.replaceChildren(listed(error));
  } finally {
    button.disabled = false;
  }
});
