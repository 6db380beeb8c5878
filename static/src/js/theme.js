// Blocking and tiny: the remembered theme is set before the first paint, so that nothing flashes.
try {
  const theme = localStorage.getItem("theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Storage may be barred; the system's theme serves.
}
