// The table of samples in a self-contained report. Every text is set with textContent: none is ever read as HTML.
(() => {
  "use strict";
  const PAGE = 50;
  const SHOWS = {
    all: ["all", () => true],
    unscored: ["unscored", (row, value) => value === null],
    zero: ["value 0", (row, value) => value === 0],
    below: ["value below 1", (row, value) => value !== null && value < 1],
    critical: ["critical", (row) => row.critical],
    error: ["error", (row) => row.error !== null],
  };

  const make = (tag, properties = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [key, value] of Object.entries(properties)) {
      if (key in element) element[key] = value; else element.setAttribute(key, value);
    }
    element.append(...children.filter((child) => child !== null));
    return element;
  };
  const number = (value, digits) => (value === null || value === undefined ? "–" : String(Number(value.toPrecision(digits))));
  const seconds = (value) => (value === null ? "–" : `${value.toFixed(value < 1 ? 3 : 1)} s`);
  const money = (value) => (value === null ? "–" : `$${value.toFixed(value >= 1 || value === 0 ? 2 : 6)}`);
  const short = (text) => (text.length > 200 ? `${text.slice(0, 200)} …` : text);
  const valueOf = (row, scorer) => row.scores.find((score) => score.scorer === scorer)?.value ?? null;
  const inputOf = (row) => row.turns.find((turn) => turn.role === "user")?.text ?? row.turns[0]?.text ?? "";

  const keys = {
    row: (row) => row.at,
    output_chars: (row) => row.output.length,
    latency_s: (row) => row.latency_s,
    cost_usd: (row) => row.cost_usd,
  };

  const start = (holder) => {
    const data = JSON.parse(document.getElementById(holder.dataset.rows).textContent);
    data.rows.forEach((row, at) => { row.at = at; row.haystack = `${row.id}\n${inputOf(row)}\n${row.output}`.toLowerCase(); });
    const epochs = data.rows.some((row) => row.epoch > 0);
    const state = { show: "all", scorer: data.scorers[0] ?? null, search: "", sort: "row", descending: false, offset: 0 };

    const count = make("span", { className: "basis", role: "status" });
    const select = (name, options) => {
      const field = make("select", { name, id: `samples-${name}` }, ...options.map(([value, text]) => make("option", { value }, text)));
      field.addEventListener("change", () => { state[name] = field.value; state.offset = 0; draw(); });
      return field;
    };
    const search = make("input", { type: "search", id: "samples-search", placeholder: "id, input, output" });
    search.addEventListener("input", () => { state.search = search.value.trim().toLowerCase(); state.offset = 0; draw(); });
    const controls = make("form", { className: "filter" },
      make("label", {}, "show ", select("show", Object.entries(SHOWS).map(([key, [title]]) => [key, title]))),
      data.scorers.length > 1 ? make("label", {}, "by ", select("scorer", data.scorers.map((name) => [name, name]))) : null,
      make("label", {}, "search ", search), count);
    controls.addEventListener("submit", (event) => event.preventDefault());
    const head = make("thead"), body = make("tbody"), pager = make("p", { className: "pager" });
    const dialog = make("dialog", { "aria-label": "Sample" });
    holder.append(controls,
      make("div", { className: "scroll", tabIndex: 0, role: "region", "aria-label": "Samples table" }, make("table", { className: "samples" }, head, body)),
      pager, dialog);

    const sorter = (key, title, scorer) => {
      const mine = state.sort === key && (!scorer || scorer === state.scorer);
      const id = `sort-${key}-${scorer ?? ""}`;
      const button = make("button", { type: "button", className: "rowbutton", id }, `${title}${mine ? (state.descending ? " ▼" : " ▲") : ""}`);
      button.addEventListener("click", () => {
        state.descending = mine && !state.descending;
        state.sort = key;
        if (scorer) { state.scorer = scorer; const field = document.getElementById("samples-scorer"); if (field) field.value = scorer; }
        state.offset = 0;
        draw();
        document.getElementById(id).focus();
      });
      const cell = make("th", { className: key === "row" || key === "output_chars" ? "" : "num" }, button);
      if (mine) cell.setAttribute("aria-sort", state.descending ? "descending" : "ascending");
      return cell;
    };

    const found = () => {
      const [, fits] = SHOWS[state.show];
      const rows = data.rows.filter((row) => fits(row, valueOf(row, state.scorer)) && row.haystack.includes(state.search));
      const key = keys[state.sort] ?? ((row) => valueOf(row, state.scorer));
      const sign = state.descending ? -1 : 1;
      return rows.sort((one, two) => {
        const a = key(one), b = key(two);
        if (a === b) return one.at - two.at;
        if (a === null) return 1; // what is not known comes last, whichever way the rest is sorted
        return b === null ? -1 : sign * (a - b);
      });
    };

    const draw = () => {
      const rows = found();
      count.textContent = `${rows.length.toLocaleString("en")} row${rows.length === 1 ? "" : "s"}`;
      head.replaceChildren(make("tr", {}, sorter("row", "sample"), make("th", {}, "input"), sorter("output_chars", "output, by length"),
        ...data.scorers.map((name) => sorter("value", name, name)), sorter("latency_s", "latency"), sorter("cost_usd", "cost")));
      body.replaceChildren(...rows.slice(state.offset, state.offset + PAGE).map((row, index) => {
        const open = make("button", { type: "button", className: "rowbutton", id: `row-${index + 1}` }, row.id || "(empty id)");
        open.addEventListener("click", () => show(row));
        return make("tr", {},
          make("th", { scope: "row" }, open, epochs ? make("span", { className: "basis" }, ` epoch ${row.epoch}`) : null),
          make("td", { className: "text" }, make("div", { className: "clamp" }, short(inputOf(row)))),
          make("td", { className: "text" }, make("div", { className: "clamp" }, row.error ? make("span", { className: "tag" }, row.error) : null, short(row.output))),
          ...data.scorers.map((name) => make("td", { className: "num" }, number(valueOf(row, name), 4))),
          make("td", { className: "num" }, seconds(row.latency_s)), make("td", { className: "num" }, money(row.cost_usd)));
      }));
      const turn = (offset, title) => {
        const button = make("button", { type: "button" }, title);
        button.addEventListener("click", () => { state.offset = offset; draw(); });
        return button;
      };
      pager.replaceChildren(...[
        state.offset > 0 ? turn(state.offset - PAGE, "← previous") : null,
        make("span", {}, rows.length ? `${state.offset + 1}–${Math.min(state.offset + PAGE, rows.length)} of ${rows.length.toLocaleString("en")}` : "no row matches"),
        state.offset + PAGE < rows.length ? turn(state.offset + PAGE, "next →") : null,
      ].filter(Boolean));
    };

    const show = (row) => {
      const close = make("button", { type: "button" }, "Close");
      close.addEventListener("click", () => dialog.close());
      const cells = (score) => [score.scorer, number(score.value, 4), score.label ?? "", (score.reason ? `unscored: ${score.reason} ` : "") + score.explanation, score.asked ? `${score.tier}: ${score.asked}` : score.tier];
      dialog.replaceChildren(
        make("h2", {}, row.id || "(empty id)", epochs ? make("span", { className: "basis" }, ` epoch ${row.epoch}`) : null), close,
        make("p", { className: "facts" }, row.error ? make("span", { className: "tag" }, row.error) : null,
          make("span", {}, `latency ${seconds(row.latency_s)}`), make("span", {}, `cost ${money(row.cost_usd)}`),
          make("span", {}, `tokens ${row.usage.input_tokens ?? "–"} in, ${row.usage.output_tokens ?? "–"} out`)),
        make("div", { className: "scroll", tabIndex: 0, role: "region", "aria-label": "Scores" }, make("table", {},
          make("thead", {}, make("tr", {}, ...["scorer", "value", "label", "why", "tier, why asked"].map((title) => make("th", {}, title)))),
          make("tbody", {}, ...row.scores.map((score) => make("tr", {}, ...cells(score).map((text) => make("td", {}, text))))))),
        make("div", { className: "sides" },
          make("div", {}, make("h3", {}, "output"), make("pre", {}, row.output)),
          make("div", {}, make("h3", {}, "reference"), ...(row.reference.length ? row.reference.map((text) => make("pre", {}, text)) : [make("p", { className: "doubt" }, "none")]))),
        ...row.turns.map((turn) => make("article", { className: `message role-${turn.role}` },
          make("h3", {}, turn.role, turn.note ? make("span", { className: "basis" }, ` ${turn.note}`) : null),
          make("pre", {}, turn.text),
          ...turn.calls.map((call) => make("div", { className: "call" }, make("b", {}, call.name), make("pre", {}, call.arguments))))));
      dialog.showModal();
    };
    draw();
  };

  document.addEventListener("DOMContentLoaded", () => {
    const holder = document.querySelector("[data-rows]");
    if (holder) start(holder);
  });
})();
