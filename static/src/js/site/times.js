/** Times are written in UTC; here they become the reader's own, also in what htmx brings later. */
export function startTimes() {
  localise(document);
  document.addEventListener("htmx:load", ({ detail }) => localise(detail.elt));
}

function localise(root) {
  for (const time of root.querySelectorAll("time[data-local]")) time.textContent = localTime(time.dateTime, document.documentElement.lang);
}

export function localTime(moment, language, zone = undefined) {
  const form = new Intl.DateTimeFormat(language, { dateStyle: "short", timeStyle: "medium", timeZone: zone });
  return form.format(new Date(moment));
}
