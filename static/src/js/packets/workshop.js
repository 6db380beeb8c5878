// The workshop: the list of packets, the packet on show and the conversation, each loaded into its place.
import { word } from "../lib/words.js";
import { Packet } from "./packet.js";
import { Parts, replacePart } from "./parts.js";

const SETTLE = 110; // milliseconds an arrow key may be held until the packet under it is asked for

export class Workshop {
  constructor(page) {
    this.page = page;
    this.parts = new Parts();
    this.form = page.querySelector("[data-filter]");
    this.form.addEventListener("submit", (event) => this.submit(event));
    page.addEventListener("click", (event) => this.click(event));
    page.addEventListener("keydown", (event) => this.key(event));
    page.addEventListener("focusin", ({ target }) => target.matches("#listing tbody tr") && this.choose(target));
    window.addEventListener("popstate", () => location.reload());
    this.dressList();
    this.dressPacket();
  }

  get rows() {
    return [...this.page.querySelectorAll("#listing tbody tr")];
  }

  get selected() {
    return this.page.querySelector('#listing tbody tr[aria-selected="true"]');
  }

  dressList() {
    for (const row of this.rows) {
      row.tabIndex = -1;
      row.querySelector("a").tabIndex = -1;
    }
    const first = this.selected ?? this.rows[0];
    if (first) first.tabIndex = 0;
  }

  dressPacket() {
    this.packet = new Packet(document.getElementById("packet"), { onLeave: () => this.backToList() });
  }

  backToList() {
    (this.selected ?? this.rows[0])?.focus();
  }

  submit(event) {
    event.preventDefault();
    this.filter(this.form.elements.filter.value);
  }

  click(event) {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    const link = event.target.closest("a");
    const row = event.target.closest("#listing tbody tr");
    if (row) {
      event.preventDefault();
      row.focus();
    } else if (link?.closest(".listing-pages")) {
      event.preventDefault();
      this.list(link.href, { top: true });
    } else if (link?.matches("[data-filter-example], [data-filter-clear]")) {
      event.preventDefault();
      this.filter(new URL(link.href).searchParams.get("filter") ?? "");
    } else if (link?.matches("[data-follow]")) {
      event.preventDefault();
      this.follow(link.href);
    }
  }

  key(event) {
    const row = event.target.closest("#listing tbody tr");
    if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
    const rows = this.rows;
    const at = rows.indexOf(row);
    const leads = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: Math.min(at + 10, rows.length - 1), PageUp: Math.max(at - 10, 0), Home: 0, End: rows.length - 1 };
    if (event.key === "Enter") this.enterPacket();
    else if (event.key in leads) rows[leads[event.key]]?.focus();
    else return;
    event.preventDefault();
  }

  async enterPacket() {
    await this.loading;
    this.packet.focus();
    document.getElementById("packet").scrollIntoView({ block: "nearest" });
  }

  choose(row) {
    const before = this.selected;
    if (before === row) return;
    for (const each of this.rows) each.tabIndex = -1;
    before?.setAttribute("aria-selected", "false");
    row.setAttribute("aria-selected", "true");
    row.tabIndex = 0;
    clearTimeout(this.settling);
    this.loading = new Promise((done) => {
      this.settling = setTimeout(() => done(this.show(row)), SETTLE);
    });
  }

  async show(row) {
    const address = row.querySelector("a").getAttribute("href").split("#")[0];
    const shown = document.getElementById("packet");
    shown.setAttribute("aria-busy", "true");
    const html = await this.parts.get("packet", address, { keep: !this.page.dataset.live });
    // The row may have been put in place anew meanwhile; its number stays.
    if (html === null || row.dataset.number !== this.selected?.dataset.number) return shown.removeAttribute("aria-busy");
    replacePart("packet", html);
    this.dressPacket();
    history.replaceState(null, "", address);
  }

  filter(words) {
    this.form.elements.filter.value = words;
    return this.list(`?${new URLSearchParams(words ? { filter: words } : {})}`, { top: true });
  }

  /** Puts the list at an address in place of the one on show. */
  async list(address, { top = false, quiet = false } = {}) {
    const listing = document.getElementById("listing");
    if (!quiet) listing.setAttribute("aria-busy", "true");
    const html = await this.parts.get("listing", address);
    listing.removeAttribute("aria-busy");
    if (html === null) return quiet ? undefined : this.fail(listing);
    // Only now: while the answer was on its way, somebody may have chosen a packet.
    const number = this.selected?.dataset.number;
    const hadFocus = listing.contains(document.activeElement);
    const scroll = scrollOf(listing);
    const fresh = replacePart("listing", html);
    this.select(fresh, number, hadFocus);
    if (!top) scrollTo(fresh, scroll);
    const refusal = document.getElementById("filter-refusal");
    this.form.elements.filter.setAttribute("aria-invalid", String(Boolean(refusal)));
    if (!quiet) history.replaceState(null, "", address);
  }

  select(listing, number, hadFocus) {
    const row = number && listing.querySelector(`tr[data-number="${number}"]`);
    if (row) row.setAttribute("aria-selected", "true");
    this.dressList();
    if (hadFocus) (row || this.rows[0])?.focus({ preventScroll: true });
  }

  fail(listing) {
    const note = document.createElement("p");
    note.className = "packets-trouble";
    note.setAttribute("role", "alert");
    note.textContent = word("noAnswer");
    listing.prepend(note);
  }

  async follow(address) {
    const url = new URL(address);
    if (!url.searchParams.get("follow")) return this.filter(url.searchParams.get("filter") ?? "");
    const html = await this.parts.get("conversation", url.pathname + url.search);
    if (html === null) return undefined;
    const shown = replacePart("conversation", html);
    history.replaceState(null, "", url.search);
    shown.focus();
    return shown.scrollIntoView({ block: "start" });
  }
}

function scrollOf(listing) {
  const box = listing.querySelector("[data-listing-scroll]");
  return box && { top: box.scrollTop, isAtEnd: box.scrollTop + box.clientHeight >= box.scrollHeight - 40 };
}

function scrollTo(listing, before) {
  const box = listing.querySelector("[data-listing-scroll]");
  if (box && before) box.scrollTop = before.isAtEnd ? box.scrollHeight : before.top;
}
