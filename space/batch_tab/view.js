// `element` comes from Gradio. A chip shows only the faces with its answer; a second click shows all again.
element.addEventListener("click", (event) => {
  const chip = event.target.closest("[data-only], [data-sheet]");
  if (!chip) return;
  const is_on = chip.getAttribute("aria-pressed") !== "true";
  chip.setAttribute("aria-pressed", String(is_on));
  if ("sheet" in chip.dataset) {
    element.querySelector(".fz-faces").classList.toggle("fz-sheet", is_on);
    return;
  }
  for (const other of element.querySelectorAll("[data-only]"))
    if (other !== chip) other.setAttribute("aria-pressed", "false");
  for (const row of element.querySelectorAll(".fz-faces tbody tr"))
    row.hidden = is_on && row.dataset.answer !== chip.dataset.only;
});
