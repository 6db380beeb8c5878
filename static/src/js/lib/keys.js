// Single-letter shortcuts, documented in the help dialog. They rest while one types or a dialog is open, and
// can be switched off (they would disturb speech input).

export function startKeys(acts) {
  document.addEventListener("keydown", (event) => {
    const act = acts[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || isBusy() || !areOn()) return;
    event.preventDefault();
    act();
  });
}

export function isTyping(target) {
  return target.closest?.("input, textarea, select, [contenteditable], .terminal-screen") !== null;
}

export function isBusy() {
  return document.querySelector("dialog[open]") !== null;
}

export function areOn() {
  try {
    return localStorage.getItem("shortcuts") !== "off";
  } catch {
    return true;
  }
}

export function remember(isOn) {
  try {
    localStorage.setItem("shortcuts", isOn ? "on" : "off");
  } catch {
    // Storage may be barred: they stay on.
  }
}
