// Lines of /proc, with the names that break naive readers; and this process, which can measure
// itself.
import { spawn } from "node:child_process";
import { once } from "node:events";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canSample, parseChildren, parseMemory, parseTicks, readTree } from "./proc.ts";

const statOf = (name: string, user: number, system: number, endedUser: number, endedSystem: number): string =>
  `4242 (${name}) S 1 4242 4242 0 -1 4194560 2000 300 0 0 ${user} ${system} ${endedUser} ${endedSystem} 20 0 11 0 123456 1000000 5000 18446744073709551615\n`;

describe("/proc/PID/stat", () => {
  test("has user and system time, its own and that of ended children", () => {
    expect(parseTicks(statOf("node", 100, 20, 7, 3))).toEqual({ own: 120, ended: 10 });
  });

  test("a name with spaces, parentheses and numbers does not shift the fields", () => {
    for (const name of ["postgres: checkpointer", "a) S 1 2 3", "(", ")", "((x) y)", "tmux: server (1) 9 9"]) {
      expect(parseTicks(statOf(name, 1, 2, 3, 4)), name).toEqual({ own: 3, ended: 7 });
    }
    const names = fc.string({ minLength: 0, maxLength: 16 });
    fc.assert(
      fc.property(names, fc.nat(1e6), (name, user) => {
        expect(parseTicks(statOf(name, user, 5, 0, 0))).toEqual({ own: user + 5, ended: 0 });
      }),
    );
  });

  test("any other line gives nothing", () => {
    for (const line of ["", "4242 (node", "4242 (node) S 1 2", statOf("node", Number.NaN, 0, 0, 0), "4242 node S 1"])
      expect(parseTicks(line)).toBeNull();
  });
});

describe("/proc/PID/status", () => {
  const status = `Name:\tpostgres (x)
VmHWM:\t   20480 kB
VmRSS:\t   18000 kB
RssAnon:\t    8000 kB
RssFile:\t    6000 kB
RssShmem:\t    4000 kB
`;

  test("has resident memory of its own, that it may share, and the most there ever was", () => {
    expect(parseMemory(status)).toEqual({ privateKib: 8_000, sharedKib: 10_000, peakKib: 20_480 });
  });

  test("a kernel thread and a process that is gone have none", () => {
    expect(parseMemory("Name:\tkthreadd\n")).toEqual({ privateKib: 0, sharedKib: 0, peakKib: 0 });
    expect(parseMemory("")).toEqual({ privateKib: 0, sharedKib: 0, peakKib: 0 });
    // a name cannot pass for a field
    expect(parseMemory("Name:\tVmHWM: 5 kB\n").peakKib).toBe(0);
  });
});

test("children are listed with spaces between and behind", () => {
  expect(parseChildren("12 345 6 ")).toEqual([12, 345, 6]);
  expect(parseChildren("")).toEqual([]);
});

test.runIf(canSample)("a process counts with its children, also with those that have ended", async () => {
  const busy = "const end = Date.now() + 250; while (Date.now() < end);";
  const parent = `const { execFileSync } = require("node:child_process"); execFileSync(process.execPath, ["-e", ${JSON.stringify(busy)}]); console.log("done"); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["-e", parent], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    await once(child.stdout, "data");
    const usage = readTree(child.pid as number);
    // at least half of the grandchild's 250 ms, on a busy machine too, and two starts of Node
    expect(usage?.cpuMicros).toBeGreaterThan(10_000);
    expect(usage?.memoryMib).toBeGreaterThan(5);
    expect(usage?.peakMib).toBeGreaterThan(5);
  } finally {
    child.kill("SIGKILL");
  }
});

test("a process that is gone is nothing", () => {
  expect(readTree(2 ** 30)).toBeNull();
});
