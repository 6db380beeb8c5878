// The steps: copy buttons, the buttons that lead to the terminal, and hints and menus that stay open when
// htmx puts a fresh part in place of the old one.
import { copyText } from "./copy.js";
import { isOpenState } from "./states.js";

export function startSteps({ openTerminal }) {
  const steps = document.getElementById("lab-text");
  steps.addEventListener("click", ({ target }) => {
    const copy = target.closest("[data-copy]");
    const terminal = target.closest("[data-open-terminal]");
    if (copy) copyText(copy, document.getElementById(copy.dataset.copy).textContent);
    if (terminal) openTerminal(terminal.dataset.openTerminal);
  });
  document.addEventListener("htmx:beforeSwap", ({ target }) => rememberOpen(target.closest(".hints, .status, .step, .verdicts")));
  document.addEventListener("htmx:afterSettle", ({ target }) => restoreOpen(target));
  unhide(steps);
}

const open = new Map();

function rememberOpen(part) {
  if (part?.id) open.set(part.id, [...part.querySelectorAll("details")].map((details) => details.open));
}

function restoreOpen(target) {
  const part = document.getElementById(target.id);
  if (!part) return;
  unhide(part);
  const states = open.get(part.id) ?? [];
  [...part.querySelectorAll("details")].forEach((details, at) => (details.open ||= states[at] ?? false));
}

/** Buttons that do nothing without this script are hidden until it is there. */
function unhide(part) {
  for (const button of part.querySelectorAll("[data-copy][hidden], [data-open-terminal][hidden]")) button.hidden = false;
}

/** The steps whose command is running now: [{pod, command}]. */
export function runningSteps() {
  const running = [...document.querySelectorAll(".step[data-run]")].filter((step) => isOpenState(step.dataset.runState));
  return running.map((step) => ({
    pod: step.dataset.pod,
    command: document.getElementById(`argv-${step.dataset.step}`)?.textContent ?? "",
  }));
}
