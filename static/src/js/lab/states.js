import { say, word } from "../lib/words.js";

const OPEN = ["queued", "starting", "running"];

export function isOpenState(state) {
  return OPEN.includes(state);
}

/** How far a run has come: every end is further than running. */
export function rankOf(state) {
  return isOpenState(state) ? OPEN.indexOf(state) : OPEN.length;
}

export function stateWord(state) {
  // "failed" alone is the page's sentence for a portal that does not answer.
  return word(state === "failed" ? "runFailed" : state);
}

/** The sentence under a run that has ended. */
export function endSentence({ state, exit_code: code, reason }) {
  if (state === "lost") return word("lostEnd");
  const hasCode = code !== null && code !== undefined;
  const sentence = say(hasCode ? "ended" : "endedWithoutCode", { state: stateWord(state), code });
  return [sentence, reason].filter(Boolean).join(" ");
}

export function showChip(chip, state, words = stateWord(state)) {
  chip.hidden = false;
  chip.dataset.state = state;
  chip.textContent = words;
}
