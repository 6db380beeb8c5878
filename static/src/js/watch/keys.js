// What one who watches a terminal is told, and how what they type is cut. Nothing here knows a page.

export const SLICE = 4096; // the server takes no more in one frame: it judges each

export function inSlices(bytes, size = SLICE) {
  const count = Math.ceil(bytes.length / size);
  return Array.from({ length: count }, (_, number) => bytes.subarray(number * size, (number + 1) * size));
}

/** The name of the sentence above the terminal; `typist` is whoever has the keyboard, or empty. */
export function noteOf({ mayType, typist }) {
  if (mayType) return typist ? "typing" : "mayType";
  return typist ? "otherTypes" : "watching";
}
