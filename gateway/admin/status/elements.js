// Parts of the page. Names come from clients and backends: text is only ever set as text, never as
// HTML.
import { POINTS } from './history.js';

export function element(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

// What does not print (core/base/printable.h) would change the text around it, or make two names
// look like one: it is shown by its number.
const UNPRINTABLE = /(?!\n)[\p{Cc}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\ufff9-\ufffb]/gu;

function printable(text) {
  return text.replace(UNPRINTABLE, (character) => `\\u{${character.codePointAt(0).toString(16)}}`);
}

// Leaves an element alone that says so already: selections and screen readers stay undisturbed.
export function setText(node, text) {
  const shown = printable(String(text));
  if (node.textContent !== shown) node.textContent = shown;
}

const SVG = 'http://www.w3.org/2000/svg';
function svg(tag, attributes) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

// A line over time, newest at the right, from 0 to the largest. Decoration: the value stands beside
// it as text.
export class Sparkline {
  static #WIDTH = 120;
  static #HEIGHT = 28;

  constructor() {
    const [w, h] = [Sparkline.#WIDTH, Sparkline.#HEIGHT];
    this.area = svg('path', { class: 'area' });
    this.line = svg('path', { class: 'line' });
    this.node = svg('svg', {
      viewBox: `0 0 ${w} ${h}`,
      preserveAspectRatio: 'none',
      class: 'spark',
      'aria-hidden': 'true',
    });
    this.node.append(this.area, this.line);
  }

  update(points) {
    const h = Sparkline.#HEIGHT;
    const top = Math.max(...points.filter((value) => !Number.isNaN(value)), 0) || 1;
    const x = (i) => ((i + POINTS - points.length) * Sparkline.#WIDTH) / (POINTS - 1);
    const y = (value) => h - 1 - (value / top) * (h - 3);
    let [line, area, begun] = ['', '', null];
    points.forEach((value, i) => {
      if (Number.isNaN(value)) return;
      const at = `${x(i).toFixed(1)} ${y(value).toFixed(1)}`;
      line += (begun === null ? 'M' : 'L') + at;
      area += begun === null ? `M${x(i).toFixed(1)} ${h}L${at}` : `L${at}`;
      begun ??= i;
      const last = i + 1 === points.length || Number.isNaN(points[i + 1]);
      if (last) {
        area += `L${x(i).toFixed(1)} ${h}Z`;
        begun = null;
      }
    });
    this.line.setAttribute('d', line);
    this.area.setAttribute('d', area);
  }
}

// A share as a bar. Decoration, as above.
export class Bar {
  constructor() {
    this.fill = svg('rect', { width: 0, height: 8, rx: 2, class: 'fill' });
    this.node = svg('svg', {
      viewBox: '0 0 100 8',
      preserveAspectRatio: 'none',
      class: 'bar',
      'aria-hidden': 'true',
    });
    this.node.append(svg('rect', { width: 100, height: 8, rx: 2, class: 'track' }), this.fill);
  }

  update(ratio) {
    this.fill.setAttribute('width', (100 * (ratio || 0)).toFixed(2));
  }
}

// A named number of the top: {label, value, detail, points, tone}. Tones only underline what the
// text says: "bad", "warn", "quiet" or nothing.
export class Tile {
  constructor(list, id, label) {
    this.value = element('span', { className: 'value' });
    this.detail = element('span', { className: 'detail' });
    this.body = element('dd', {}, this.value, this.detail);
    this.body.dataset.tile = id;
    const name = element('dt', { textContent: label });
    list.append(element('div', { className: 'tile' }, name, this.body));
  }

  update({ value, detail = '', points, tone = '' }) {
    setText(this.value, value);
    setText(this.detail, detail);
    this.body.dataset.tone = tone;
    if (!points) return;
    if (!this.spark) {
      this.spark = new Sparkline();
      this.body.append(this.spark.node);
    }
    this.spark.update(points);
  }
}
