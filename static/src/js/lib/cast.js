// A recording (asciicast v2) and the time in it. Nothing here knows a page, so that it can be tested.
const LONGEST_PAUSE = 1.5;

/** { columns, rows, events: [[seconds, kind, text], ...] }; throws SyntaxError when it is no recording. */
export function parseCast(text) {
  const [head, ...events] = text.split("\n").filter((line) => line.trim()).map((line) => JSON.parse(line));
  if (head?.version !== 2) throw new SyntaxError("not an asciicast of version 2");
  return { columns: head.width, rows: head.height, events };
}

/** The same events with every pause cut to a second and a half. */
export function shortenPauses(events, longest = LONGEST_PAUSE) {
  let before = 0;
  let now = 0;
  return events.map(([at, ...rest]) => {
    now += Math.min(longest, Math.max(0, at - before));
    before = at;
    return [now, ...rest];
  });
}
