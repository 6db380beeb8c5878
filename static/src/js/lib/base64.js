export function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
}

/** JSON in base64, as events and ends of a run carry it. */
export function jsonOf(base64) {
  return JSON.parse(new TextDecoder().decode(bytesOf(base64)));
}
