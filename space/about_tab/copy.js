// `element` comes from Gradio. A page without https has no clipboard, and then no button.
const showCopy = () => {
  for (const button of element.querySelectorAll("[data-copy]")) button.hidden = !navigator.clipboard;
};

element.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(button.previousElementSibling.textContent);
  button.textContent = button.dataset.copied;
});
watch("value", showCopy);
showCopy();
