// `element` and `watch` come from Gradio. Heatmaps arrive here and move into the table of their face.
watch("value", () => {
  const heats = element.querySelector("[data-for]");
  const result = document.querySelector(`#result [data-photo="${heats?.dataset.for}"]`);
  const panel = result?.querySelector(`[data-panel="${heats.dataset.of}"]`);
  for (const cell of panel?.querySelectorAll("[data-heat]") ?? []) {
    const heat = [...heats.children].find((one) => one.dataset.model === cell.dataset.heat);
    if (heat) cell.replaceChildren(...heat.cloneNode(true).childNodes);
  }
});
