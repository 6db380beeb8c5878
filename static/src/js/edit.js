// The editors of manifests. A page brings them one by one: htmx may put a step in place later.
import { Editor } from "./edit/editor.js";

const editors = new Map();

function startEditors() {
  for (const form of document.querySelectorAll("form[data-edit]")) {
    if (!editors.has(form)) editors.set(form, new Editor(form));
  }
  for (const [form, editor] of editors) {
    if (form.isConnected) editor.look();
    else editors.delete(form);
  }
}

document.addEventListener("htmx:afterSettle", startEditors);
startEditors();
