// The text of a pane. Lines go in as text nodes, a frame at a time; the newest few thousand are kept.
// It follows the end until the reader scrolls up.
import { make } from "../lib/elements.js";
import { say } from "../lib/words.js";
import { protocolOf } from "./protocol.js";

export const MOST_LINES = 5000;
const NEAR_THE_END = 24;

export class Tail {
  constructor({ text, scroller, dropped, follow }) {
    Object.assign(this, { text, scroller, droppedNote: dropped, followButton: follow });
    scroller.addEventListener("scroll", () => this.noteScroll());
    follow.addEventListener("click", () => this.toEnd());
    // A pane that was hidden or changes its height shows the newest lines again.
    new ResizeObserver(() => this.isFollowing && this.toEnd()).observe(scroller);
    this.clear();
  }

  clear() {
    this.text.replaceChildren();
    this.openLine = this.text.appendChild(make("span"));
    Object.assign(this, { waiting: [], open: "", dropped: 0, isFollowing: true, isPlanned: false });
    this.droppedNote.hidden = true;
    this.followButton.hidden = true;
  }

  /** Complete lines as [{text, kind}], and the line that is still being written. */
  add(lines, open) {
    for (const line of lines) this.waiting.push(line);
    const surplus = this.waiting.length - MOST_LINES;
    if (surplus > 0) this.waiting.splice(0, surplus);
    this.dropped += Math.max(0, surplus);
    this.open = open;
    if (!this.isPlanned) requestAnimationFrame(() => this.draw());
    this.isPlanned = true;
  }

  draw() {
    this.isPlanned = false;
    const fresh = document.createDocumentFragment();
    for (const line of this.waiting) fresh.append(makeLine(line));
    this.waiting = [];
    this.openLine.before(fresh);
    this.openLine.textContent = this.open;
    this.shed();
    if (this.isFollowing) this.toEnd();
  }

  shed() {
    for (let surplus = this.text.childElementCount - 1 - MOST_LINES; surplus > 0; surplus--) {
      this.text.firstElementChild.remove();
      this.dropped++;
    }
    this.droppedNote.hidden = this.dropped === 0;
    if (this.dropped) this.droppedNote.textContent = say("dropped", { count: this.dropped });
  }

  noteScroll() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    this.isFollowing = scrollHeight - scrollTop - clientHeight < NEAR_THE_END;
    this.followButton.hidden = this.isFollowing;
  }

  toEnd() {
    this.scroller.scrollTop = this.scroller.scrollHeight;
  }

  get content() {
    return this.text.textContent;
  }
}

function makeLine({ text, kind }) {
  const protocol = kind === "note" ? "" : protocolOf(text);
  const names = ["line", protocol && `line-${protocol}`, kind !== "out" && `line-${kind}`];
  const attributes = { class: names.filter(Boolean).join(" "), ...(kind === "err" && { title: "stderr" }) };
  return make("span", attributes, `${text}\n`);
}
