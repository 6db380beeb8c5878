import { csrfToken } from "../lib/post.js";
import { word } from "../lib/words.js";
import { forgetErrors, notify } from "./notices.js";

/** What htmx needs from every page: the CSRF header, and a sentence when the portal does not answer. */
export function startHtmx() {
  document.addEventListener("htmx:configRequest", ({ detail }) => {
    detail.headers["X-CSRFToken"] = csrfToken();
  });
  // What went wrong before is over once somebody tries again.
  document.addEventListener("htmx:beforeRequest", ({ detail }) => {
    if (detail.requestConfig?.verb !== "get") forgetErrors();
  });
  for (const trouble of ["htmx:sendError", "htmx:responseError"]) {
    document.addEventListener(trouble, ({ detail }) => {
      if (detail.requestConfig?.verb !== "get") notify("error", word("failed"));
    });
  }
}
