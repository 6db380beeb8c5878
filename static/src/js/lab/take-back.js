// The keyboard of the terminal, lent to an instructor: F8 takes it back from anywhere on the page, at once.

const button = () => document.getElementById("take-back");

/** Whether this key is the page's, and not the shell's. */
export function isTakingBack({ key }) {
  return key === "F8" && button() !== null;
}

/** `focus()` is where one goes on typing when the button has gone. */
export function startTakingBack(focus) {
  document.addEventListener("keydown", (event) => {
    if (!isTakingBack(event)) return;
    event.preventDefault();
    if (!event.repeat) button().click();
  });
  document.addEventListener("click", ({ target }) => target.closest?.("#take-back") && focus());
}
