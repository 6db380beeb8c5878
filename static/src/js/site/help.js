import { areOn, remember, startKeys } from "../lib/keys.js";

/** The keys of every page, and the dialog that lists them. */
export function startHelp() {
  const help = document.getElementById("help");
  const box = help.querySelector("[data-shortcuts-on]");
  box.checked = areOn();
  box.addEventListener("change", () => remember(box.checked));
  document.addEventListener("click", ({ target }) => target.closest?.("[data-open-help]") && help.showModal());
  const unhide = () => document.querySelectorAll("[data-open-help]").forEach((button) => (button.hidden = false));
  document.addEventListener("htmx:afterSettle", unhide);
  unhide();
  startKeys({ "?": () => help.showModal(), c: () => (document.querySelector("[data-continue]") ?? document.querySelector(".brand")).click() });
}
