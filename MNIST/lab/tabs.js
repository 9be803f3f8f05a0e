// Tabs, as the WAI-ARIA practices describe them: arrow keys move between them.

/** Let the tabs of a list work. opened(panel) is called with the panel that is shown. Returns open(id of a tab). */
export function createTabs(list, opened) {
  const tabs = [...list.querySelectorAll("[role=tab]")];

  function open(tab, focus = false) {
    for (const each of tabs) {
      const isOpen = each === tab;
      each.setAttribute("aria-selected", `${isOpen}`);
      each.tabIndex = isOpen ? 0 : -1;
      document.getElementById(each.getAttribute("aria-controls")).hidden = !isOpen;
    }
    if (focus) tab.focus();
    opened(tab.getAttribute("aria-controls"));
  }

  tabs.forEach((tab, place) => {
    tab.addEventListener("click", () => open(tab));
    tab.addEventListener("keydown", ({ key }) => {
      const to = { ArrowRight: place + 1, ArrowLeft: place - 1 + tabs.length, Home: 0, End: tabs.length - 1 }[key];
      if (to !== undefined) open(tabs[to % tabs.length], true);
    });
  });
  return (id) => open(document.getElementById(id), true);
}
