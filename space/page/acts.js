// `element` and `trigger` come from Gradio. The element stays when its content is replaced.
element.addEventListener("click", (event) => {
  const act = event.target.closest("[data-act]");
  if (act) trigger(act.dataset.act);
});
