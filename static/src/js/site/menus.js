/** Header menus are plain details elements: here they also close on Escape and on a click elsewhere. */
export function startMenus() {
  document.addEventListener("click", ({ target }) => closeMenus((menu) => !menu.contains(target)));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const menu = event.target.closest?.(".menu[open]");
    closeMenus(() => true);
    menu?.querySelector("summary").focus();
  });
}

function closeMenus(isToClose) {
  for (const menu of document.querySelectorAll(".menu[open]")) if (isToClose(menu)) menu.open = false;
}
