// `element` comes from Gradio. The frame under the pointer, or at the slider that the arrow keys move.
const film = () => element.querySelector(".fz-film");

function show(timeline, share) {
  const shown = film();
  if (!shown) return;
  const end = Number(timeline.ariaValueMax);
  const seconds = Math.min(end, Math.max(0, share * end));
  const answers = JSON.parse(timeline.dataset.answers);
  const near = answers.reduce((a, b) => (Math.abs(b[0] - seconds) < Math.abs(a[0] - seconds) ? b : a));
  const text = Math.abs(near[0] - seconds) <= 0.5 ? `${near[1]} ${near[2]}` : "–";
  const told = `${seconds.toFixed(1).replace(".", shown.dataset.point)} s: ${text}`;
  timeline.ariaValueNow = seconds.toFixed(1);
  timeline.ariaValueText = told;
  timeline.querySelector(".fz-cursor").style.left = `${(100 * seconds) / end}%`;
  const times = JSON.parse(shown.dataset.seconds);
  const index = Math.max(0, times.findLastIndex((time) => time <= seconds + 0.05));
  const [columns, width, height] = ["columns", "width", "height"].map((key) => Number(shown.dataset[key]));
  const picture = shown.querySelector(".fz-film-picture");
  picture.style.backgroundPosition = `-${(index % columns) * width}px -${Math.floor(index / columns) * height}px`;
  shown.querySelector("figcaption").textContent = told;
  const place = timeline.getBoundingClientRect();
  const around = element.getBoundingClientRect();
  const left = place.left - around.left + (place.width * seconds) / end - width / 2;
  shown.style.left = `${Math.min(around.width - width, Math.max(0, left))}px`;
  shown.style.top = `${place.top - around.top - height - 36}px`;
  shown.hidden = false;
}

const follow = (event) => {
  const timeline = event.target.closest(".fz-timeline");
  if (!timeline) return hide();
  const place = timeline.getBoundingClientRect();
  show(timeline, (event.clientX - place.left) / place.width);
};

function hide() {
  if (film()) film().hidden = true;
}

element.addEventListener("pointermove", follow);
element.addEventListener("pointerdown", follow);
element.addEventListener("pointerleave", hide);
element.addEventListener("focusout", hide);
element.addEventListener("keydown", (event) => {
  const timeline = event.target.closest(".fz-timeline");
  const step = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageUp: 10, PageDown: -10 }[event.key];
  if (!timeline || (!step && event.key !== "Home" && event.key !== "End")) return;
  event.preventDefault();
  const end = Number(timeline.ariaValueMax);
  const now = event.key === "Home" ? 0 : event.key === "End" ? end : Number(timeline.ariaValueNow) + step / 5;
  show(timeline, now / end);
});
