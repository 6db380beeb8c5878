// Where in a Kubernetes object is a line of YAML? Read from indentation alone, for while somebody types
// the text is seldom valid.

const KEY = /^([ ]*(?:- +)*)("?)([\w./$-]+)\2:(?:\s|$)/;
const SKIPPED = /^\s*(#.*)?$/;

/** {kind: "v1/Service", path: ["spec", "ports"], siblings: ["name"]} for what is typed on line `at` at `column`. */
export function placeAt(lines, at, column) {
  const [first, last] = documentAround(lines, at);
  return { kind: kindOf(lines.slice(first, last)), ...keysAround(lines.slice(first, last), at - first, column) };
}

function documentAround(lines, at) {
  let first = at;
  while (first > 0 && !lines[first - 1].startsWith("---")) first -= 1;
  let last = at + 1;
  while (last < lines.length && !lines[last].startsWith("---")) last += 1;
  return [first, last];
}

function kindOf(lines) {
  const value = (name) => lines.map((line) => line.match(new RegExp(`^${name}:\\s*["']?([^\\s"'#]+)`))).find(Boolean)?.[1];
  const [version, kind] = [value("apiVersion"), value("kind")];
  return version && kind ? `${version}/${kind}` : "";
}

function keysAround(lines, at, column) {
  const siblings = keysBelow(lines, at, column);
  const path = [];
  let isItemDone = /^\s*-/.test(lines[at]); // a dash on the line itself begins its item: nothing above is in it
  let wanted = column;
  for (let above = at - 1; above >= 0; above -= 1) {
    const found = keyOf(lines[above]);
    if (!found || found.column > wanted) continue;
    if (found.column === column && !path.length && !isItemDone) {
      siblings.push(found.key);
      isItemDone = found.hasDash;
    } else if (found.column < wanted) {
      path.unshift(found.key);
      wanted = found.column;
      isItemDone = true;
    }
  }
  return { path, siblings };
}

/** Keys of the same mapping that stand further down. */
function keysBelow(lines, at, column) {
  const keys = [];
  for (const line of lines.slice(at + 1)) {
    if (SKIPPED.test(line)) continue;
    const found = keyOf(line);
    const begins = line.search(/\S/);
    if (begins < column) break;
    if (found?.column === column) keys.push(found.key);
  }
  return keys;
}

function keyOf(line) {
  if (SKIPPED.test(line)) return null;
  const match = line.match(KEY);
  return match && { key: match[3], column: match[1].length, hasDash: match[1].includes("-") };
}
