// One pane: the live output of the newest run among the steps that print here. The run's stream is
// followed by id; reload, a dropped connection or a second window see every line once, in order.
import { clock } from "../lib/clock.js";
import { post } from "../lib/post.js";
import { ResumableSocket } from "../lib/socket.js";
import { say, word } from "../lib/words.js";
import { copyText } from "./copy.js";
import { Output } from "./output.js";
import { endSentence, isOpenState, showChip } from "./states.js";
import { Tail } from "./tail.js";

const NO_RUN = "00000000-0000-0000-0000-000000000000";

export class Pane {
  constructor(element, { cancelUrl }) {
    this.element = element;
    this.cancelUrl = cancelUrl;
    this.steps = element.dataset.steps.split(" ").filter(Boolean);
    this.parts = partsOf(element);
    this.tail = new Tail({ ...this.parts, follow: this.parts.tail });
    this.parts.stop?.addEventListener("click", () => this.stop());
    this.parts.again?.addEventListener("click", () => document.getElementById(`run-${this.step}`)?.click());
    this.parts.copy.addEventListener("click", () => copyText(this.parts.copy, this.tail.content));
    setInterval(() => this.tick(), 500);
  }

  /** Shows the newest run of this pane's steps, if it is not on show already. */
  sync() {
    const runs = this.steps.map((step) => document.getElementById(`step-${step}`)).filter((step) => step?.dataset.run);
    runs.sort((one, other) => Number(other.dataset.runCreated) - Number(one.dataset.runCreated));
    if (runs.length) this.attach(runs[0].dataset.run, runs[0].dataset.step);
  }

  attach(run, step) {
    if (run === this.run) return;
    this.socket?.close();
    Object.assign(this, { run, step, state: "queued", since: null });
    this.parts.command.textContent = document.getElementById(`argv-${step}`)?.textContent ?? "";
    this.parts.end.textContent = "";
    this.begin();
    this.socket = new ResumableSocket(`/ws/runs/${run}/`, {
      onMessage: (message) => this.output.take(message),
      onState: (state) => this.connection(state),
    });
    this.show();
  }

  begin() {
    this.tail.clear();
    this.output = new Output({
      onLines: (lines, open) => this.tail.add(lines, open),
      onEvent: (event) => this.takeEvent(event),
      onEnd: (end, ms) => this.takeEnd(end, ms),
      onClock: (began) => this.started(began),
    });
  }

  takeEvent(event) {
    if (event.event === "replayed") this.begin();
    if (event.event === "truncated") this.tail.add([{ text: say("truncated", { bytes: event.bytes }), kind: "note" }], "");
  }

  takeEnd(end, ms) {
    this.state = end.state;
    this.parts.clock.textContent = clock(ms / 1000);
    this.parts.end.textContent = endSentence(end);
    this.show();
  }

  started(began) {
    this.since = began;
    if (this.state !== "queued") return;
    this.state = "running";
    this.show();
  }

  connection(state) {
    if (state === "waiting") this.parts.end.textContent = word("reconnecting");
    if (state === "refused" || state === "crowded") this.parts.end.textContent = word(state);
    if (state === "open" && isOpenState(this.state)) this.parts.end.textContent = "";
  }

  show() {
    const isOpen = isOpenState(this.state);
    showChip(this.parts.state, this.state);
    this.element.dataset.runState = this.state;
    this.parts.copy.hidden = false;
    if (!this.parts.stop) return; // who may only look has no such buttons
    this.parts.stop.hidden = !isOpen;
    this.parts.stop.disabled = false;
    this.parts.again.hidden = isOpen;
  }

  tick() {
    if (this.since !== null && isOpenState(this.state)) {
      this.parts.clock.textContent = clock((Date.now() - this.since) / 1000);
    }
  }

  async stop() {
    this.parts.stop.disabled = true;
    const answer = await post(this.cancelUrl.replace(NO_RUN, this.run));
    if (!answer?.ok) this.parts.stop.disabled = false;
  }
}

function partsOf(element) {
  const names = ["state", "clock", "copy", "again", "stop", "command", "scroll", "dropped", "text", "tail", "end"];
  const parts = Object.fromEntries(names.map((name) => [name, element.querySelector(`[data-pane-${name}]`)]));
  return { ...parts, scroller: parts.scroll };
}
