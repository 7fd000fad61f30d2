// `element` comes from Gradio. A click on a heading sorts by that column; a second click turns the order round.
function read(row, column) {
  const cell = row.children[column];
  return column === 0 ? cell.textContent : cell.dataset.value === "" ? -Infinity : Number(cell.dataset.value);
}

element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-column]");
  if (!button) return;
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
});
