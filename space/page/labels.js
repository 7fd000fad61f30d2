// `element` and `watch` come from Gradio, some of whose labels are English in every language.
function translateLabels() {
  const words = JSON.parse(element.querySelector("[data-labels]")?.dataset.labels ?? "{}");
  for (const [english, told] of Object.entries(words))
    for (const labeled of document.querySelectorAll(`[aria-label="${CSS.escape(english)}"]`))
      labeled.ariaLabel = told;
}

watch("value", translateLabels);
new MutationObserver(translateLabels).observe(document.body, { childList: true, subtree: true });
