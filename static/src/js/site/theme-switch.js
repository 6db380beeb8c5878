const DARK = matchMedia("(prefers-color-scheme: dark)");

/** The theme on the page: the reader's own choice, else the system's. */
export function currentTheme() {
  return document.documentElement.dataset.theme ?? (DARK.matches ? "dark" : "light");
}

export function onThemeChange(listener) {
  DARK.addEventListener("change", listener);
  document.addEventListener("theme-changed", listener);
}

export function startThemeSwitch() {
  const button = document.querySelector("[data-theme-switch]");
  if (!button) return;
  button.hidden = false;
  button.addEventListener("click", () => choose(currentTheme() === "dark" ? "light" : "dark"));
  onThemeChange(() => label(button));
  label(button);
}

function choose(theme) {
  document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem("theme", theme);
  } catch {
    // Storage may be barred: the choice lasts for this page.
  }
  document.dispatchEvent(new Event("theme-changed"));
}

function label(button) {
  const words = currentTheme() === "dark" ? button.dataset.light : button.dataset.dark;
  button.setAttribute("aria-label", words);
  button.title = words;
}
