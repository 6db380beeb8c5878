// Buttons that show and hide a part of the bench; the choice is remembered on this machine.

/** `data-toggles` names the part; `aria-expanded` in the page is what a newcomer sees. */
export function startToggles() {
  for (const button of document.querySelectorAll("[data-toggles]")) {
    const part = button.dataset.toggles;
    show(button, recall(part) ?? button.getAttribute("aria-expanded") === "true");
    button.addEventListener("click", () => {
      const isShown = button.getAttribute("aria-expanded") !== "true";
      show(button, isShown);
      remember(part, isShown);
    });
  }
}

function show(button, isShown) {
  button.setAttribute("aria-expanded", String(isShown));
  document.getElementById(button.dataset.toggles).hidden = !isShown;
}

function recall(part) {
  try {
    const kept = localStorage.getItem(`shows:${part}`);
    return kept === null ? null : kept === "yes";
  } catch {
    return null;
  }
}

function remember(part, isShown) {
  try {
    localStorage.setItem(`shows:${part}`, isShown ? "yes" : "no");
  } catch {
    // Storage may be barred: it lasts for this page.
  }
}
