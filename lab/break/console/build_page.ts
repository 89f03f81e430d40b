// Builds the lab's page from the folder page, in memory, when the lab starts: no folder can go
// stale.
import { join } from "node:path";
import { build, type Rollup } from "vite";
import type { PageFile } from "./lab_server.ts";

const pageFolder = join(import.meta.dirname, "page");
const types: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
};

/** @returns files by path; the page itself also as `/` */
export async function buildPage(): Promise<ReadonlyMap<string, PageFile>> {
  const built = (await build({
    root: pageFolder,
    configFile: false,
    logLevel: "silent",
    oxc: { jsx: { runtime: "automatic" } },
    build: { write: false, modulePreload: false, assetsInlineLimit: 0 },
  })) as Rollup.RollupOutput;
  const files = new Map<string, PageFile>();
  for (const file of built.output) {
    const body = Buffer.from(file.type === "chunk" ? file.code : file.source);
    const type = types[file.fileName.slice(file.fileName.lastIndexOf(".") + 1)] ?? "application/octet-stream";
    files.set(`/${file.fileName}`, { type, body });
  }
  const page = files.get("/index.html");
  if (page === undefined) throw new Error("the page was built without its index.html");
  return files.set("/", page);
}
