// Parts of the workshop's page, asked for by their id and put in their places. What is asked for anew
// takes the place of what is still on its way, and a packet that was shown once is not asked for again.
const KEPT = 60;

export class Parts {
  constructor({ ask = askPage } = {}) {
    Object.assign(this, { ask, asking: new Map(), kept: new Map() });
  }

  /** The HTML of a part at an address, or null when something else was asked for meanwhile or nothing answered. */
  async get(part, address, { keep = false } = {}) {
    this.asking.get(part)?.abort();
    const key = `${part} ${address}`;
    if (this.kept.has(key)) return this.kept.get(key);
    const control = new AbortController();
    this.asking.set(part, control);
    const html = await this.ask(part, address, control.signal);
    if (html !== null && keep) this.remember(key, html);
    return html;
  }

  remember(key, html) {
    this.kept.set(key, html);
    if (this.kept.size > KEPT) this.kept.delete(this.kept.keys().next().value);
  }
}

async function askPage(part, address, signal) {
  try {
    const answer = await fetch(address, { headers: { "HX-Request": "true", "HX-Target": part }, signal });
    return answer.ok || answer.status === 422 || answer.status === 503 ? await answer.text() : null;
  } catch {
    return null;
  }
}

/** Puts a part's HTML, which the server has escaped, in its place; the new element. */
export function replacePart(part, html) {
  const old = document.getElementById(part);
  const template = document.createElement("template");
  template.innerHTML = html;
  const fresh = template.content.getElementById(part);
  if (!fresh) return old;
  old.replaceWith(fresh);
  return fresh;
}
