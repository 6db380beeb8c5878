// Search: a dialog over the page, opened by the header's link, / or Ctrl-K. Arrows go through what was found.
import { isBusy, startKeys } from "../lib/keys.js";

export function startSearch() {
  const dialog = document.getElementById("search");
  const open = () => {
    dialog.showModal();
    dialog.querySelector("input").select();
  };
  startKeys({ "/": open });
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
    if (isBusy() || event.target.closest?.(".terminal-screen, .cm-editor")) return; // it is theirs
    event.preventDefault();
    open();
  });
  document.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close(); // beside it
    if (event.ctrlKey || event.metaKey || !event.target.closest?.("[data-open-search]")) return;
    event.preventDefault();
    open();
  });
  // A link to a place on this very page leaves the dialog open unless it is told.
  dialog.addEventListener("click", ({ target }) => target.closest("a") && dialog.close());
  for (const part of document.querySelectorAll("[data-search]")) part.addEventListener("keydown", walk);
}

const STEPS = { ArrowDown: 1, ArrowUp: -1 };

function walk(event) {
  const field = event.currentTarget.querySelector("input[type=search]");
  const links = [...event.currentTarget.querySelectorAll(".found-link")];
  if (event.key === "Enter" && event.target === field && links.length) {
    event.preventDefault();
    links[0].click();
  }
  const step = STEPS[event.key];
  if (!step || !links.length) return;
  event.preventDefault();
  const at = links.indexOf(document.activeElement) + step;
  (at < 0 ? field : links[Math.min(at, links.length - 1)]).focus();
}
