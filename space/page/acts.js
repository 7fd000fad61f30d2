// `element` and `trigger` come from Gradio. The element stays when its content is replaced.
element.addEventListener("click", (event) => {
  const act = event.target.closest("[data-act]");
  if (!act) return;
  act.disabled = true;
  trigger(act.dataset.act);
});
