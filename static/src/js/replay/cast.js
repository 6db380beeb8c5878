// A recording (asciicast v2) and the time in it. Nothing here knows a page, so that it can be tested.
const LONGEST_PAUSE = 1.5;

/** { columns, rows, events: [[seconds, text], ...] }; throws SyntaxError when it is no recording. */
export function parseCast(text) {
  const [head, ...lines] = text.split("\n").filter((line) => line.trim()).map((line) => JSON.parse(line));
  if (head?.version !== 2) throw new SyntaxError("not an asciicast of version 2");
  const events = lines.filter(([, kind]) => kind === "o").map(([at, , data]) => [at, data]);
  return { columns: head.width, rows: head.height, events };
}

/** The same events with every pause cut to a second and a half. */
export function shortenPauses(events, longest = LONGEST_PAUSE) {
  let before = 0;
  let now = 0;
  return events.map(([at, data]) => {
    now += Math.min(longest, Math.max(0, at - before));
    before = at;
    return [now, data];
  });
}

/** Plays events in order against a clock; `write(text)` and `clear()` are the screen. */
export class Timeline {
  constructor(events, screen) {
    Object.assign(this, { events, screen, at: 0, next: 0, speed: 1, isPlaying: false });
    this.length = events.at(-1)?.[0] ?? 0;
  }

  get isOver() {
    return this.next >= this.events.length;
  }

  /** Lets real seconds pass. */
  pass(seconds) {
    if (!this.isPlaying) return;
    this.at = Math.min(this.length, this.at + seconds * this.speed);
    this.writeUpTo(this.at);
    if (this.isOver) this.isPlaying = false;
  }

  seek(at) {
    this.at = Math.max(0, Math.min(this.length, at));
    this.next = 0;
    this.screen.clear();
    this.writeUpTo(this.at);
  }

  play() {
    if (this.isOver) this.seek(0);
    this.isPlaying = true;
  }

  pause() {
    this.isPlaying = false;
  }

  writeUpTo(at) {
    const due = [];
    while (!this.isOver && this.events[this.next][0] <= at) due.push(this.events[this.next++][1]);
    if (due.length) this.screen.write(due.join(""));
  }
}
