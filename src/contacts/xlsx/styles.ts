// The styles of a workbook: which number format each has. Called by workbook.ts.
import { type NumberFormat, numberFormat } from "./number_formats.ts";
import type { XmlHandlers } from "./xml.ts";

export interface Styles {
  /** The number format of a cell's style. */
  formatOf(style: number): NumberFormat;
}

/** `read` runs the handlers over a part. A workbook without styles has plain numbers only. */
export async function compileStyles(part: string | null, read: (part: string, handlers: XmlHandlers) => Promise<void>): Promise<Styles> {
  const codes = new Map<number, string>();
  const ids: number[] = [];
  let list = "";
  const handlers: XmlHandlers = {
    open(name, attributes) {
      // conditional formats bring number formats too, under the same ids
      if (name === "numFmts" || name === "cellXfs" || name === "dxfs") list = name;
      else if (name === "numFmt" && list === "numFmts") codes.set(Number(attributes.numFmtId), attributes.formatCode ?? "General");
      else if (name === "xf" && list === "cellXfs") ids.push(Number(attributes.numFmtId ?? 0));
    },
    close(name) {
      if (name === list) list = "";
    },
  };
  if (part !== null) await read(part, handlers);
  const formats = ids.map((id) => numberFormat(id, codes.get(id)));
  const general = numberFormat(0, undefined);
  return { formatOf: (style) => formats[style] ?? general };
}
