// `element` and `trigger` come from Gradio. The element stays when its content is replaced.
// One photo is read at a time, by the models then chosen; of what is asked for meanwhile the last comes next.
const LONGEST_SIDE = 1600;  // pixels: the server reads no more, so no more travels
let latest = null;  // the photo that was given last, until it is sent
let transfer = null;
let reading = false;
let next = null;
let stream = null;
let opening = false;  // whether the browser asks for the camera

const find = (selector) => element.querySelector(selector);
const say = (key, values = {}) =>
  JSON.parse(find("[data-words]").dataset.words)[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);

function tell(text) {
  find(".fz-state").textContent = text;
}

function stopTransfer() {
  latest = null;
  transfer?.abort();
}

async function add(file) {
  const mine = (latest = { file });
  transfer?.abort();
  tell(say("preparing"));
  const small = await shrink(file);
  if (mine !== latest) return;
  if (small.size > findLargest()) return refuse(say("large", { name: file.name }));
  const answer = await send(small, file.name);
  if (mine !== latest || answer === null) return;
  if (!answer.path) return refuse(say("lost"));
  ask("upload", { path: answer.path, orig_name: file.name });
}

function refuse(text) {
  ask("clear");
  tell(text);
}

const findLargest = () => Number(find("[data-largest]").dataset.largest);  // bytes

// What the browser cannot show travels as it is: the server may know its format, or says what is wrong.
async function shrink(file) {
  const picture = new Image();
  picture.src = URL.createObjectURL(file);
  const shown = await picture.decode().then(() => true, () => false);
  const scale = LONGEST_SIDE / Math.max(picture.naturalWidth, picture.naturalHeight, 1);
  const large = scale < 1 || file.size > findLargest();
  const small = shown && large ? await draw(picture, Math.min(1, scale)) : null;
  URL.revokeObjectURL(picture.src);
  return small ?? file;
}

function draw(picture, scale) {
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round((picture.videoWidth || picture.naturalWidth) * scale));
  canvas.height = Math.max(1, Math.round((picture.videoHeight || picture.naturalHeight) * scale));
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff";  // under transparent pixels, as the server has it
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  return new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.92));
}

// Resolves to {path}, to {} where the server refuses or is gone, and to null where a later photo took over.
function send(blob, name) {
  return new Promise((done) => {
    const { root = "", api_prefix = "" } = window.gradio_config;
    const request = (transfer = new XMLHttpRequest());
    request.open("POST", `${root}${api_prefix}/upload`);
    request.upload.addEventListener("progress", ({ loaded, total }) =>
      tell(say("sending", { percent: Math.round((100 * loaded) / total) })));
    request.addEventListener("load", () =>
      done(request.status === 200 ? { path: JSON.parse(request.response)[0] } : {}));
    request.addEventListener("error", () => done({}));
    request.addEventListener("abort", () => done(null));
    const form = new FormData();
    form.append("files", blob, name);
    request.send(form);
  });
}

function ask(act, detail = {}) {
  if (reading) {
    if (act !== "apply" || !next) next = [act, detail];  // what waits is read with these models anyway
    return;
  }
  reading = true;
  if (["upload", "select", "download"].includes(act)) tell(say("reading"));
  document.querySelector("#result")?.setAttribute("aria-busy", "true");
  const held = document.querySelector("#result [data-held]") !== null;
  trigger(act, act === "apply" ? { held } : detail);
}

// Other models, a link, or a button of the answer: at once, two answers would come in any order.
element.addEventListener("asked", ({ detail: act }) => {
  if (act === "submit" && next) return;  // of an answer that is about to go
  if (act === "clear" || act === "download") stopTransfer();
  if (act === "clear") tell("");
  ask(act);
});

// The page says so after each answer, and after each error.
element.addEventListener("answered", () => {
  reading = false;
  if (next) {
    const [act, detail] = next;
    next = null;
    ask(act, detail);
    return;
  }
  document.querySelector("#result")?.removeAttribute("aria-busy");
  if (find(".fz-state").textContent === say("reading")) tell("");
});

function stopCamera() {
  for (const track of stream?.getTracks() ?? []) track.stop();
  stream = null;
  find(".fz-camera").hidden = true;
}

async function switchCamera() {
  if (stream) return stopCamera();
  if (!navigator.mediaDevices) return tell(say("insecure"));
  if (opening) return;
  opening = true;
  try {
    const video = { width: { ideal: 1280 }, facingMode: "user" };
    stream = await navigator.mediaDevices.getUserMedia({ video });
  } catch (error) {
    return tell(say(error.name === "NotFoundError" ? "missing" : "blocked"));
  } finally {
    opening = false;
  }
  if (!isShown()) return stopCamera();
  tell("");
  find(".fz-camera").hidden = false;
  find("video").srcObject = stream;
  find("video").play().catch(() => {});  // it was turned off at once
}

async function shoot() {
  if (!find("video").videoWidth) return;  // the camera has given nothing yet
  const drawn = draw(find("video"), 1);
  stopCamera();
  const taken = await drawn;
  add(new File([taken], "camera.jpg", { type: taken.type }));
}

async function paste() {
  try {
    for (const item of await navigator.clipboard.read()) {
      const type = item.types.find((one) => one.startsWith("image/"));
      if (type) return add(new File([await item.getType(type)], `pasted.${type.slice(6)}`, { type }));
    }
    tell(say("empty"));
  } catch {
    tell(say("keys"));
  }
}

element.addEventListener("change", (event) => {
  const [file] = event.target.files ?? [];
  event.target.value = "";  // or the same file again would change nothing
  if (file) add(file);
});

element.addEventListener("click", (event) => {
  const example = event.target.closest("[data-example]");
  if (example) {
    stopTransfer();
    ask("select", { example: example.dataset.example });
  } else if (event.target.closest("[data-camera]")) switchCamera();
  else if (event.target.closest("[data-shoot]")) shoot();
  else if (event.target.closest("[data-paste]")) paste();
});

const isShown = () => element.getClientRects().length > 0;
new ResizeObserver(() => stream && !isShown() && stopCamera()).observe(element);  // another tab
document.addEventListener("paste", (event) => {
  const file = [...(event.clipboardData?.files ?? [])].find((one) => one.type.startsWith("image/"));
  if (file && isShown()) add(file);
});
// Anywhere, also on the other tabs: a file that misses the box would otherwise replace the page.
for (const kind of ["dragover", "drop"])
  document.addEventListener(kind, (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    if (!isShown()) return;
    find(".fz-drop").classList.toggle("fz-over", kind === "dragover");
    if (kind === "drop" && event.dataTransfer.files[0]) add(event.dataTransfer.files[0]);
  });
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) find(".fz-drop").classList.remove("fz-over");
});
