// What the player is given: the recording with a marker at each place one jumps to, its pauses cut or not.
// Nothing here knows a page, so that it can be tested.
import { shortenPauses } from "../lib/cast.js";

const NARROWEST = 40;
const WIDEST = 160;
const LOWEST = 6;
const MOVES = /\x1b\[[0-?]*[A-HJKSTfu]/; // the cursor, or what is on the screen

/**
 * `places` are seconds since the recording began. Answers { columns, rows, events, marks, length }, where
 * `marks` are the same places, in the same order, in the time of these events.
 */
export function makeScene(cast, places, { isShort }) {
  const marked = withMarkers(cast.events, places);
  const events = isShort ? shortenPauses(marked.map(({ event }) => event)) : marked.map(({ event }) => event);
  const marks = new Array(places.length);
  marked.forEach(({ number }, place) => number !== undefined && (marks[number] = events[place][0]));
  return { columns: cast.columns, rows: cast.rows, events, marks, length: events.at(-1)?.[0] ?? 0 };
}

/** In the order of time; of one moment the output comes first, so that it is seen when one jumps there. */
function withMarkers(events, places) {
  const own = events.map(([at, kind, text]) => ({ event: kind === "m" ? [at, "o", ""] : [at, kind, text] }));
  const markers = places.map((at, number) => ({ event: [at, "m", ""], number }));
  return [...own, ...markers].sort((one, other) => one.event[0] - other.event[0]);
}

/** How many columns fit: what had no terminal is broken where the page is, not where one of 80 columns was. */
export function columnsFor(width, letter) {
  return Math.max(NARROWEST, Math.min(WIDEST, Math.floor(width / letter)));
}

/** How many rows the output takes there, up to `most`; all of them for what moves about on the screen. */
export function rowsFor(events, columns, most) {
  const text = events.map(([, kind, data]) => (kind === "o" ? data : "")).join("");
  if (MOVES.test(text)) return most;
  const rows = text.split("\n").reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / columns)), 0);
  return Math.max(LOWEST, Math.min(most, rows));
}

export function markBefore(marks, at) {
  return marks.findLast((mark) => mark < at - 0.5);
}

export function markAfter(marks, at) {
  return marks.find((mark) => mark > at + 0.01);
}

/** Whose turn it is then: the number of the last of these places that has been reached, -1 before the first. */
export function turnAt(turns, marks, at) {
  return turns.findLast((number) => marks[number] <= at + 0.01) ?? -1;
}
