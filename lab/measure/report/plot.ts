// The one plotter: Observable Plot, drawn into a document of its own, as SVG text. Colours are
// variables of the page (style.ts), so that one picture serves light and dark.
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import { type Markup, raw } from "./html.ts";
import { type Color, colorVariables } from "./style.ts";

export const plotWidth = 960;

export interface Picture {
  /** File name without its extension. */
  name: string;
  /** One sentence: what the plot shows. */
  caption: string;
  /** What its colours mean, where the plot itself does not say. */
  legend?: readonly { name: string; color: Color }[];
  svg: Markup;
}

export function plot(options: Plot.PlotOptions): Markup {
  const { document } = parseHTML("<!doctype html><html></html>");
  return raw(Plot.plot({ ...options, width: plotWidth, document, style: { fontSize: "11px", fontFamily: "inherit" } }).outerHTML);
}

/** A standalone file includes the colours that the page would have given, and a background. */
export function toFile({ svg }: Picture): string {
  const dark = `@media(prefers-color-scheme:dark){:root{${colorVariables.dark}}}`;
  const style = `:root{${colorVariables.light}color:var(--ink);background:var(--paper);font-family:system-ui,sans-serif}${dark}`;
  return svg.markup.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ').replace(/>/, `><style>${style}</style>`);
}
