/** Marks in the table of contents the section that is being read. */
export function startContents() {
  const links = new Map([...document.querySelectorAll('.toc a[href^="#"]')].map((link) => [link.hash.slice(1), link]));
  const sections = [...links.keys()].map((id) => document.getElementById(id)).filter(Boolean);
  if (!sections.length) return;
  const observer = new IntersectionObserver(() => mark(links, sections), { rootMargin: "0px 0px -60% 0px", threshold: [0, 1] });
  sections.forEach((section) => observer.observe(section));
}

function mark(links, sections) {
  const line = innerHeight * 0.4;
  const read = sections.filter((section) => section.getBoundingClientRect().top < line).at(-1) ?? sections[0];
  for (const [id, link] of links) {
    if (id === read.id) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}
