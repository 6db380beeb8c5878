// The session as a whole: small notices over one socket refresh the parts of the page they concern,
// and a countdown warns before the time is over.
import { clock } from "../lib/clock.js";
import { ResumableSocket } from "../lib/socket.js";
import { say, word } from "../lib/words.js";
import { notify } from "../site/notices.js";
import { isOpenState, rankOf } from "./states.js";

const WARN_SECONDS = 300;

export function startSession(lab, { onTopology }) {
  const connection = document.querySelector("[data-connection]");
  let isFirst = true;
  new ResumableSocket(lab.dataset.sessionSocket, {
    onMessage: (message) => hear(JSON.parse(message), onTopology),
    onState: (state) => {
      connection.textContent = state === "waiting" ? word("reconnecting") : "";
      // A new socket begins at "now": what happened since the page was made is asked for once.
      if (state === "open" && isFirst) catchUp();
      if (state === "open") isFirst = false;
    },
  });
  followStatus();
  startCountdown();
}

function hear({ id, kind, data }, onTopology) {
  if (kind === "session") refresh("status");
  if (kind === "verdicts") hearVerdicts();
  if (kind === "run") hearRun(data);
  if (kind === "topology") onTopology(data);
  if (kind === "services") document.dispatchEvent(new Event("services-changed"));
  if (kind === "note") refresh("notes");
  if (kind === "help") refreshHand();
  return id;
}

/** Who reads or writes there is not interrupted; beside the terminal stands how things are. */
function refreshHand() {
  if (!document.querySelector("#hand :focus")) refresh("hand");
  refresh("keyboard");
}

function hearVerdicts() {
  refresh("verdicts");
  for (const hints of document.querySelectorAll("[data-hint-ladder]")) refresh(hints.id);
}

function hearRun({ run, kind, step, state }) {
  toldStates.set(run, state);
  if (kind === "terminal") return refreshHand(); // only an open one can be lent
  refresh(step ? `step-${step}` : "verdicts");
  if (!isOpenState(state)) {
    refreshPlots();
    document.dispatchEvent(new Event("run-ended"));
  }
  // A run that has ended shows what was right at the prediction it waited for.
  const before = document.getElementById(`step-${step}`)?.dataset.before;
  if (before && !isOpenState(state)) refresh(`step-${before}`);
}

/** A plot shows what several steps printed, whichever it stands at. */
function refreshPlots() {
  for (const plot of document.querySelectorAll("[data-plot]")) refresh(plot.closest(".step").id);
}

// What was told of each run. A notice may overtake the answer to the click that started the run; the
// step it refreshed is then replaced by that older answer, and has to be asked for again.
const toldStates = new Map();

function refreshOvertaken() {
  for (const step of document.querySelectorAll(".step[data-run]")) {
    const told = toldStates.get(step.dataset.run);
    if (told && rankOf(told) > rankOf(step.dataset.runState)) refresh(step.id);
  }
}

function refresh(id) {
  const part = document.getElementById(id);
  if (part) window.htmx.trigger(part, "refresh");
}

function catchUp() {
  refresh("status");
  refresh("verdicts");
  refresh("notes");
  refreshHand();
  for (const step of document.querySelectorAll(".step[data-run-state]")) {
    if (isOpenState(step.dataset.runState)) refresh(step.id);
  }
}

/** Steps know their commands only when the pods have addresses: fetch them when the state changes. */
function followStatus() {
  let state = document.getElementById("status").dataset.state;
  document.addEventListener("htmx:afterSettle", () => {
    refreshOvertaken();
    const now = document.getElementById("status")?.dataset.state;
    if (now === state) return;
    state = now;
    refreshSteps();
  });
  document.addEventListener("step-changed", ({ detail }) => (detail.steps ?? []).forEach((step) => refresh(`step-${step}`)));
}

function refreshSteps() {
  for (const step of document.querySelectorAll(".step")) refresh(step.id);
  document.dispatchEvent(new Event("session-state"));
}

function startCountdown() {
  let warnedFor = "";
  setInterval(() => {
    const time = document.querySelector("[data-countdown]");
    if (!time) return;
    const left = (Date.parse(time.dateTime) - Date.now()) / 1000;
    time.textContent = left > 0 ? clock(left) : word("timeOver");
    time.classList.toggle("timer-low", left < WARN_SECONDS);
    if (left > 0 && left < WARN_SECONDS && warnedFor !== time.dateTime) {
      warnedFor = time.dateTime;
      notify("warning", say("minutesLeft", { minutes: Math.ceil(left / 60) }));
    }
  }, 1000);
}
