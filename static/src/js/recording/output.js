// The recorded output of one step. The page holds it whole, as text; this plays it in its time.
import { parseCast, shortenPauses } from "../lib/cast.js";
import { clock } from "../lib/clock.js";
import { Neutraliser } from "../lib/neutral.js";
import { word } from "../lib/words.js";
import { Timeline } from "./timeline.js";

export class RecordedOutput {
  constructor(element) {
    const find = (name) => element.querySelector(`[data-recorded-${name}]`);
    Object.assign(this, { element, text: find("text"), button: find("play"), clock: find("clock") });
    this.whole = this.text.textContent;
    this.button.addEventListener("click", () => this.toggle());
    find("acts").hidden = false;
  }

  async toggle() {
    this.timeline ??= await this.load();
    if (!this.timeline) return;
    if (this.timeline.isPlaying) this.timeline.pause();
    else this.play();
    this.show();
  }

  /** The timeline; without one there is nothing to play, and the text stays. */
  async load() {
    try {
      const answer = await fetch(this.element.dataset.castUrl);
      return new Timeline(shortenPauses(parseCast(await answer.text()).events), this.screen());
    } catch {
      this.button.disabled = true;
      return null;
    }
  }

  screen() {
    let neutral = new Neutraliser();
    return {
      write: (text) => {
        this.text.append(neutral.read(text));
        this.text.scrollTop = this.text.scrollHeight;
      },
      clear: () => {
        neutral = new Neutraliser();
        this.text.textContent = "";
      },
    };
  }

  play() {
    // The text is kept as high as it is, so that the page does not jump under the reader.
    this.text.style.minHeight = `${this.text.offsetHeight}px`;
    this.timeline.play();
    this.before = performance.now();
    requestAnimationFrame((now) => this.frame(now));
  }

  frame(now) {
    this.timeline.pass(Math.max(0, now - this.before) / 1000);
    this.before = now;
    if (this.timeline.isOver) this.text.textContent = this.whole;
    this.show();
    if (this.timeline.isPlaying) requestAnimationFrame((later) => this.frame(later));
  }

  show() {
    const { isPlaying, isOver, at, length } = this.timeline;
    this.clock.textContent = `${clock(at)} / ${clock(length)}`;
    this.button.textContent = word(isPlaying ? "pause" : isOver ? "again" : "play");
  }
}
