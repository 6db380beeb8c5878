// The page's sentences for scripts: data attributes of #words and #lab-words, already translated.
export function word(name) {
  for (const id of ["lab-words", "words"]) {
    const found = document.getElementById(id)?.dataset[name];
    if (found !== undefined) return found;
  }
  return name;
}

/** A sentence with its %name% places filled in. */
export function say(name, values = {}) {
  return word(name).replace(/%(\w+)%/g, (place, key) => values[key] ?? place);
}
