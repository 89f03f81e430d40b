// Crash points: invalid ones are rejected, each is reached at one place, and they kill a real
// process.
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { failpointNames } from "../contracts/failpoints.ts";
import { ConfigError } from "./config.ts";
import { armFailpoint, failpointHits, reachFailpoint } from "./failpoint.ts";

const source = join(import.meta.dirname, "..");

afterEach(() => armFailpoint({}));

test("each crash point of the table is reached at exactly one place of the source, and no other is", () => {
  const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((file) => /(?<!\.test)\.ts$/.test(file));
  const reached = files.flatMap((file) =>
    [...readFileSync(join(source, file), "utf8").matchAll(/reachFailpoint\("(\w+)"\)/g)].map((match) => match[1]),
  );
  expect(reached.sort()).toEqual([...failpointNames].sort());
});

test("an unknown crash point is refused with the nearest one, and a malformed one with its form", () => {
  expect(() => armFailpoint({ BULKSMS_CRASH_AT: "intent_comitted:1" })).toThrow(
    "BULKSMS_CRASH_AT: there is no crash point intent_comitted, did you mean intent_committed?",
  );
  for (const text of ["intent_committed:0", "intent_committed:x", "intent_committed:1:stop", ":1", "Intent"]) {
    expect(() => armFailpoint({ BULKSMS_CRASH_AT: text }), text).toThrow("is not name:n or name:n:freeze");
  }
});

test("no process that listens beyond loopback can be told to kill itself", () => {
  expect(() => armFailpoint({ BULKSMS_CRASH_AT: "run_committed:1", BULKSMS_HOST: "0.0.0.0" })).toThrow(ConfigError);
  expect(failpointHits()).toBeNull();
});

test("hits are counted while armed, and never otherwise", () => {
  reachFailpoint("run_committed");
  expect(failpointHits()).toBeNull();
  armFailpoint({ BULKSMS_CRASH_AT: "hold_answered:9" });
  reachFailpoint("run_committed");
  reachFailpoint("run_committed");
  expect(failpointHits()).toEqual(new Map([["run_committed", 2]]));
});

test("the process dies of SIGKILL at the hit that was asked for, says so before, and runs no line more", async () => {
  const program = `import { armFailpoint, reachFailpoint } from "${join(source, "platform", "failpoint.ts")}";
    armFailpoint(process.env);
    for (let round = 1; round <= 5; round++) { console.log(round); reachFailpoint("outbox_claimed"); }`;
  const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "--eval", program], {
    env: { ...process.env, BULKSMS_CRASH_AT: "outbox_claimed:3" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  let errors = "";
  child.stdout.on("data", (data) => (output += data));
  child.stderr.on("data", (data) => (errors += data));
  const signal = await new Promise((resolve) => child.once("close", (_code, by) => resolve(by)));
  expect(signal).toBe("SIGKILL");
  expect(output).toBe("1\n2\n3\n");
  expect(JSON.parse(errors)).toEqual({ event: "failpoint.kill", name: "outbox_claimed", hit: 3, pid: child.pid });
});
