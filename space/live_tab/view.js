// `element`, `server` and `watch` come from Gradio. The element stays when its content is replaced.
const LIMIT_MS = 120_000;  // of reading, on a machine that others use too
const IS_OWN = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(location.hostname);
const PAUSE_MS = 250;
const LEAST_MS = 1000 / 15;  // from frame to frame, so that one visitor leaves the processor to others
const LONGEST_SIDE = 640;
let run = null;  // while the camera is on: { camera, stream, began, answered, chosen, marks }

const find = (selector) => element.querySelector(selector);
const say = (key, values = {}) =>
  JSON.parse(find("[data-words]").dataset.words)[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);

async function start() {
  const button = find("[data-act=camera]");
  button.disabled = true;
  const stream = await openCamera();
  button.disabled = false;
  if (!stream) return;
  const video = find("video");
  video.srcObject = stream;
  const mine = { camera: crypto.randomUUID(), stream, answered: [], chosen: null, marks: new Map() };
  run = mine;
  stream.getVideoTracks()[0].addEventListener("ended", () => stop("ended"));
  button.textContent = say("stop");
  find(".fz-live").classList.add("fz-on");
  find(".fz-state").textContent = "";
  await video.play().catch(() => {});  // it was turned off at once
  mine.began = performance.now();
  follow(mine, video);
}

async function openCamera() {
  if (!navigator.mediaDevices) return tell("insecure");
  try {
    const size = { width: { ideal: 640 }, height: { ideal: 480 } };
    return await navigator.mediaDevices.getUserMedia({ video: { ...size, facingMode: "user" }, audio: false });
  } catch (error) {
    return tell(error.name === "NotFoundError" ? "missing" : "blocked");
  }
}

function tell(key) {
  find(".fz-state").textContent = say(key);
}

function stop(key) {
  if (!run) return;
  for (const track of run.stream.getTracks()) track.stop();
  run = null;
  find("video").srcObject = null;
  find(".fz-marks").replaceChildren();
  find(".fz-rate").textContent = "";
  showBars(undefined, say("idle"));
  find(".fz-live").classList.remove("fz-on");
  find("[data-act=camera]").textContent = say("start");
  tell(key);
}

// One frame at a time: the next is taken after the answer, so what comes between is dropped.
async function follow(mine, video) {
  const canvas = document.createElement("canvas");  // the frame that is read; what is shown is the last one
  while (mine === run) {
    const began = performance.now();
    if (document.hidden || !element.getClientRects().length) {  // the camera stays, no frame is sent
      mine.answered = [];
      await new Promise((done) => setTimeout(done, PAUSE_MS));
      mine.began += performance.now() - began;  // a hidden page's timers are slower than asked
      continue;
    }
    if (!IS_OWN && began - mine.began > LIMIT_MS) return stop("limit");
    const model = find("select").value;
    const sent = { camera: mine.camera, model, frame: takeFrame(video, canvas) };
    const answer = await server.read_frame(sent).catch(() => null);
    if (mine !== run) return;
    if (!answer) return stop("lost");
    if (answer.error) {
      stop("ended");
      find(".fz-state").textContent = answer.error;
      return;
    }
    find(".fz-state").textContent = answer.busy ? say("waiting") : answer.note;
    if (!answer.busy) show(answer, canvas);
    const rest = LEAST_MS - (performance.now() - began);
    await new Promise((done) => setTimeout(done, Math.max(0, rest)));
  }
}

function takeFrame(video, canvas) {
  const scale = Math.min(1, LONGEST_SIDE / Math.max(video.videoWidth, video.videoHeight));
  canvas.width = Math.round(video.videoWidth * scale);
  canvas.height = Math.round(video.videoHeight * scale);
  canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL("image/jpeg", 0.85);
}

function show({ faces, milliseconds, classes }, canvas) {
  showFrame(canvas);
  nameRows(classes);
  const shown = faces.find((face) => face.number === run.chosen) ?? faces[0];
  showRate(milliseconds);
  showMarks(faces, shown, canvas);
  showBars(shown, shown ? describe(shown) : say("none"));
}

// The boxes belong to the frame that was read, so that frame is shown.
function showFrame(canvas) {
  const shown = find("canvas");
  if (shown.width !== canvas.width || shown.height !== canvas.height)
    [shown.width, shown.height] = [canvas.width, canvas.height];
  shown.getContext("2d").drawImage(canvas, 0, 0);
}

// A model may have classes of its own.
function nameRows(classes) {
  const body = find(".fz-bars tbody");
  const names = [...body.rows].map((row) => row.cells[0].textContent.trim());
  if (names.join("\n") === classes.map(([name]) => name).join("\n")) return;
  const rows = classes.map(([name, color]) => {
    const row = body.rows[0].cloneNode(true);
    row.style.setProperty("--emotion", color);
    row.cells[0].replaceChildren(row.cells[0].querySelector(".fz-swatch"), name);
    return row;
  });
  body.replaceChildren(...rows);
}

function showBars(shown, title) {
  find(".fz-live-title").textContent = title;
  const cells = element.querySelectorAll(".fz-bars td");
  cells.forEach((cell, index) => {
    const share = shown ? (100 * shown.probabilities[index]).toFixed(1) : null;
    cell.classList.toggle("fz-top", shown !== undefined && index === findTop(shown));
    cell.querySelector(".fz-bar").style.width = `${share ?? 0}%`;
    cell.querySelector(".fz-share").textContent = share?.replace(".", say("point")) ?? "–";
  });
}

function showRate(milliseconds) {
  const now = performance.now();
  run.answered = [...run.answered.filter((time) => now - time < 2000), now];
  const seconds = (now - run.answered[0]) / 1000;
  if (!seconds) return;
  const rate = ((run.answered.length - 1) / seconds).toFixed(0);
  find(".fz-rate").textContent = say("rate", { rate, milliseconds: milliseconds.toFixed(0) });
}

// A face keeps its button from frame to frame, or a click would meet a new one half-way.
function showMarks(faces, shown, canvas) {
  for (const [number, mark] of run.marks)
    if (!faces.some((face) => face.number === number)) {
      mark.remove();
      run.marks.delete(number);
    }
  for (const face of faces) {
    const mark = run.marks.get(face.number) ?? addMark(face.number);
    const [x, y, width, height] = face.box;
    mark.style.left = `${100 * (1 - (x + width) / canvas.width)}%`;  // mirrored, like the video
    mark.style.top = `${(100 * y) / canvas.height}%`;
    mark.style.width = `${(100 * width) / canvas.width}%`;
    mark.style.height = `${(100 * height) / canvas.height}%`;
    mark.setAttribute("aria-pressed", String(face === shown));
    mark.setAttribute("aria-label", describe(face));
    mark.firstChild.textContent = `${face.number} ${nameTop(face)}`;
  }
}

function addMark(number) {
  const mark = document.createElement("button");
  mark.type = "button";
  mark.className = "fz-box";
  mark.dataset.number = number;
  mark.append(document.createElement("span"));
  run.marks.set(number, mark);
  find(".fz-marks").append(mark);
  return mark;
}

function findTop(face) {
  return face.probabilities.indexOf(Math.max(...face.probabilities));
}

function nameTop(face) {
  return element.querySelectorAll(".fz-bars tbody th")[findTop(face)].textContent.trim();
}

function describe(face) {
  const share = (100 * face.probabilities[findTop(face)]).toFixed(0);
  return say("title", { number: face.number, emotion: nameTop(face), share });
}

element.addEventListener("click", (event) => {
  const mark = event.target.closest("[data-number]");
  if (mark && run) run.chosen = Number(mark.dataset.number);
  if (event.target.closest("[data-act=camera]")) run ? stop("ended") : start();
});
