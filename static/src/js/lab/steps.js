// The steps: copy buttons, the buttons that lead to the terminal, and hints, menus and half-given answers
// that stay when htmx puts a fresh part in place of the old one.
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
  document.addEventListener("htmx:beforeSwap", ({ target, detail }) => {
    const part = target.closest(".hints, .status, .step, .verdicts");
    rememberOpen(part);
    // What was sent is in the server's answer; a part that the page renews by itself may hold what was not.
    if (detail.requestConfig?.verb === "get") rememberChosen(part);
  });
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
  restoreChosen(part);
  const states = open.get(part.id) ?? [];
  [...part.querySelectorAll("details")].forEach((details, at) => (details.open ||= states[at] ?? false));
}

const chosen = new Map();

function rememberChosen(part) {
  const forms = [...(part?.querySelectorAll("form:not([data-edit])") ?? [])];
  if (forms.length) chosen.set(part.id, forms.flatMap((form) => [...new FormData(form)]));
}

function restoreChosen(part) {
  for (const [name, value] of chosen.get(part.id) ?? []) {
    for (const field of part.querySelectorAll(`form:not([data-edit]) [name="${CSS.escape(name)}"]:not([type=hidden])`)) {
      if (field.type === "radio" || field.type === "checkbox") field.checked ||= field.value === value;
      else if (field.localName !== "button") field.value = value;
    }
  }
  chosen.delete(part.id);
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
