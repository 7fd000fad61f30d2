// `element`, `trigger` and `watch` come from Gradio. The element stays when its content is replaced, so it does the listening.
let chosen = { photo: null, face: "0" };
let why = false;

function show(face) {
  const photo = element.querySelector("[data-photo]");
  chosen = { photo: photo?.dataset.photo ?? null, face };
  for (const box of element.querySelectorAll("[data-face]"))
    box.setAttribute("aria-pressed", String(box.dataset.face === face));
  for (const panel of element.querySelectorAll("[data-panel]"))
    panel.hidden = panel.dataset.panel !== face;
  showWhy();
}

function showWhy() {
  for (const button of element.querySelectorAll("[data-why]")) button.setAttribute("aria-pressed", String(why));
  for (const part of element.querySelectorAll(".fz-heat-row, .fz-hint")) part.hidden = !why;
  const panel = element.querySelector(`[data-panel="${chosen.face}"]`);
  const row = panel?.querySelector(".fz-heat-row");
  if (!why || !row || row.dataset.asked) return;
  row.dataset.asked = "yes";  // the answer stays in the row: asked once for each face
  trigger("expand", { face: Number(chosen.face) });
}

element.addEventListener("click", (event) => {
  const box = event.target.closest("[data-face]");
  if (box) show(box.dataset.face);
  if (event.target.closest("[data-why]")) {
    why = !why;
    showWhy();
  }
  const act = event.target.closest("[data-act]");
  if (act) {
    act.disabled = true;
    trigger(act.dataset.act);
  }
});

watch("value", () => {
  const photo = element.querySelector("[data-photo]")?.dataset.photo ?? null;
  const isNew = photo !== chosen.photo;
  show(isNew ? "0" : chosen.face);
  const below = element.getBoundingClientRect().top > 0.6 * window.innerHeight;
  if (isNew && photo && below) element.scrollIntoView({ behavior: "smooth" });  // on a phone
});
