import { make } from "../lib/elements.js";
import { word } from "../lib/words.js";

export function startNotices() {
  document.addEventListener("click", ({ target }) => {
    target.closest?.("[data-close-notice]")?.closest(".notice").remove();
  });
}

/** Shows a sentence in the page's notices, once; level is error, warning, success or info. */
export function notify(level, text) {
  const notices = document.getElementById("notices");
  const isShown = [...notices.querySelectorAll("p")].some((shown) => shown.textContent === text);
  if (!isShown) notices.append(makeNotice(level, text));
}

export function forgetErrors() {
  for (const notice of document.querySelectorAll("#notices > .notice[data-level=error]")) notice.remove();
}

function makeNotice(level, text) {
  const attributes = { type: "button", class: "link-button notice-close", "data-close-notice": "", "aria-label": word("close") };
  return make("div", { class: "notice", "data-level": level }, make("p", {}, text), make("button", attributes, "×"));
}
