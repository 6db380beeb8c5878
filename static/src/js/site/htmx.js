import { csrfToken } from "../lib/post.js";
import { word } from "../lib/words.js";
import { notify } from "./notices.js";

/** What htmx needs from every page: the CSRF header, and a sentence when the portal does not answer. */
export function startHtmx() {
  document.addEventListener("htmx:configRequest", ({ detail }) => {
    detail.headers["X-CSRFToken"] = csrfToken();
  });
  for (const trouble of ["htmx:sendError", "htmx:responseError"]) {
    document.addEventListener(trouble, ({ detail }) => {
      if (detail.requestConfig?.verb !== "get") notify("error", word("failed"));
    });
  }
}
