// Theme, charts and keys. Loaded in <head> without defer, so that a chosen theme is there before anything is painted.
(() => {
  "use strict";
  const root = document.documentElement;
  const KEY = "assay-theme";

  const stored = () => {
    try { return localStorage.getItem(KEY); } catch { return null; } // storage may be forbidden, e.g. for a local file
  };
  const dark = () => (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  if (stored() === "dark" || stored() === "light") root.dataset.theme = stored();

  const colour = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const chartConfig = () => {
    const ink = colour("--ink"), soft = colour("--soft"), line = colour("--line");
    const font = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif";
    return {
      background: "transparent", font,
      title: { color: ink, fontSize: 13, anchor: "start", fontWeight: 600 },
      axis: { labelColor: ink, titleColor: soft, gridColor: line, domainColor: line, tickColor: line, labelFontSize: 11, titleFontSize: 11, titleFontWeight: 400, gridOpacity: 0.6 },
      legend: { labelColor: ink, titleColor: soft, labelFontSize: 11 },
      view: { stroke: "transparent" },
    };
  };
  const draw = (element) => {
    const spec = JSON.parse(document.getElementById(element.dataset.spec).textContent);
    // ast: expressions are interpreted, not compiled, so that the page needs no permission to make code from text.
    const options = { ast: true, actions: false, renderer: "svg", defaultStyle: false, tooltip: { disableDefaultStyle: true }, config: chartConfig() };
    vegaEmbed(element, spec, options).then((result) => { element.view = result.view; }).catch((error) => {
      element.textContent = `This chart could not be drawn (${error.message}); the table has its figures.`;
    });
  };
  const drawAll = (within) => {
    if (typeof vegaEmbed === "undefined") return;
    for (const element of within.querySelectorAll(".vega")) {
      if (element.view) element.view.finalize();
      draw(element);
    }
  };

  const follow = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea, dialog")) return;
    const link = document.querySelector(`a[data-key="${CSS.escape(event.key)}"]`);
    if (link) link.click();
  };

  document.addEventListener("DOMContentLoaded", () => {
    drawAll(document);
    document.addEventListener("keydown", follow);
    document.getElementById("theme").addEventListener("click", () => {
      root.dataset.theme = dark() ? "light" : "dark";
      try { localStorage.setItem(KEY, root.dataset.theme); } catch { /* the choice lasts as long as the page */ }
      drawAll(document);
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawAll(document));
  });
})();
