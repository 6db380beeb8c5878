// A term in prose links to its entry in the glossary. Here a card with what it means opens on it instead: on
// a click, a tap or Enter, and when a mouse rests on it. The meanings stand at the end of the page.
import { make } from "../lib/elements.js";

const REST = 250; // milliseconds a mouse must rest on a term, or off it
const GAP = 6;

export function startTerms() {
  const told = document.getElementById("terms");
  if (!told || !HTMLElement.prototype.showPopover) return;
  const card = new Card(told);
  document.body.append(card.element);
  document.addEventListener("click", (event) => card.clicked(event));
  document.addEventListener("pointerover", (event) => card.pointed(event));
  document.addEventListener("scroll", ({ target }) => target !== document && card.close(), true);
}

class Card {
  constructor(told) {
    this.told = told;
    this.words = told.dataset;
    this.title = make("p", { class: "term-card-title", id: "term-card-title" });
    this.text = make("p", {});
    this.more = make("a", {}, this.words.glossary);
    this.element = make(
      "div",
      { class: "term-card", popover: "auto", role: "dialog", tabindex: "-1", "aria-labelledby": "term-card-title" },
      this.title,
      this.text,
      make("p", { class: "term-card-more" }, this.more),
    );
  }

  clicked(event) {
    const link = event.target.closest?.("a.term");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    if (!this.open(link)) return;
    event.preventDefault();
    if (event.detail === 0) this.element.focus(); // by keyboard: Escape leads back to the term
  }

  pointed({ target, pointerType }) {
    if (pointerType !== "mouse") return;
    const link = target.closest?.("a.term");
    clearTimeout(this.waiting);
    if (link) this.waiting = setTimeout(() => this.open(link), REST);
    else if (!this.element.contains(target) && !this.element.contains(document.activeElement)) {
      this.waiting = setTimeout(() => this.close(), REST);
    }
  }

  /** Whether there is something to say about this term. */
  open(link) {
    const meaning = this.told.querySelector(`[data-term="${link.hash.slice(1)}"]`);
    if (!meaning) return false;
    this.title.textContent = meaning.querySelector("dt").textContent;
    this.text.replaceChildren(...[...meaning.querySelector("dd").childNodes].map((node) => node.cloneNode(true)));
    this.more.href = link.getAttribute("href");
    this.element.showPopover();
    this.place(link);
    return true;
  }

  close() {
    clearTimeout(this.waiting);
    if (this.element.matches(":popover-open")) this.element.hidePopover();
  }

  place(link) {
    const at = link.getClientRects()[0];
    const { offsetWidth: width, offsetHeight: height } = this.element;
    const isRoom = at.bottom + GAP + height <= innerHeight || at.top < height + GAP;
    const left = Math.max(8, Math.min(at.left, document.documentElement.clientWidth - width - 8));
    this.element.style.left = `${left + scrollX}px`;
    this.element.style.top = `${(isRoom ? at.bottom + GAP : at.top - height - GAP) + scrollY}px`;
  }
}
