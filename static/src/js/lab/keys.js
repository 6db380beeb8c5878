// Single-letter shortcuts, documented in the help dialog. They rest while one types, and can be
// switched off (they would disturb speech input).

export function startKeys(acts) {
  const help = document.getElementById("help");
  const acting = { ...acts, "?": () => help.showModal() };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || help.open || !areOn()) return;
    const act = acting[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
  startHelp(help);
}

function isTyping(target) {
  return target.closest?.("input, textarea, select, [contenteditable], .terminal-screen") !== null;
}

function startHelp(help) {
  const box = help.querySelector("[data-shortcuts-on]");
  box.checked = areOn();
  box.addEventListener("change", () => remember(box.checked));
  document.addEventListener("click", ({ target }) => target.closest?.("[data-open-help]") && help.showModal());
  const unhide = () => document.querySelectorAll("[data-open-help]").forEach((button) => (button.hidden = false));
  document.addEventListener("htmx:afterSettle", unhide);
  unhide();
}

function areOn() {
  try {
    return localStorage.getItem("shortcuts") !== "off";
  } catch {
    return true;
  }
}

function remember(isOn) {
  try {
    localStorage.setItem("shortcuts", isOn ? "on" : "off");
  } catch {
    // Storage may be barred: they stay on.
  }
}
