// A table whose rows come and go. On a narrow screen each row of a wide one becomes a card
// (style.css), which would take the table's meaning away: the roles keep it.
import { Bar, Sparkline, element, setText } from './elements.js';

// A column is {title, text(row)} and maybe: name (the row's heading), words ("brief" or "long":
// no numbers, to stand at the left; "breaks" besides: text that peers choose, of any length),
// tone(row) ("bad", "warn", "good"), spark(row) (points) or share(row) (0 to 1). In a sortable
// table the headings of columns with sort(row) (a number or string) are buttons.
export class Table {
  #rows = new Map();
  #order = null;  // {column, down}

  // Without rows the text `nothing` stands in its place.
  constructor(id, { label, columns, nothing, sortable = false, wide = false }) {
    this.columns = columns;
    this.sortable = sortable;
    this.head = element('tr');
    this.head.setAttribute('role', 'row');
    this.body = element('tbody');
    this.body.setAttribute('role', 'rowgroup');
    columns.forEach((column) => this.head.append(this.#heading(column)));
    const head = element('thead', {}, this.head);
    head.setAttribute('role', 'rowgroup');
    this.table = element('table', { className: wide ? 'wide' : '' }, head, this.body);
    this.table.setAttribute('role', 'table');
    this.table.setAttribute('aria-label', label);
    this.nothing = element('p', { className: 'nothing', textContent: nothing });
    document.getElementById(id).append(this.table, this.nothing);
  }

  #heading(column) {
    const className = column.words || column.name ? '' : 'number';
    const th = element('th', { scope: 'col', className });
    th.setAttribute('role', 'columnheader');
    if (!this.sortable || !column.sort) {
      th.textContent = column.title;
      return th;
    }
    const button = element('button', { type: 'button', textContent: column.title });
    button.addEventListener('click', () => this.#sortBy(column, th));
    th.append(button);
    return th;
  }

  // Largest first, smallest first, as it came.
  #sortBy(column, th) {
    const same = this.#order?.column === column;
    if (!same) this.#order = { column, down: true };
    else if (this.#order.down) this.#order.down = false;
    else this.#order = null;
    for (const other of this.head.children) other.removeAttribute('aria-sort');
    if (this.#order) th.setAttribute('aria-sort', this.#order.down ? 'descending' : 'ascending');
    this.update(this.given);
  }

  #sorted(rows) {
    if (!this.#order) return rows;
    const { column, down } = this.#order;
    const value = (row) => {
      const of = column.sort(row);
      return Number.isNaN(of) ? -Infinity : of;
    };
    const sign = down ? -1 : 1;
    const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
    return [...rows].sort((a, b) => sign * compare(value(a), value(b)));
  }

  // Each row has a `key` of its own.
  update(rows) {
    this.given = rows;
    this.table.hidden = rows.length === 0;
    this.nothing.hidden = rows.length > 0;
    const keys = new Set(rows.map((row) => row.key));
    for (const [key, row] of this.#rows)
      if (!keys.has(key)) {
        row.node.remove();
        this.#rows.delete(key);
      }
    this.#sorted(rows).forEach((row, i) => {
      if (!this.#rows.has(row.key)) this.#rows.set(row.key, new Row(this.columns));
      const shown = this.#rows.get(row.key);
      shown.update(row);
      if (this.body.children[i] !== shown.node)
        this.body.insertBefore(shown.node, this.body.children[i] ?? null);
    });
  }
}

class Row {
  constructor(columns) {
    this.cells = columns.map((column) => new Cell(column));
    this.node = element('tr', {}, ...this.cells.map((cell) => cell.node));
    this.node.setAttribute('role', 'row');
  }

  update(row) {
    for (const cell of this.cells) cell.update(row);
  }
}

class Cell {
  constructor(column) {
    this.column = column;
    this.text = element('span');
    this.node = element(column.name ? 'th' : 'td', {}, this.text);
    this.node.setAttribute('role', column.name ? 'rowheader' : 'cell');
    if (column.name) this.node.scope = 'row';
    else this.node.dataset.label = column.title;
    if (!column.name) this.node.className = column.words ? `words ${column.words}` : 'number';
    if (column.spark) this.drawing = new Sparkline();
    if (column.share) this.drawing = new Bar();
    if (this.drawing) this.node.append(this.drawing.node);
  }

  update(row) {
    setText(this.text, this.column.text?.(row) ?? '');
    if (this.column.tone) this.node.dataset.tone = this.column.tone(row);
    if (this.drawing) this.drawing.update((this.column.spark ?? this.column.share)(row));
  }
}
