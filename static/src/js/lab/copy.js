import { word } from "../lib/words.js";

/** Copies text and says so on the button for a moment. */
export async function copyText(button, text) {
  await navigator.clipboard.writeText(text);
  const before = button.textContent;
  if (before === word("copied")) return;
  button.textContent = word("copied");
  setTimeout(() => (button.textContent = before), 1500);
}
