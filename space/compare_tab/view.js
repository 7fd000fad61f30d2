// `element`, `trigger` and `watch` come from Gradio. The element stays when its content is replaced, so it
// does the listening.
const find = (selector) => element.querySelector(selector);
const findAll = (selector) => [...element.querySelectorAll(selector)];
const isPhone = () => window.matchMedia("(max-width: 760px)").matches;
let chosen = { photo: null, face: "0" };
let why = null;  // the expression whose heatmaps are shown
let modelsOpen = !isPhone();
const heats = new Map();  // by photo, models, face and expression: each is asked for once

function show(face) {
  chosen = { photo: find("[data-photo]")?.dataset.photo ?? null, face };
  for (const button of findAll("[data-face]"))
    button.setAttribute("aria-pressed", String(button.dataset.face === face));
  for (const panel of findAll("[data-panel]")) panel.hidden = panel.dataset.panel !== face;
  showWhy();
}

function nameHeat(face, emotion, models = find("[data-models]")?.dataset.models) {
  return [chosen.photo, face, emotion, models].join("|");
}

function stopWaiting() {
  for (const [name, ready] of heats) if (!ready) heats.delete(name);
}

function showWhy() {
  for (const button of findAll("[data-why]"))
    button.setAttribute("aria-pressed", String(button.dataset.why === why));
  for (const part of findAll(".fz-why")) part.hidden = true;
  const part = find(`[data-panel="${chosen.face}"] .fz-why`);
  if (why === null || !part) return;
  const name = nameHeat(chosen.face, why);
  const ready = heats.get(name);
  part.hidden = false;
  part.replaceChildren(...(ready ? [...ready.childNodes].map((node) => node.cloneNode(true)) : []));
  if (heats.has(name)) return;
  heats.set(name, null);  // on its way
  trigger("expand", { face: Number(chosen.face), emotion: why });
}

element.addEventListener("heats", ({ detail }) => {
  if (detail.dataset.for !== chosen.photo) return;
  const { of: face, emotion, models } = detail.dataset;  // those of another choice may come now
  heats.set(nameHeat(face, emotion, models), detail);
  showWhy();
});

// The page says so after an error, which it has shown: the next click asks again.
element.addEventListener("unanswered", () => {
  stopWaiting();
  why = null;
  showWhy();
});

element.addEventListener("click", (event) => {
  const face = event.target.closest("[data-face]");
  if (face) show(face.dataset.face);
  const row = event.target.closest("[data-why]");
  if (row) {
    why = why === row.dataset.why ? null : row.dataset.why;
    showWhy();
  }
  const take = event.target.closest("[data-take]");
  if (take) takePicture(take);
  const act = event.target.closest("[data-act]");
  const asked = { bubbles: true, detail: act?.dataset.act };
  if (act) document.querySelector("#photo .fz-intake").dispatchEvent(new CustomEvent("asked", asked));
});

element.addEventListener("toggle", (event) => {
  modelsOpen = event.target.open;
  for (const details of findAll("details")) details.open = modelsOpen;
}, true);

// Where each label stands: above its box, below it or in it; within the picture, off other faces and labels.
function placeLabels(boxes, labels, width, height) {
  const overlap = (a, b) =>
    Math.max(0, Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x)) *
    Math.max(0, Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y));
  const placed = [];
  return labels.map((label, index) => {
    const own = boxes[index];
    const others = [...boxes.filter((_, other) => other !== index), ...placed];
    const xs = [own.x, own.x + own.width - label.width, own.x + (own.width - label.width) / 2];
    const ys = [own.y - label.height, own.y + own.height, own.y + own.height - label.height, own.y];
    let best = null;
    for (const [rank, y] of ys.entries())
      for (const x of xs) {
        const at = {
          ...label,
          x: Math.min(Math.max(0, x), Math.max(0, width - label.width)),
          y: Math.min(Math.max(0, y), Math.max(0, height - label.height)),
        };
        at.hidden = others.reduce((sum, other) => sum + overlap(at, other), 0);
        at.cost = 100 * at.hidden + overlap(at, own) + rank;
        if (!best || at.cost < best.cost) best = at;
      }
    placed.push(best);
    return best;
  });
}

function readBoxes(width, height) {
  return findAll(".fz-box").map((box) => {
    const sides = ["left", "top", "width", "height"].map((side) => parseFloat(box.style[side]) / 100);
    const [x, y, across, down] = sides;
    return { x: x * width, y: y * height, width: across * width, height: down * height };
  });
}

// Where a label would hide a neighbor's face, its number alone is on the picture; the chips have the rest.
function arrangeLabels() {
  const frame = find(".fz-frame");
  const tags = findAll(".fz-tag");
  if (!frame || !tags.length || !frame.clientWidth) return;
  const { clientWidth: width, clientHeight: height } = frame;
  const boxes = readBoxes(width, height);
  const measure = () => tags.map((tag) => ({ width: tag.offsetWidth, height: tag.offsetHeight }));
  for (const tag of tags) tag.classList.remove("fz-short");
  let places = placeLabels(boxes, measure(), width, height);
  tags.forEach((tag, index) => tag.classList.toggle("fz-short", places[index].hidden > 1));
  places = placeLabels(boxes, measure(), width, height);
  tags.forEach((tag, index) => {
    tag.style.left = `${places[index].x - boxes[index].x - tag.parentElement.clientLeft}px`;
    tag.style.top = `${places[index].y - boxes[index].y - tag.parentElement.clientTop}px`;
  });
}

// The photo with boxes and labels, as a PNG in its own size.
function drawPicture() {
  const image = find(".fz-frame img");
  const canvas = document.createElement("canvas");
  const { naturalWidth: width, naturalHeight: height } = image;
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  const size = Math.max(13, Math.round(Math.max(width, height) / 48));
  context.font = `600 ${size}px system-ui, sans-serif`;
  context.textBaseline = "middle";
  context.lineWidth = Math.max(2, size / 7);
  const boxes = readBoxes(width, height);
  const tags = findAll(".fz-tag");
  const texts = tags.map((tag) =>
    ["b", "i"].map((part) => tag.querySelector(part)?.textContent ?? ""));
  const measure = (text) => ({ width: context.measureText(text).width + size * 0.8, height: size * 1.5 });
  const full = texts.map((parts) => parts.join(" ").trim());
  const first = placeLabels(boxes, full.map(measure), width, height);
  const fitting = full.map((text, index) => (first[index].hidden > 1 ? texts[index][0] : text));
  const places = placeLabels(boxes, fitting.map(measure), width, height);
  tags.forEach((tag, index) => {
    const box = boxes[index];
    const color = getComputedStyle(tag).backgroundColor;
    context.strokeStyle = color;
    context.strokeRect(box.x, box.y, box.width, box.height);
  });
  tags.forEach((tag, index) => {
    const at = places[index];
    context.fillStyle = getComputedStyle(tag).backgroundColor;
    context.fillRect(at.x, at.y, at.width, at.height);
    context.fillStyle = "#fff";
    context.fillText(fitting[index], at.x + size * 0.4, at.y + at.height / 2);
  });
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}

async function takePicture(button) {
  if (button.dataset.take === "save") {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await drawPicture());
    link.download = `${find("[data-stem]").dataset.stem}-faces.png`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    return;
  }
  const text = (button.dataset.text ??= button.textContent);  // a second click finds "Copied" there
  try {
    await navigator.clipboard.write([new ClipboardItem({ "image/png": drawPicture() })]);
    button.textContent = button.dataset.done;
  } catch {
    button.textContent = button.dataset.failed;
  }
  setTimeout(() => (button.textContent = text), 2000);
}

new ResizeObserver(arrangeLabels).observe(element);
watch("value", () => {
  const photo = find("[data-photo]")?.dataset.photo ?? null;
  const isNew = photo !== chosen.photo;
  if (isNew) {
    why = null;
    heats.clear();
  }
  stopWaiting();
  for (const details of findAll("details")) details.open = modelsOpen;
  show(isNew ? "0" : chosen.face);
  find(".fz-frame img")?.decode().then(arrangeLabels, () => {});
  const below = element.getBoundingClientRect().top > 0.6 * window.innerHeight;
  if (isNew && photo && below) element.scrollIntoView({ behavior: "smooth" });  // on a phone
});
