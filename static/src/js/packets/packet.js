// The packet on show: its tree and its bytes, lit together either way.
import { say } from "../lib/words.js";
import { HexDump } from "./bytes.js";
import { fieldAt } from "./spans.js";
import { LayerTree } from "./tree.js";

export class Packet {
  constructor(element, { onLeave }) {
    this.status = element.querySelector("[data-packet-status]");
    const tree = element.querySelector("[data-tree]");
    if (!tree) return;
    const acts = { onLeave };
    this.dumps = [...element.querySelectorAll("[data-hex]")].map(
      (each) => new HexDump(each, { ...acts, onPoint: (source, at) => this.pointed(source, at), onEnter: () => this.tree.chosen?.focus() }),
    );
    this.tree = new LayerTree(tree, { ...acts, onChoose: (item) => this.chosen(item), onEnter: (item) => this.intoBytes(item) });
    this.fields = this.tree.items.filter((item) => item.dataset.source).map((item) => ({ item, ...spanOf(item) }));
  }

  focus() {
    if (this.tree) (this.tree.chosen ?? this.tree.items[0])?.focus();
  }

  chosen(item) {
    const span = item.dataset.source ? spanOf(item) : null;
    for (const dump of this.dumps) {
      if (span?.source === dump.source) dump.light(span.from, span.to);
      else dump.light(0, 0);
    }
    if (span && !document.activeElement?.closest("[data-hex]")) this.intoView(span);
    this.tell(item, span);
  }

  intoView(span) {
    this.dumps[span.source]?.octets[span.from]?.scrollIntoView({ block: "nearest" });
  }

  intoBytes(item) {
    if (!item.dataset.source) return;
    const { source, from } = spanOf(item);
    this.dumps[source]?.enter(from);
  }

  pointed(source, at) {
    const field = fieldAt(this.fields, source, at);
    if (field) this.tree.show(field.item);
  }

  tell(item, span) {
    const words = item.querySelector(".node-words").textContent;
    const place = !span ? "" : span.to - span.from === 1 ? say("oneByte", span) : say("bytes", { from: span.from, to: span.to - 1 });
    this.status.textContent = [item.dataset.field, place, words].filter(Boolean).join(" · ");
  }
}

function spanOf(item) {
  const { source, from, to } = item.dataset;
  return { source: Number(source), from: Number(from), to: Number(to) };
}
