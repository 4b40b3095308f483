// Open a protocol file: read on the server, kept in this tab, shown as a form.
import { call, listed } from "./common.js";

const text = document.getElementById("file-text");
document.getElementById("file").addEventListener("change", async (event) => {
  const file = event.target.files[0];
  if (file) text.value = await file.slice(0, 400001).text();
});
document.getElementById("open").addEventListener("click", async () => {
  const told = document.getElementById("file-told");
  try {
    const found = await call("POST", "/api/designs", { text: text.value });
    location.assign(`/trial/design/${found.id}`);
  } catch (error) {
    told.replaceChildren(listed(error));
  }
});
