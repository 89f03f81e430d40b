// Writes a report to a file. Called by the lab's commands with --report FILE.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { type Report, renderReport } from "./report.ts";
import { readVersions } from "./versions.ts";

/** @returns the file's absolute path. @throws the system's error when it cannot be written */
export async function writeReport(file: string, report: Report): Promise<string> {
  const path = resolve(file);
  const page = renderReport(report, await readVersions(), new Date());
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, page);
  return path;
}
