// A hex dump: spans light up, and the byte that is pointed at is told. One stop for Tab, arrows inside.
import { byteAfter } from "./spans.js";

export class HexDump {
  /** `onPoint(source, at)` hears which byte is pointed at; `onEnter` and `onLeave` the keys. */
  constructor(element, { onPoint, onEnter, onLeave }) {
    this.element = element;
    this.source = Number(element.dataset.hex);
    this.lines = element.querySelector(".hex-lines");
    this.octets = [...element.querySelectorAll("b")];
    this.letters = [...element.querySelectorAll("i")];
    this.at = 0;
    this.lines.tabIndex = 0;
    this.lines.addEventListener("click", (event) => {
      const at = this.indexOf(event.target);
      if (at >= 0) onPoint(this.source, this.point(at));
    });
    this.lines.addEventListener("keydown", (event) => {
      const to = byteAfter(event.key, this.at, this.octets.length);
      if (to === null && event.key !== "Enter" && event.key !== "Escape") return;
      event.preventDefault();
      if (to !== null) onPoint(this.source, this.point(to));
      else if (event.key === "Enter") onEnter();
      else onLeave();
    });
  }

  indexOf(element) {
    const list = element.localName === "b" ? this.octets : this.letters;
    return list.indexOf(element);
  }

  point(at) {
    this.octets[this.at]?.classList.remove("at");
    this.at = at;
    this.octets[at].classList.add("at");
    this.octets[at].scrollIntoView({ block: "nearest" });
    return at;
  }

  light(from, to) {
    for (const list of [this.octets, this.letters]) {
      list.forEach((each, index) => each.classList.toggle("lit", index >= from && index < to));
    }
  }

  /** Points at the first byte of a span, and brings it into view. */
  enter(from) {
    this.point(Math.min(from, this.octets.length - 1));
    this.lines.focus();
  }
}
