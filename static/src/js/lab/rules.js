// The live drawing of kube-proxy's rules: read when the page comes, when a run has ended, when a Service or
// its endpoints change, and when the student asks; never by the clock.
import { make, makeSvg } from "../lib/elements.js";
import { layoutRules } from "./rules-layout.js";

/** What may have changed the rules or their counters is told by the session's own notices. */
export function startRules() {
  const section = document.getElementById("rules");
  if (!section) return;
  const rules = new Rules(section);
  for (const event of ["run-ended", "services-changed", "session-state"]) document.addEventListener(event, () => rules.read());
}

class Rules {
  constructor(section) {
    this.section = section;
    const part = (name) => section.querySelector(`[data-rules-${name}]`);
    [this.node, this.state, this.drawing, this.list, this.counting] = ["node", "state", "drawing", "list", "counting"].map(part);
    this.seen = null;
    this.before = new Map();
    part("read").addEventListener("click", () => this.read());
    this.node.addEventListener("change", () => this.forget());
    this.drawing.addEventListener("click", (event) => this.open(event.target.closest("[data-spot]")?.dataset.spot));
    new ResizeObserver(() => this.draw()).observe(this.drawing);
    this.read();
  }

  /** Another node's counters have nothing to do with these. */
  forget() {
    this.seen = null;
    this.read();
  }

  /** One asking at a time; what is asked for meanwhile is asked once more afterwards. */
  async read() {
    if (this.reading) return void (this.again = true);
    this.reading = true;
    this.again = false;
    await this.ask();
    this.reading = false;
    if (this.again) this.read();
  }

  async ask() {
    const node = this.node.value; // empty for the lab's own choice
    const answer = await fetch(`${this.section.dataset.rulesUrl}?node=${node}`).catch(() => null);
    const told = await answer?.json().catch(() => null);
    if (node !== this.node.value) return; // another was chosen meanwhile
    if (!answer?.ok || !told || told.trouble) return void (this.state.textContent = told?.trouble ?? this.say("unread"));
    this.take(told);
  }

  take(told) {
    // What rose stays lit until something else rises: a reading may follow another at once.
    if (!this.seen) this.before = new Map();
    else if (hasRisen(countsOf(this.seen), countsOf(told))) this.before = countsOf(this.seen);
    this.seen = told;
    this.offer(told);
    this.state.textContent = this.sentence(told);
    this.counting.textContent = told.counts;
    this.draw();
    this.fillList();
  }

  /** The nodes are known when the session is ready; a page may be older than that. */
  offer({ nodes, place }) {
    if (this.node.options.length === nodes.length) return;
    this.node.replaceChildren(...nodes.map((each) => make("option", { value: each.place, ...(each.place === place ? { selected: "" } : {}) }, each.name)));
    this.node.hidden = false;
  }

  sentence({ node, mode, services, without, more }) {
    const time = new Date().toLocaleTimeString(document.documentElement.lang);
    return [
      this.say("read", { node, mode, time }),
      !services.length && mode !== "other" && this.say("nothing"),
      without.length && this.say("without", { services: without.join(", ") }),
      more && this.say("more", { count: more }),
    ].filter(Boolean).join(" ");
  }

  say(name, values = {}) {
    return this.section.dataset[name].replace(/%(\w+)%/g, (place, key) => values[key] ?? place);
  }

  /** How many more than when it was read before; 0 where it cannot be told. */
  rose(service, key, counted) {
    const before = this.before.get(`${service} ${key}`);
    return counted !== null && before !== undefined && before !== null ? Math.max(0, counted - before) : 0;
  }

  words(service, key, counted) {
    if (counted === null) return "";
    const more = this.rose(service, key, counted);
    return this.say(more ? "countedMore" : "counted", { count: counted, more: `+${more}` });
  }

  draw() {
    const width = Math.floor(this.drawing.clientWidth);
    if (!width || !this.seen) return;
    this.drawing.replaceChildren(...this.seen.services.map((service) => this.drawService(service, width)));
  }

  drawService(service, width) {
    const layout = layoutRules(service, width);
    const title = this.say("drawn", { service: service.name, node: this.seen.node });
    const svg = makeSvg("svg", { viewBox: `0 0 ${width} ${layout.height}`, width, height: layout.height, role: "img", "aria-label": title });
    svg.append(...layout.lines.flatMap((line) => this.drawLine(service, line)), ...layout.boxes.map((box) => this.drawBox(service, box, layout)));
    return make("div", { class: "rules-service" }, make("h3", { class: "rules-name" }, service.name), svg);
  }

  drawLine(service, { from, to, points, label, probability, counted }) {
    const rose = this.rose(service.name, `${from} ${to}`, counted);
    const path = points.map(([x, y], at) => `${at ? "L" : "M"}${x} ${y}`).join(" ");
    const parts = [makeSvg("path", { class: `d-link rules-line${rose ? " rules-rose" : ""}`, d: path })];
    if (label && probability !== null) parts.push(makeSvg("text", { class: "d-text d-mono rules-share", x: label.x, y: label.y, "text-anchor": "middle" }, share(probability)));
    return parts;
  }

  drawBox(service, { id, part, short, note, counted, x, y, width, height }, { isNarrow, lines }) {
    const shares = isNarrow ? lines.filter((line) => line.to === id && line.probability !== null).map((line) => share(line.probability)) : [];
    const text = (name, at, words) => makeSvg("text", { class: `d-text ${name}`, x: x + 9, y: y + at }, words);
    const rose = this.rose(service.name, id, counted);
    const kind = { endpoint: "d-pod", refusal: "d-pod d-fail" }[part] ?? "d-node";
    return makeSvg(
      "g", { class: "rules-box", "data-spot": `${service.name} ${id}` },
      makeSvg("rect", { class: kind, x, y, width, height, rx: part === "endpoint" ? 16 : 5 }),
      text("d-mono d-strong rules-title", 18, short),
      text("d-muted rules-note", 34, [note, shares.length && this.say("probability", { share: [...new Set(shares)].join(", ") })].filter(Boolean).join(" · ")),
      text(`rules-count${rose ? " rules-rose" : ""}`, 50, this.words(service.name, id, counted)),
    );
  }

  /** The list keeps open what was open, and the place of the keyboard. */
  fillList() {
    const open = new Set([...this.list.querySelectorAll("details[open]")].map((details) => details.dataset.spot));
    const focused = this.list.contains(document.activeElement) ? document.activeElement.closest("details")?.dataset.spot : null;
    this.list.replaceChildren(...this.seen.services.map((service) => this.listService(service, open)));
    if (focused) this.detailsOf(focused)?.querySelector("summary").focus();
  }

  listService(service, open) {
    const targets = new Set(service.lines.map(({ to }) => to));
    const first = service.spots.filter(({ id }) => !targets.has(id));
    const branch = (spot, line) => this.listSpot(service, spot, line, open, branch);
    return make("section", { class: "rules-service", "aria-label": service.name }, make("h3", { class: "rules-name" }, service.name), make("ul", {}, ...first.map((spot) => branch(spot, null))));
  }

  listSpot(service, spot, line, open, branch) {
    const key = `${service.name} ${spot.id}`;
    // What went by this way; the box of the drawing has what came by all ways.
    const counted = line ? this.words(service.name, `${line.from} ${line.to}`, line.counted) : this.words(service.name, spot.id, spot.counted);
    const chance = line && line.probability !== null ? this.say("probability", { share: share(line.probability) }) : "";
    const summary = make("summary", {}, make("code", {}, spot.title), ` ${[spot.note, chance, counted].filter(Boolean).join(", ")}`);
    const details = make("details", { "data-spot": key, ...(open.has(key) ? { open: "" } : {}) }, summary);
    if (spot.rules.length) details.append(make("pre", { class: "rules-text", tabindex: "0" }, spot.rules.join("\n")));
    const next = service.lines.filter(({ from }) => from === spot.id);
    const below = next.map((each) => branch(service.spots.find(({ id }) => id === each.to), each));
    return make("li", {}, details, ...(below.length ? [make("ul", {}, ...below)] : []));
  }

  /** A box that is clicked shows its rules, in the list. */
  open(key) {
    if (!key) return;
    const button = this.section.querySelector("[data-toggles=rules-list]");
    if (button.getAttribute("aria-expanded") !== "true") button.click();
    const details = this.detailsOf(key);
    if (!details) return;
    details.open = true;
    details.scrollIntoView({ block: "nearest" });
    details.querySelector("summary").focus();
  }

  detailsOf(key) {
    return this.list.querySelector(`details[data-spot="${CSS.escape(key)}"]`);
  }
}

/** Every count of an answer, by Service and spot or line. */
export function countsOf({ services }) {
  const found = new Map();
  for (const { name, spots, lines } of services) {
    for (const { id, counted } of spots) found.set(`${name} ${id}`, counted);
    for (const { from, to, counted } of lines) found.set(`${name} ${from} ${to}`, counted);
  }
  return found;
}

export function hasRisen(before, now) {
  return [...now].some(([key, count]) => count > (before.get(key) ?? count));
}

/** A probability as people write it: 1/3 where it is a simple fraction, else three digits. */
export function share(probability) {
  const whole = Math.round(1 / probability);
  if (whole === 1) return "1";
  return Math.abs(probability * whole - 1) < 0.001 && whole <= 50 ? `1/${whole}` : probability.toFixed(3);
}
