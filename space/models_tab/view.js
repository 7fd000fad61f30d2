// `element`, `trigger` and `watch` come from Gradio. The element stays when its content is replaced.
let opened = null; // the model whose page was shown last

// What the address names: a model, nothing for the table, undefined in another tab.
function readModel() {
  const found = location.hash.match(/^#\/models\/?(.*)$/);  // a name may be the path of a folder
  return found ? decode(found[1]) : undefined;
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;  // a stray % is text
  }
}

function follow() {
  const wanted = readModel();
  const shown = element.querySelector("[data-page]")?.dataset.page ?? "";
  if (wanted === undefined || wanted === shown) return;
  wanted ? trigger("select", { model: wanted }) : trigger("clear");
}

function read(row, column) {
  const cell = row.children[column];
  return column === 0 ? cell.textContent : cell.dataset.value === "" ? -Infinity : Number(cell.dataset.value);
}

// A click on a heading sorts by that column; a second click turns the order round.
function sort(button) {
  const heading = button.closest("th");
  const column = Number(button.dataset.column);
  const up = heading.getAttribute("aria-sort") === "descending";
  const body = element.querySelector("tbody");
  const rows = [...body.rows].sort((a, b) => {
    const [x, y] = [read(a, column), read(b, column)];
    return (x < y ? -1 : x > y ? 1 : 0) * (up ? 1 : -1);
  });
  body.replaceChildren(...rows);
  for (const other of element.querySelectorAll("th[aria-sort]")) other.setAttribute("aria-sort", "none");
  heading.setAttribute("aria-sort", up ? "ascending" : "descending");
}

// Only rows of the chosen family and labels stay.
function filter() {
  const wanted = [...element.querySelectorAll("select[data-filter]")].map((one) => [one.dataset.filter, one.value]);
  for (const row of element.querySelectorAll("tbody tr"))
    row.hidden = wanted.some(([key, value]) => value && row.dataset[key] !== value);
}

element.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.column) sort(button);
  if (button?.dataset.act) trigger(button.dataset.act);
});

element.addEventListener("change", filter);
window.addEventListener("hashchange", follow);

// Whoever uses the keyboard goes on where the click led: the model's heading, and back at its name.
watch("value", () => {
  const shown = element.querySelector("[data-page]");
  filter();  // the rows are new, what is chosen above them is not
  if (shown) {
    opened = shown.dataset.page;
    element.scrollIntoView();
    shown.querySelector("h2").focus({ preventScroll: true });
  } else if (opened) {
    element.querySelector(`[data-model="${CSS.escape(opened)}"]`)?.focus();
    opened = null;
  }
  follow();
});
follow();
