import { Pane } from "./lab/pane.js";
import { startRules } from "./lab/rules.js";
import { startSession } from "./lab/session.js";
import { runningSteps, startSteps } from "./lab/steps.js";
import { announceOnBench, showView, startTabs } from "./lab/tabs.js";
import { startTakingBack } from "./lab/take-back.js";
import { LabTerminal } from "./lab/terminal.js";
import { startToggles } from "./lab/toggles.js";
import { Topology } from "./lab/topology.js";
import { startKeys } from "./lib/keys.js";

const lab = document.getElementById("lab");
const panes = [...document.querySelectorAll("[data-pane-name]")].map((element) => new Pane(element, lab.dataset));
const topology = new Topology(lab);
const place = document.getElementById("terminal"); // not there for who may only look
const terminal =
  place &&
  new LabTerminal(place, {
    openUrl: lab.dataset.terminalUrl,
    cancelUrl: lab.dataset.cancelUrl,
    sessionKey: `terminal:${lab.dataset.sessionSocket}`,
  });

function sync() {
  for (const pane of panes) pane.sync();
  topology.showFlows(runningSteps());
}

function openTerminal(pod) {
  if (!terminal) return;
  showView(lab, "bench");
  terminal.open(pod);
}

function goToNextStep() {
  const steps = [...document.querySelectorAll(".step")];
  const at = steps.findIndex((step) => step.contains(document.activeElement));
  const next = steps[(at + 1) % steps.length];
  (next.querySelector("[id^=run-]:enabled, input:not([type=hidden]), [data-open-terminal], summary") ?? next).focus();
  next.scrollIntoView({ block: "start" });
}

/** The first open step after the last one that is done, as the page knows it now; else what is proven. */
function goToOpenStep(event) {
  if (!event.target.closest?.("[data-open-step]")) return;
  event.preventDefault();
  const steps = [...document.querySelectorAll(".step")].filter((step) => !["read", "terminal"].includes(step.dataset.kind));
  const last = steps.findLastIndex((step) => !("undone" in step.dataset));
  showView(lab, "steps");
  (steps[last + 1] ?? document.getElementById("verdicts")).scrollIntoView({ block: "start" });
}

document.addEventListener("click", goToOpenStep);
startTabs(lab);
startToggles();
startRules();
startTakingBack(() => terminal?.focus());
startSteps({ openTerminal });
startSession(lab, { onTopology: (state) => topology.take(state) });
startKeys({ v: () => document.getElementById("verify")?.click(), t: () => openTerminal(), n: goToNextStep });

document.addEventListener("run-started", ({ detail }) => {
  panes.find((pane) => pane.element.dataset.paneName === detail.pane)?.attach(detail.run, detail.step);
  announceOnBench(lab);
});
document.addEventListener("htmx:afterSettle", sync);
document.addEventListener("session-state", () => topology.refresh());
sync();
