// A form that only carries something on to another site is sent as soon as the page is there; its button
// stays for whoever has no scripts.
document.querySelector("form[data-sent]")?.requestSubmit();
