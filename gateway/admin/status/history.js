// What the page remembers: the snapshots of the sliding window, and points for the sparklines.
// Forgets everything when another instance answers: its counters began anew.
import { Interval } from './snapshot.js';

export const WINDOW_S = 10;
export const POINTS = 90;  // of a sparkline, one for each answer

export class History {
  #snapshots = [];
  #series = new Map();

  // False when it is nothing new: the gateway makes a document at most four times a second.
  add(snapshot) {
    const last = this.newest;
    if (last && last.instance !== snapshot.instance) {
      this.#snapshots = [];
      this.#series.clear();
    } else if (last && snapshot.uptime <= last.uptime) {
      return false;
    }
    this.#snapshots.push(snapshot);
    // One that is as old as the window is wide stays: the window begins with it. After a pause
    // (the page was hidden) what is much older would be no picture of "now".
    const age = (one) => snapshot.uptime - one.uptime;
    const all = this.#snapshots;
    while (all.length > 2 && age(all[1]) >= WINDOW_S) all.shift();
    while (age(all[0]) > WINDOW_S * 2) all.shift();
    return true;
  }

  get newest() {
    return this.#snapshots.at(-1);
  }

  // Of the last WINDOW_S seconds, or of what there is; null before the second answer.
  get window() {
    return this.#interval(0);
  }

  // Since the answer before.
  get step() {
    return this.#interval(this.#snapshots.length - 2);
  }

  #interval(from) {
    if (this.#snapshots.length < 2) return null;
    return new Interval(this.#snapshots[from], this.newest);
  }

  // NaN is a gap.
  point(name, value) {
    if (!this.#series.has(name)) this.#series.set(name, []);
    const points = this.#series.get(name);
    points.push(value);
    if (points.length > POINTS) points.shift();
    return points;
  }

  gap() {
    for (const name of this.#series.keys()) this.point(name, NaN);
  }
}
