// Reads the project's documents as far as tests compare them with the code: marked tables, prose
// lines, links, headings.

/**
 * The rows of the table below `<!-- table: NAME -->`, without its head: each cell as it stands,
 * trimmed.
 * @throws Error when there is no such table, or a row of it has another number of cells
 */
export function readTable(markdown: string, name: string): string[][] {
  const lines = markdown.split("\n");
  const at = lines.indexOf(`<!-- table: ${name} -->`);
  if (at < 0) throw new Error(`there is no table marked <!-- table: ${name} -->`);
  const first = lines.findIndex((line, index) => index > at && line.startsWith("|"));
  const rows: string[][] = [];
  for (let index = first; index >= 0 && lines[index]?.startsWith("|"); index += 1) rows.push(cellsOf(lines[index] ?? ""));
  const [head, , ...body] = rows;
  if (head === undefined || body.length === 0) throw new Error(`the table ${name} is empty`);
  for (const row of body) if (row.length !== head.length) throw new Error(`the table ${name} has a row of ${row.length} cells: ${row[0]}`);
  return body;
}

/** Everything between backticks in a cell, in its order. */
export function codesOf(cell = ""): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, code]) => code ?? "");
}

/**
 * Lines of prose with their numbers from 1: no tables, no code, no lines that are one long link.
 */
export function proseLines(markdown: string): { line: number; text: string }[] {
  return withoutFences(markdown).filter(({ text }) => !text.startsWith("|") && !/^\s*!?\[[^\]]*\]\([^)]*\)\s*$/.test(text));
}

export interface Link {
  line: number;
  /** As written: `docs/study.md#kill`, `#the-laws`, `https://...`. */
  target: string;
}

/** Links and pictures, without those that stand in code. */
export function linksOf(markdown: string): Link[] {
  return withoutFences(markdown).flatMap(({ line, text }) => {
    const plain = text.replaceAll(/`[^`]*`/g, "");
    const inline = [...plain.matchAll(/\]\(<?([^)>\s]+)>?\)/g)].map(([, target]) => target ?? "");
    const html = [...plain.matchAll(/\b(?:src|srcset|href)="([^"]+)"/g)].map(([, target]) => target ?? "");
    return [...inline, ...html].map((target) => ({ line, target }));
  });
}

/**
 * Anchors that the headings of a document make, as GitHub spells them; a heading that comes again
 * gets `-1`, `-2`.
 */
export function anchorsOf(markdown: string): Set<string> {
  const anchors = new Set<string>();
  for (const { text } of withoutFences(markdown)) {
    const heading = /^#{1,6}\s+(.+?)\s*$/.exec(text)?.[1];
    if (heading === undefined) continue;
    const words = heading.replaceAll(/\]\([^)]*\)/g, "]").toLowerCase();
    const anchor = words.replaceAll(/[^\p{L}\p{N}\s_-]/gu, "").replaceAll(/\s/g, "-");
    let name = anchor;
    for (let again = 1; anchors.has(name); again += 1) name = `${anchor}-${again}`;
    anchors.add(name);
  }
  return anchors;
}

/** The text of the code blocks, each without its fences. */
export function codeBlocksOf(markdown: string): string[] {
  return [...markdown.matchAll(/^```[^\n]*\n(.*?)^```$/gms)].map(([, text]) => text ?? "");
}

function withoutFences(markdown: string): { line: number; text: string }[] {
  let isInFence = false;
  return markdown.split("\n").flatMap((text, index) => {
    if (text.trimStart().startsWith("```")) {
      isInFence = !isInFence;
      return [];
    }
    return isInFence ? [] : [{ line: index + 1, text }];
  });
}

function cellsOf(line: string): string[] {
  return line
    .replace(/^\|/, "")
    .replace(/\|\s*$/, "")
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim());
}
