// Runs whatever should notice a mutant in the tree that has it: tests with vitest, real processes
// with the lab's own command. Used by verify:mutants.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Catcher } from "./patches.ts";

export interface Noticed {
  /** It ran, and found something wrong. */
  hasFailed: boolean;
  /** What it found wrong, in one line; or why it did not run. */
  description: string;
}

/** Longer than any test file or crash point takes on a busy machine, with a mutant that hangs. */
const fileMaxMs = 300_000;
const pointMaxMs = 600_000;
const reasonLengthMax = 160;

export const nameOf = (catcher: Catcher) => (catcher.kind === "test" ? catcher.title : `crash point ${catcher.crash}`);

/** By the name of each catcher. All tests share one run of vitest, all crash points one cluster. */
export async function runCatchers(folder: string, catchers: readonly Catcher[]): Promise<Map<string, Noticed>> {
  const tests = catchers.filter((catcher) => catcher.kind === "test");
  const crashes = catchers.filter((catcher) => catcher.kind === "processes");
  const noticed = new Map<string, Noticed>();
  if (tests.length > 0) for (const [name, result] of await runTests(folder, tests)) noticed.set(name, result);
  if (crashes.length > 0) for (const [name, result] of await runCrashes(folder, crashes)) noticed.set(name, result);
  return noticed;
}

interface VitestReport {
  testResults: { assertionResults: { title: string; status: string; failureMessages: string[] }[] }[];
}

async function runTests(folder: string, tests: readonly (Catcher & { kind: "test" })[]): Promise<Map<string, Noticed>> {
  const reportFolder = mkdtempSync(join(tmpdir(), "bulksms-mutant-report-"));
  const reportFile = join(reportFolder, "report.json");
  try {
    const files = [...new Set(tests.map(({ file }) => file))];
    const titles = [...new Set(tests.map(({ title }) => title.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&")))];
    const vitest = [join("node_modules", "vitest", "vitest.mjs"), "run", ...files, "-t", titles.join("|")];
    const ended = await run(folder, [...vitest, "--reporter=json", `--outputFile=${reportFile}`], fileMaxMs * files.length);
    const report = parse<VitestReport>(() => readFileSync(reportFile, "utf8"));
    const results = report?.testResults.flatMap(({ assertionResults }) => assertionResults) ?? [];
    return new Map(
      tests.map((catcher) => {
        const result = results.find(({ title, status }) => title === catcher.title && (status === "passed" || status === "failed"));
        if (result === undefined) return [nameOf(catcher), { hasFailed: false, description: `did not run: ${firstLine(ended.output)}` }];
        return [nameOf(catcher), { hasFailed: result.status === "failed", description: firstLine(result.failureMessages[0] ?? "") }];
      }),
    );
  } finally {
    rmSync(reportFolder, { recursive: true, force: true });
  }
}

interface CrashReport {
  rows: { point: string; verdict: string; reasons: string[] }[];
}

async function runCrashes(folder: string, crashes: readonly (Catcher & { kind: "processes" })[]): Promise<Map<string, Noticed>> {
  const only = crashes.map(({ crash }) => crash).join(",");
  const command = ["--import", "tsx", join("lab", "main.ts"), "crash", "--quick", "--json", "--seed", "1", "--only", only];
  const ended = await run(folder, command, pointMaxMs * crashes.length);
  const report = parse<CrashReport>(() => ended.output.trimEnd().split("\n").at(-1) ?? "");
  return new Map(
    crashes.map((catcher) => {
      const rows = report?.rows.filter(({ point }) => point === catcher.crash) ?? [];
      // without a report the system did not even start or stop correctly
      if (rows.length === 0) return [nameOf(catcher), { hasFailed: ended.status !== 0, description: firstLine(ended.output) }];
      const broken = rows.filter(({ verdict }) => verdict === "BROKE");
      return [
        nameOf(catcher),
        { hasFailed: broken.length > 0, description: firstLine(broken.flatMap(({ reasons }) => reasons).join("; ")) },
      ];
    }),
  );
}

/**
 * Ends the whole group of processes when it takes too long. Settings of our own shell stay outside.
 */
async function run(folder: string, command: string[], maxMs: number): Promise<{ status: number | null; output: string }> {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("BULKSMS_")));
  const child = spawn(process.execPath, command, { cwd: folder, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  const timer = setTimeout(() => {
    if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  }, maxMs);
  const status = await new Promise<number | null>((resolve, reject) => child.on("error", reject).on("close", resolve));
  clearTimeout(timer);
  return { status, output };
}

function parse<Value>(read: () => string): Value | null {
  try {
    return JSON.parse(read()) as Value;
  } catch {
    return null;
  }
}

const firstLine = (text: string) =>
  text
    .split("\n")
    .map((line) => line.trim())
    .find((line) => line !== "")
    ?.slice(0, reasonLengthMax) ?? "";
