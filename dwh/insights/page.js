for (const button of document.querySelectorAll("th button")) button.addEventListener("click", () => {
  const head = button.parentElement, body = head.closest("table").tBodies[0], place = head.cellIndex;
  const number = head.classList.contains("n");
  const down = head.ariaSort ? head.ariaSort === "ascending" : number;
  const value = row => number ? parseFloat(row.cells[place].dataset.v) : row.cells[place].textContent;
  const order = (a, b) => number ? a - b : a.localeCompare(b);
  const rows = [...body.rows].map(row => [value(row), row]);
  const unknown = rows.filter(([key]) => Number.isNaN(key) || key === "–"), known = rows.filter(pair => !unknown.includes(pair));
  known.sort(([a], [b]) => down ? order(b, a) : order(a, b));
  for (const other of head.parentElement.cells) other.removeAttribute("aria-sort");
  head.ariaSort = down ? "descending" : "ascending";
  body.append(...[...known, ...unknown].map(([, row]) => row));
});
