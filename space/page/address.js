// `element` comes from Gradio. A tab's address is #/ID and a model's #/models/NAME, so that Back works and a
// link can be sent. The address leads: a click changes it, and its change opens the tab.
const FIRST = "compare";
const readTab = () => location.hash.split("/")[1] || FIRST;
const findTab = (id) => document.querySelector(`[role=tab][data-tab-id="${CSS.escape(id)}"]`);

function openTab() {
  const tab = findTab(readTab());
  if (tab && tab.getAttribute("aria-selected") !== "true") tab.click();
  const row = tab?.parentElement;  // on a phone it scrolls
  row?.scrollTo({ left: tab.offsetLeft - row.offsetLeft - (row.clientWidth - tab.offsetWidth) / 2 });
}

function waitForTabs() {
  findTab(FIRST) ? openTab() : requestAnimationFrame(waitForTabs);
}

document.addEventListener("click", (event) => {
  const tab = event.isTrusted && event.target.closest("[role=tab][data-tab-id]");
  if (tab) location.hash = `#/${tab.dataset.tabId}`;
});
window.addEventListener("hashchange", openTab);
waitForTabs();
