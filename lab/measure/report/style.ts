// The style sheet of reports: paper and ink, one accent, a colour for each meaning, always beside a
// shape or a word.

/**
 * Light, then dark. The colours of systems and kinds of processes also differ in lightness, and
 * stay distinct for red-green colour blindness.
 */
const colors = {
  paper: ["#fbfaf6", "#0f141c"],
  ink: ["#1d1c1a", "#e6e4de"],
  soft: ["#6d6a63", "#949ba6"],
  line: ["#e2dfd6", "#252d39"],
  shade: ["#efece3", "#18202b"],
  accent: ["#1f5fa8", "#7fb2ea"],
  waiting: ["#d9d5c9", "#2d3644"],
  "in-flight": ["#5d93c8", "#4f83b8"],
  delivered: ["#3f7f5f", "#5fae88"],
  failed: ["#c08a3e", "#cf9d57"],
  broke: ["#b3372c", "#ef7d70"],
  ours: ["#0b6e75", "#4fc3c7"],
  original: ["#b4552d", "#f0946a"],
  "kind-1": ["#0b6e75", "#4fc3c7"],
  "kind-2": ["#5b5fa8", "#a3a8ee"],
  "kind-3": ["#b4552d", "#f0946a"],
  "kind-4": ["#b9b4a6", "#59616e"],
} as const;

export type Color = keyof typeof colors;

export const colorOf = (color: Color): string => `var(--${color})`;

const variables = (index: 0 | 1): string =>
  Object.entries(colors)
    .map(([name, both]) => `--${name}:${both[index]};`)
    .join("");

export const colorVariables = { light: variables(0), dark: variables(1) };

export const style = `
:root { ${colorVariables.light} }
@media (prefers-color-scheme: dark) { :root { ${colorVariables.dark} } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; font-variant-numeric: tabular-nums; }
main { max-width: 66rem; margin: 0 auto; padding: 3.5rem 1.5rem 3rem; }
.over { margin: 0; color: var(--soft); letter-spacing: .04em; }
h1 { margin: .2rem 0 .6rem; font-size: clamp(1.7rem, 4.5vw, 2.6rem); font-weight: 600; line-height: 1.15; letter-spacing: -.02em; text-wrap: balance; }
h2 { margin: 0 0 .8rem; font-size: 1.05rem; font-weight: 600; }
section, footer { margin-top: 3rem; }
.description { margin: 0; max-width: 44rem; font-size: 1.1rem; color: var(--soft); }
a { color: var(--accent); text-decoration-thickness: 1px; text-underline-offset: .2em; }
code { font: .88em ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
pre { margin: 0; padding: .8rem 1rem; background: var(--shade); overflow-x: auto; border-radius: 3px; }
.mark { width: .9em; height: .9em; fill: none; stroke: currentColor; stroke-width: 2.2; stroke-linecap: round; stroke-linejoin: round; vertical-align: -.06em; }
h1 .mark { width: .8em; height: .8em; vertical-align: -.02em; margin-right: .1em; }
.held { color: var(--delivered); } .broke { color: var(--broke); } .quiet { color: var(--soft); }
.reasons { margin: 1.2rem 0 0; padding: .1rem 0 .1rem 1rem; border-left: 3px solid var(--broke); list-style: none; overflow-wrap: anywhere; }
.reasons li { margin: .3rem 0; }
.facts { display: flex; flex-wrap: wrap; gap: 1rem 2.6rem; margin: 1.8rem 0 0; }
.facts dt { color: var(--soft); font-size: .85rem; } .facts dd { margin: 0; font-size: 1.35rem; font-weight: 500; letter-spacing: -.01em; }
.versions { display: grid; gap: .25rem; margin: 1.4rem 0 0; font-size: .9rem; }
.versions div { display: grid; grid-template-columns: 6rem 1fr; } .versions dt { color: var(--soft); } .versions dd { margin: 0; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th, td { padding: .36rem 1.1rem .36rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
thead th { color: var(--soft); font-weight: 400; font-size: .85rem; white-space: nowrap; }
tbody th { font-weight: 500; } th:last-child, td:last-child { padding-right: 0; }
.number { text-align: right; white-space: nowrap; } .verdict { white-space: nowrap; }
td ul { margin: .3rem 0; padding: 0; list-style: none; font-size: .88rem; overflow-wrap: anywhere; }
.laws { margin-top: 1.2rem; }
details { border-bottom: 1px solid var(--line); } details > :not(summary) { margin-bottom: 1rem; }
summary { padding: .5rem 0; cursor: pointer; list-style-position: outside; } summary span { color: var(--soft); font-size: .9rem; margin-left: .5rem; }
summary b { font-weight: 500; }
.events { margin: 1rem 0 0; padding: 0; list-style: none; font-size: .92rem; columns: 2 24rem; column-gap: 2.5rem; }
.events li { display: grid; grid-template-columns: 4rem 1fr; break-inside: avoid; padding: .1rem 0; overflow-wrap: anywhere; }
time { color: var(--soft); }
.chart { margin: 1.2rem 0 0; overflow-x: auto; } .chart svg { display: block; width: 100%; height: auto; min-width: 34rem; overflow: visible; }
figcaption { margin-top: .4rem; font-size: .85rem; color: var(--soft); }
.key { display: inline-block; margin-right: 1.2rem; } .key::before { content: ""; display: inline-block; width: .7em; height: .7em; margin-right: .45em; border-radius: 2px; background: var(--key, var(--soft)); }
.key.thin::before { width: 1.2em; height: 2px; vertical-align: .25em; border-radius: 0; }
.key.in-flight::before { background: var(--in-flight); } .key.delivered::before { background: var(--delivered); } .key.failed::before { background: var(--failed); } .key.waiting::before { background: var(--waiting); } .key.accent::before { background: var(--accent); }
@media print {
  :root { --paper: #fff; --ink: #000; --soft: #555; --line: #ccc; --shade: #f3f3f3; }
  body { font-size: 10pt; } main { max-width: none; padding: 0; } section, footer { margin-top: 1.5rem; }
  tr, figure, .facts { break-inside: avoid; } .wide, .chart { overflow: visible; }
}
`;
