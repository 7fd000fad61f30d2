// `element` and `watch` come from Gradio. Heatmaps arrive here and move into the panel of their face.
watch("value", () => {
  const heats = element.querySelector("[data-for]");
  const result = document.querySelector("#result .fz-result");
  if (!heats || !result) return;
  result.dispatchEvent(new CustomEvent("heats", { bubbles: true, detail: heats.cloneNode(true) }));
});
