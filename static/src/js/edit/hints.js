// Completions of field names, with what the cluster's own schema says about each.
import { autocompletion } from "@codemirror/autocomplete";

import { placeAt } from "../lib/yaml-place.js";

const TYPED = /^([ ]*(?:- +)*)([\w.-]*)$/;

export function fieldCompletion(url) {
  const schema = new Schema(url);
  return autocompletion({ override: [(context) => complete(context, schema)], icons: false });
}

async function complete(context, schema) {
  const line = context.state.doc.lineAt(context.pos);
  const typed = line.text.slice(0, context.pos - line.from).match(TYPED);
  if (!typed || (!typed[2] && !context.explicit)) return null;
  const place = placeAt(context.state.doc.toString().split("\n"), line.number - 1, typed[1].length);
  const fields = await schema.fieldsAt(place);
  if (!fields || context.aborted) return null;
  const options = Object.entries(fields)
    .filter(([name]) => !place.siblings.includes(name))
    .map(([name, told]) => optionOf(name, told, " ".repeat(typed[1].length)));
  return { from: context.pos - typed[2].length, options, validFor: /^[\w.-]*$/ };
}

function optionOf(name, [type, what, about], indent) {
  return { label: name, detail: what, info: about || undefined, apply: `${name}:${ending(type, what, indent)}` };
}

function ending(type, what, indent) {
  if (what.startsWith("[")) return `\n${indent}  - `;
  return type || what === "object" ? `\n${indent}  ` : " ";
}

/** The fields of the kinds in the text, asked for when they are first needed, and again for a new kind. */
class Schema {
  constructor(url) {
    this.url = url;
    this.asked = new Set();
    this.hints = { kinds: {}, types: {} };
  }

  async fieldsAt({ kind, path }) {
    if (!this.asked.has(kind)) await this.ask(kind);
    const root = this.hints.kinds[kind];
    const type = path.reduce((found, key) => this.hints.types[found]?.[key]?.[0], root);
    return this.hints.types[type];
  }

  async ask(kind) {
    this.asked.add(kind);
    try {
      const answer = await fetch(this.url, { headers: { Accept: "application/json" } });
      if (answer.ok) this.hints = await answer.json();
    } catch {
      this.asked.delete(kind); // the portal is away: nothing is offered, and it is asked again
    }
  }
}
