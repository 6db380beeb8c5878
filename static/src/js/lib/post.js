import { notify } from "../site/notices.js";
import { word } from "./words.js";

export function csrfToken() {
  return document.querySelector('meta[name="csrf-token"]').content;
}

/** POSTs a form; answers the Response, or null after telling the reader that the portal is away. */
export async function post(url, fields = {}) {
  try {
    return await fetch(url, {
      method: "POST",
      body: new URLSearchParams(fields),
      headers: { "X-CSRFToken": csrfToken(), Accept: "application/json" },
    });
  } catch {
    notify("error", word("failed"));
    return null;
  }
}
