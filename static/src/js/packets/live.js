// A capture that goes on: its text stream tells that packets came, and then the list is asked for anew, one
// question at a time and a breath between two.
import { ResumableSocket } from "../lib/socket.js";

const BREATH = 1500;

export function startLive(path, workshop, { later = (act, wait) => setTimeout(act, wait), Socket = ResumableSocket } = {}) {
  const fresh = new Freshener(() => workshop.list(location.search || "?", { quiet: true }), later);
  return new Socket(path, {
    onMessage: (message) => {
      fresh.wish();
      return idOf(message);
    },
    onState: (state) => {
      if (state !== "done") return;
      workshop.page.querySelector("[data-live-note]")?.remove();
      delete workshop.page.dataset.live;
      fresh.wish();
    },
  });
}

/** Many wishes become one act; none is forgotten that came while it was carried out. */
export class Freshener {
  constructor(act, later) {
    Object.assign(this, { act, later, isBusy: false, isWished: false });
  }

  wish() {
    this.isWished = true;
    if (!this.isBusy) this.work();
  }

  async work() {
    this.isBusy = true;
    this.isWished = false;
    try {
      await this.act();
    } finally {
      this.later(() => this.rested(), BREATH);
    }
  }

  rested() {
    this.isBusy = false;
    if (this.isWished) this.work();
  }
}

function idOf(message) {
  try {
    return JSON.parse(message).at(-1)?.id;
  } catch {
    return undefined;
  }
}
