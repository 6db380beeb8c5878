// The layers of one packet as a tree: one stop for Tab, arrows inside. Without this script it is a list
// within lists, all open.
export class LayerTree {
  /** `onChoose(item)` hears which field is looked at, `onEnter(item)` that Enter was pressed there. */
  constructor(element, { onChoose, onEnter, onLeave }) {
    Object.assign(this, { element, onChoose, onEnter, onLeave });
    this.items = [...element.querySelectorAll("li")];
    this.dress();
    element.addEventListener("keydown", (event) => this.key(event));
    element.addEventListener("click", (event) => this.click(event));
    element.addEventListener("focusin", ({ target }) => target.matches("li") && this.choose(target));
  }

  dress() {
    this.element.setAttribute("role", "tree");
    for (const list of this.element.querySelectorAll("ul")) list.setAttribute("role", "group");
    for (const item of this.items) {
      item.setAttribute("role", "treeitem");
      item.tabIndex = -1;
      item.setAttribute("aria-selected", "false");
      if (groupOf(item)) this.open(item, false);
    }
    if (this.items.length) this.items[0].tabIndex = 0;
  }

  open(item, isOpen) {
    item.setAttribute("aria-expanded", String(isOpen));
    groupOf(item).hidden = !isOpen;
  }

  /** Looks at a field and opens what it is in; `focus` brings the keyboard along. */
  show(item, { focus = false } = {}) {
    for (let above = parentOf(item); above; above = parentOf(above)) this.open(above, true);
    if (focus) item.focus();
    else this.choose(item);
    item.querySelector(".node-words").scrollIntoView({ block: "nearest" });
  }

  choose(item) {
    if (this.chosen) {
      this.chosen.setAttribute("aria-selected", "false");
      this.chosen.tabIndex = -1;
    } else if (this.items.length) {
      this.items[0].tabIndex = -1;
    }
    this.chosen = item;
    item.setAttribute("aria-selected", "true");
    item.tabIndex = 0;
    this.onChoose(item);
  }

  click(event) {
    const item = event.target.closest("li");
    if (!item) return;
    const wasChosen = item === this.chosen;
    item.focus();
    if (groupOf(item) && (wasChosen || isOnArrow(event, item))) this.open(item, groupOf(item).hidden);
  }

  key(event) {
    const item = event.target.closest("li");
    const acts = {
      ArrowDown: () => this.step(item, 1),
      ArrowUp: () => this.step(item, -1),
      ArrowRight: () => this.inward(item),
      ArrowLeft: () => this.outward(item),
      Home: () => this.visible()[0].focus(),
      End: () => this.visible().at(-1).focus(),
      Enter: () => this.onEnter(item),
      " ": () => groupOf(item) && this.open(item, groupOf(item).hidden),
      Escape: () => this.onLeave(),
    };
    if (!item || !acts[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    acts[event.key]();
  }

  step(item, by) {
    const seen = this.visible();
    seen[seen.indexOf(item) + by]?.focus();
  }

  inward(item) {
    const group = groupOf(item);
    if (!group) return;
    if (group.hidden) this.open(item, true);
    else group.querySelector("li").focus();
  }

  outward(item) {
    const group = groupOf(item);
    if (group && !group.hidden) this.open(item, false);
    else parentOf(item)?.focus();
  }

  visible() {
    return this.items.filter((item) => !item.parentElement.closest("[hidden]"));
  }
}

function groupOf(item) {
  return item.querySelector(":scope > ul");
}

function parentOf(item) {
  return item.parentElement.closest("li");
}

function isOnArrow(event, item) {
  return event.clientX < item.querySelector(".node-words").getBoundingClientRect().left;
}
