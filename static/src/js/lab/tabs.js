/** On small screens steps and bench take turns; a dot says that the bench has something new. */
export function startTabs(lab) {
  const buttons = [...document.querySelectorAll("[data-view-of]")];
  for (const button of buttons) button.addEventListener("click", () => showView(lab, button.dataset.viewOf));
}

export function showView(lab, view) {
  lab.dataset.view = view;
  for (const button of document.querySelectorAll("[data-view-of]")) {
    button.setAttribute("aria-pressed", String(button.dataset.viewOf === view));
  }
  if (view === "bench") dot().hidden = true;
  document.dispatchEvent(new Event("view-changed"));
}

export function announceOnBench(lab) {
  dot().hidden = lab.dataset.view === "bench";
}

function dot() {
  return document.querySelector(".lab-tabs-dot");
}
