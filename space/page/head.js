// `element` and `watch` come from Gradio. The head brings the language; a screen reader wants it on <html>.
function name() {
  const head = element.querySelector("[lang]");
  document.documentElement.lang = head.lang;
  document.title = head.querySelector("h1").textContent;
}

name();
watch("value", name);
