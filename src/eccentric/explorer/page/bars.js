// A row of a table: one bar for each column, against the range of the data.

import { $, element, number } from "./common.js";

export class Bars {
  constructor({ names, low, high, leftOut }) {
    this.rows = names.map((name, i) => {
      const span = high[i] > low[i] ? high[i] - low[i] : 1;
      const place = (value) => `${100 * Math.min(1, Math.max(0, (value - low[i]) / span))}%`;
      const fill = element("div", { className: "fill" });
      const ticks = { own: element("div", { className: "tick own", hidden: true }), other: element("div", { className: "tick other", hidden: true }) };
      const track = element("div", { className: "track", title: `${number(low[i])} to ${number(high[i])}` }, fill, ticks.other, ticks.own);
      track.setAttribute("role", "meter");
      track.setAttribute("aria-label", name);
      track.setAttribute("aria-valuemin", low[i]);
      track.setAttribute("aria-valuemax", high[i]);
      const output = element("output");
      $("bars").append(element("div", { className: "bar" }, element("span", { textContent: name, title: name }), track, output));
      return { place, low: low[i], high: high[i], fill, ticks, track, output };
    });
    $("bars").append(element("p", {
      className: "hint",
      textContent: "A bar spans the column's range over the reconstructed test rows and the stored real rows. An arrow marks a value outside it."
        + (leftOut ? ` ${leftOut} more columns, which the components change less, are not shown.` : ""),
    }));
    $("bars").hidden = false;
  }

  show(values) {
    this.rows.forEach(({ place, low, high, fill, track, output }, i) => {
      const value = values[i], slack = 1e-6 * (high - low); // of float32
      const side = value < low - slack ? "below" : value > high + slack ? "above" : "";
      fill.style.width = place(value);
      track.className = `track ${side}`;
      track.setAttribute("aria-valuenow", Math.min(high, Math.max(low, value)));
      track.setAttribute("aria-valuetext", number(value) + (side && `, ${side} the range`));
      output.textContent = number(value);
    });
  }

  // Ticks for another row: the user's own, or that of the second run. None for null.
  mark(kind, values) {
    this.rows.forEach(({ place, ticks }, i) => {
      ticks[kind].hidden = values === null;
      if (values === null) return;
      ticks[kind].style.left = place(values[i]);
      ticks[kind].title = number(values[i]);
    });
  }
}
