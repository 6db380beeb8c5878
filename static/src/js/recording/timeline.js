/** Plays what was printed, in order, against a clock; `write(text)` and `clear()` are the screen. */
export class Timeline {
  constructor(events, screen) {
    this.events = events.filter(([, kind]) => kind === "o");
    Object.assign(this, { screen, at: 0, next: 0, isPlaying: false });
    this.length = this.events.at(-1)?.[0] ?? 0;
  }

  get isOver() {
    return this.next >= this.events.length;
  }

  /** Lets seconds pass. */
  pass(seconds) {
    if (!this.isPlaying) return;
    this.at = Math.min(this.length, this.at + seconds);
    this.writeUpTo(this.at);
    if (this.isOver) this.isPlaying = false;
  }

  /** From where it was paused; from the beginning when it is over or has not begun. */
  play() {
    if (this.isOver || this.next === 0) this.begin();
    this.isPlaying = true;
  }

  pause() {
    this.isPlaying = false;
  }

  begin() {
    this.at = 0;
    this.next = 0;
    this.screen.clear();
    this.writeUpTo(0);
  }

  writeUpTo(at) {
    const due = [];
    while (!this.isOver && this.events[this.next][0] <= at) due.push(this.events[this.next++][2]);
    if (due.length) this.screen.write(due.join(""));
  }
}
