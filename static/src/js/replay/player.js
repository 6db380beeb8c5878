// The controls around a recording: play, pause, position, speed, shortened pauses.
import { clock } from "../lib/clock.js";
import { openScreen } from "../lib/screen.js";
import { word } from "../lib/words.js";
import { parseCast, shortenPauses, Timeline } from "./cast.js";

export async function startReplay(element) {
  const find = (name) => element.querySelector(`[data-replay-${name}]`);
  const controls = {
    play: find("play"),
    at: element.querySelector("#replay-at"),
    speed: element.querySelector("#replay-speed"),
    clock: find("clock"),
    skip: find("skip"),
    state: find("state"),
  };
  try {
    const cast = await loadCast(element.dataset.castUrl);
    new Player(cast, find("screen"), controls);
  } catch {
    controls.state.textContent = word("noCast");
  }
}

async function loadCast(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`the recording answered ${answer.status}`);
  return parseCast(await answer.text());
}

class Player {
  constructor(cast, element, controls) {
    Object.assign(this, { cast, controls });
    const { terminal } = openScreen(element, { cols: cast.columns, rows: cast.rows, disableStdin: true, convertEol: true });
    terminal.textarea.tabIndex = -1;
    this.screen = { write: (text) => terminal.write(text), clear: () => terminal.reset() };
    controls.state.textContent = cast.events.length ? "" : word("empty");
    this.load();
    this.listen();
    this.timeline.seek(this.timeline.length);
    this.show();
  }

  load() {
    const events = this.controls.skip.checked ? shortenPauses(this.cast.events) : this.cast.events;
    this.timeline = new Timeline(events, this.screen);
    this.timeline.speed = Number(this.controls.speed.value);
    this.controls.at.max = this.timeline.length;
    this.controls.at.disabled = this.controls.play.disabled = !events.length;
  }

  listen() {
    const { play, at, speed, skip } = this.controls;
    play.addEventListener("click", () => this.toggle());
    at.addEventListener("input", () => this.change(() => this.timeline.seek(Number(at.value))));
    speed.addEventListener("change", () => (this.timeline.speed = Number(speed.value)));
    skip.addEventListener("change", () => this.change(() => (this.load(), this.timeline.seek(0))));
  }

  toggle() {
    if (this.timeline.isPlaying) return this.change(() => this.timeline.pause());
    this.timeline.play();
    this.before = performance.now();
    requestAnimationFrame((now) => this.frame(now));
    this.show();
  }

  frame(now) {
    this.timeline.pass(Math.max(0, now - this.before) / 1000);
    this.before = now;
    this.show();
    if (this.timeline.isPlaying) requestAnimationFrame((later) => this.frame(later));
  }

  change(act) {
    act();
    this.show();
  }

  show() {
    const { timeline, controls } = this;
    controls.at.value = timeline.at;
    controls.clock.textContent = `${clock(timeline.at)} / ${clock(timeline.length)}`;
    controls.play.textContent = word(timeline.isPlaying ? "pause" : timeline.isOver ? "again" : "play");
  }
}
