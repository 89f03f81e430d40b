// docs/operations.md says what the code does: settings, ports, exit codes, forced outcomes; and no
// document names a time limit that no constant has.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { cacheMs } from "../src/accounts/authenticator.ts";
import { linkS, sessionS } from "../src/accounts/console_sessions.ts";
import { ringBackoff } from "../src/campaign/row_backoffs.ts";
import { answersWithinS, deadlineS, foretell, horizonS } from "../src/cli/demo.ts";
import { exitCodes } from "../src/cli/report_error.ts";
import { processes, processNames } from "../src/contracts/processes.ts";
import { webhookToleranceS } from "../src/contracts/receipts.ts";
import { type Setting, settings } from "../src/contracts/settings.ts";
import { childDrainMaxMs } from "../src/local/supervised_process.ts";
import { relayIntervalMs } from "../src/nodes/salesapi/receipt_intake.ts";
import { repairIntervalMs, updateIntervalMs } from "../src/nodes/webapi/sockets.ts";
import { answerWithinMs } from "../src/platform/answer_in_time.ts";
import { bodyStallMsDefault, headersTimeoutMs } from "../src/platform/http.ts";
import { drainMaxMs } from "../src/platform/node.ts";
import { forcedOutcomes } from "../src/simulator/forced_outcomes.ts";
import { giveUpMarginMs } from "../src/simulator/receipt_body.ts";
import { attemptTimeoutMs } from "../src/webhooks/receiver_client.ts";
import { attemptBackoff } from "../src/webhooks/retry_waits.ts";
import { codesOf, proseLines, readTable } from "./markdown.ts";

const root = join(import.meta.dirname, "..");
const textOf = (file: string): string => readFileSync(join(root, file), "utf8");
const document = textOf("docs/operations.md");
const table = (name: string): string[][] => readTable(document, name);
const codeOf = (cell: string | undefined): string => codesOf(cell)[0] ?? "";
const settingOf = (name: string): Setting => {
  const found = (settings as Record<string, Setting>)[name];
  if (found === undefined) throw new Error(`there is no setting ${name}`);
  return found;
};

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, min: 60_000, h: 3_600_000 };

/** `0.5 s`, `10 min` -> milliseconds. */
function durationMs(text: string): number {
  const [, amount = "", unit = ""] = /^([\d.]+) (ms|s|min|h)$/.exec(text) ?? [];
  const ms = unitMs[unit];
  if (ms === undefined) throw new Error(`${text} is not a duration`);
  return Number(amount) * ms;
}

/** By the name of the constant, in milliseconds. */
const limits: Readonly<Record<string, number>> = {
  ...{ cacheMs, relayIntervalMs, repairIntervalMs, updateIntervalMs, answerWithinMs, bodyStallMsDefault, headersTimeoutMs },
  ...{ drainMaxMs, childDrainMaxMs, attemptTimeoutMs, giveUpMarginMs },
  sessionS: sessionS * 1_000,
  linkS: linkS * 1_000,
  ringBackoff: ringBackoff.maxMs,
  attemptBackoff: attemptBackoff.maxMs,
  webhookToleranceS: webhookToleranceS * 1_000,
};

/** A setting's default, by its unit. */
function defaultMs(name: string): number {
  const setting = settingOf(name);
  const ms = setting.kind === "integer" ? unitMs[setting.unit] : undefined;
  if (setting.kind !== "integer" || setting.default === undefined || ms === undefined)
    throw new Error(`${name} is not a time with a default`);
  return setting.default * ms;
}

describe("docs/operations.md has", () => {
  test("time limits as their constants are", () => {
    for (const [limit, value = "", constant] of table("time limits")) {
      const name = codeOf(constant);
      const ms = name.startsWith("BULKSMS_") ? defaultMs(name) : limits[name];
      expect(ms, `${name} of: ${limit}`).toBeDefined();
      expect(durationMs(value), `${limit} (${name})`).toBe(ms);
    }
    const named = table("time limits").map(([, , constant]) => codeOf(constant));
    expect(named).toEqual(expect.arrayContaining(Object.keys(limits)));
  });

  test("defaults of settings as they are", () => {
    const rows = table("settings").map(([setting, value]) => [codeOf(setting), codeOf(value)]);
    expect(rows).toEqual(rows.map(([name = ""]) => [name, String(settingOf(name).default)]));
  });

  test("each process with its ports and database", () => {
    expect(table("ports")).toEqual(
      processNames.map((name) => {
        const { listener, management, database, scalesOut } = processes[name];
        return [name, String(listener?.defaultPort ?? ""), String(management?.defaultPort ?? ""), database ?? "", scalesOut ? "yes" : "no"];
      }),
    );
  });

  test("each exit code", () => {
    expect(table("exit codes").map(([code, name]) => [codeOf(name), Number(code)])).toEqual(Object.entries(exitCodes));
  });

  test("each ending of a number that forces an outcome", () => {
    const quirks = {
      doubled: "receipts come twice",
      reordered: "receipts come out of order",
      early: "the first receipt comes before the answer to the submit",
      unreachable: "out of reach at first",
    } as const;
    const wayOf = (end: string, quirk: keyof typeof quirks | undefined): string => {
      if (quirk !== undefined) return quirks[quirk];
      if (end === "never") return "the last receipt never comes";
      return end === "rejected" ? "in the answer to the submit" : "";
    };
    expect(table("forced outcomes").map(([digits, end, code, way]) => [digits, end, codeOf(code), way])).toEqual(
      forcedOutcomes.map(({ digits, end, code, quirk }) => [digits, end, code ?? "", wayOf(end, quirk)]),
    );
  });
});

test("README foretells the demo's time as the demo does", () => {
  expect(textOf("README.md")).toContain(foretell("1"));
});

describe("a time in prose is one that a constant has", () => {
  const known = new Set<number>([
    ...Object.values(limits),
    ...Object.entries(settings as Record<string, Setting>).flatMap(([name, setting]) =>
      setting.kind === "integer" && unitMs[setting.unit] !== undefined && setting.default !== undefined ? [defaultMs(name)] : [],
    ),
    ...[answersWithinS, deadlineS, horizonS].map((seconds) => seconds * 1_000),
  ]);
  // figures that were measured, not limits, stand in docs/performance.md and docs/decisions
  const files = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "docs/protocol.md",
    "docs/operations.md",
    "docs/study.md",
    "docs/glossary.md",
  ];
  /** Durations that no limit of ours decides. */
  const measured: Readonly<Record<string, string>> = { "50 ms": "what a test's database takes" };

  test.each(files)("%s", (file) => {
    const strange = proseLines(textOf(file)).flatMap(({ line, text }) =>
      [...text.matchAll(/\b\d[\d.]* (?:ms|s|min|h)\b/g)]
        .map(([found]) => found)
        .filter((found) => measured[found] === undefined && !known.has(durationMs(found)))
        .map((found) => `line ${line}: ${found}`),
    );
    expect(strange).toEqual([]);
  });
});
