import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { waitFor } from "../../testing/cluster.ts";
import { parseCredits } from "../contracts/credits.ts";

// a whole system starts; a phone that stays silent (4 in 1,000) makes the demo wait for its deadline
vi.setConfig({ testTimeout: 150_000, hookTimeout: 150_000 });

const root = fileURLToPath(new URL("../../", import.meta.url));
const fiveContacts = join(root, "examples", "5_contacts.csv");

interface Running {
  child: ChildProcess;
  output: { out: string; err: string };
  exitCode: Promise<number | null>;
}

function start(...args: string[]): Running {
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("BULKSMS_")));
  const child = spawn(process.execPath, [join(root, "bin", "bulksms.js"), ...args], { env: inherited, stdio: ["ignore", "pipe", "pipe"] });
  const output = { out: "", err: "" };
  child.stdout.on("data", (text) => {
    output.out += text;
  });
  child.stderr.on("data", (text) => {
    output.err += text;
  });
  return { child, output, exitCode: new Promise((resolve) => child.on("close", resolve)) };
}

async function run(...args: string[]): Promise<{ out: string; err: string; exitCode: number | null }> {
  const { output, exitCode } = start(...args);
  return { exitCode: await exitCode, ...output };
}

describe("the commands on a system that the demo started", () => {
  const folder = mkdtempSync(join(tmpdir(), "bulksms-demo-"));
  let demo: Running;

  beforeAll(async () => {
    demo = start("demo", "--data", folder, "--contacts", fiveContacts, "--speed", "max", "--json");
    await waitFor("the demo to serve", () => demo.output.err.includes("serving until Ctrl-C") || demo.child.exitCode !== null, 140_000);
  });
  afterAll(async () => {
    demo.child.kill("SIGKILL");
    await demo.exitCode;
    rmSync(folder, { recursive: true, force: true });
  });

  it("demo ends with one JSON object that accounts for every row and every credit", () => {
    const lines = demo.output.out.trimEnd().split("\n");
    const outcome = JSON.parse(lines.at(-1) as string);
    const { contacts, rejected, delivered, undelivered, failed, expired, parts_sent, credit_before, credit_after, laws_broken } = outcome;
    expect(Object.keys(outcome)).toEqual([
      ...["contacts", "rejected", "delivered", "undelivered", "failed", "expired"],
      ...["parts_sent", "credit_before", "credit_after", "duration_ms", "laws_broken"],
    ]);
    expect({ contacts, rejected, laws_broken, credit_before }).toEqual({
      contacts: 5,
      rejected: 0,
      laws_broken: 0,
      credit_before: "1000.0",
    });
    expect(delivered + undelivered + failed + expired).toBe(5);
    expect((parseCredits(credit_before) as bigint) - (parseCredits(credit_after) as bigint)).toBe(100n * BigInt(parts_sent));
    expect(demo.output.err).toContain("all 11 laws hold");
    expect(demo.output.err).toMatch(/http:\/\/127\.0\.0\.1:\d+\/docs/);
  });

  it("send follows its campaign to the end, and its exit code says that all ended", async () => {
    const { out, err, exitCode } = await run(
      "send",
      fiveContacts,
      "--text",
      "Hi {first_name}!",
      "--deadline",
      "20s",
      "--data",
      folder,
      "--json",
    );
    expect(exitCode).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ status: "finished", contacts: 5, rejected: 0, parts: 5, name: "5_contacts" });
    expect(err).toContain("5 rows → 5 contacts · 0 rejected");
  });

  it("send --dry-run says the cost and the rejects, and sends nothing", async () => {
    const file = join(folder, "some.csv");
    writeFileSync(file, "name,phone\nAino,040 1234567\nEino,0401234567\nOtto,\n");
    const { out, exitCode } = await run("send", file, "--text", "Hi {name}!", "--dry-run", "--data", folder);
    expect(exitCode).toBe(0);
    expect(out).toContain("3 rows → 1 contacts · 2 rejected (duplicate 1, missing 1)");
    expect(out).toContain("not sent");
  });

  it("send refuses with three lines: what happened, why, what to do", async () => {
    const absent = await run("send", join(folder, "absent.csv"), "--text", "Hi", "--data", folder);
    expect({ lines: absent.err.trim().split("\n").length, exitCode: absent.exitCode }).toEqual({ lines: 3, exitCode: 2 });
    const column = await run("send", fiveContacts, "--text", "Hi {nickname}!", "--data", folder);
    expect(column.err).toContain("text_column_missing");
    expect(column.exitCode).toBe(1);
    const deadline = await run("send", fiveContacts, "--text", "Hi", "--deadline", "soon", "--data", folder);
    expect(deadline.err).toContain("--deadline soon is no time");
    expect(deadline.exitCode).toBe(2);
  });

  it("send that is interrupted leaves the campaign running, and says how to look", async () => {
    // a text that is slow to end: nobody answers within the second that this takes
    const sending = start("send", join(root, "examples", "oulu_students_5000.csv"), "--text", "Hi {first_name}!", "--data", folder);
    await waitFor("the campaign to run", () => sending.output.out.includes("campaign "), 60_000);
    sending.child.kill("SIGINT");
    const exitCode = await sending.exitCode;
    // it may have ended before the signal came
    expect([0, 130]).toContain(exitCode);
    if (exitCode === 130) expect(sending.output.out).toMatch(/detached: .*\n.*npx bulksms status [0-9a-f-]{36}/);
  });

  it("status lists the campaigns, shows one with its states, and knows no other", async () => {
    const list = JSON.parse((await run("status", "--data", folder, "--json")).out) as { bulksms: { id: string; name: string }[] };
    const five = list.bulksms.find((campaign) => campaign.name === "5_contacts");
    const table = await run("status", "--data", folder);
    expect(table.out).toContain(five?.id);
    const one = await run("status", five?.id as string, "--data", folder);
    expect(one.out).toContain("delivered");
    expect(one.exitCode).toBe(0);
    expect((await run("status", "0199b2c4-5d1e-7c3a-9f00-1a2b3c4d5e6f", "--data", folder)).exitCode).toBe(1);
  });

  it("check of a campaign or workspace that does not exist is never held", async () => {
    for (const option of ["--bulksms", "--workspace"]) {
      const { out, err, exitCode } = await run("check", option, "0199b2c4-5d1e-7c3a-9f00-1a2b3c4d5e6f", "--data", folder);
      expect({ out, exitCode }).toEqual({ out: "", exitCode: 2 });
      expect(err).toContain("There is no such");
    }
  });

  it("check prints a line a law, and exits 0", async () => {
    const { out, exitCode } = await run("check", "--data", folder);
    expect(exitCode).toBe(0);
    for (const law of ["L1", "L2", "L3", "L4", "L5", "L6", "L7", "L8", "L9", "L10", "L11"])
      expect(out).toMatch(new RegExp(`^ {2}${law} +held +[\\d,]+ +rows`, "m"));
    expect(out).toMatch(/all 11 laws hold \([\d,]+ rows compared/);
    const report = JSON.parse((await run("check", "--data", folder, "--json")).out);
    expect(report).toMatchObject({ laws_broken: 0, has_journal: true });
    expect(report.laws).toHaveLength(11);
  });

  it("check --watch prints a line a pass until Ctrl-C, and exits 0 when no law was broken", async () => {
    const watching = start("check", "--watch", "--interval", "0.05", "--data", folder);
    await waitFor("two passes", () => (watching.output.out.match(/11 laws hold/g)?.length ?? 0) >= 2);
    watching.child.kill("SIGINT");
    expect(await watching.exitCode).toBe(0);
    expect(watching.output.out).toMatch(/no law was broken in \d+ passes/);
  });

  it("Ctrl-C ends the demo with exit code 0; what asks then says that nobody answers, and exits 3", async () => {
    demo.child.kill("SIGINT");
    expect(await demo.exitCode).toBe(0);
    expect((await run("check", "--data", folder)).exitCode).toBe(3);
    const { err, exitCode } = await run("status", "--data", folder);
    expect({ lines: err.trim().split("\n").length, exitCode }).toEqual({ lines: 3, exitCode: 3 });
  });
});

describe("the commands without a system", () => {
  it("say what is missing and exit 2", async () => {
    for (const command of [["check"], ["status"], ["send", fiveContacts, "--text", "Hi"]]) {
      const { err, exitCode } = await run(...command, "--data", join(tmpdir(), "bulksms-nothing-here"));
      expect({ lines: err.trim().split("\n").length, exitCode }).toEqual({ lines: 3, exitCode: 2 });
    }
  });

  it("refuse options that mean nothing", async () => {
    expect((await run("demo", "--speed", "0")).exitCode).toBe(2);
    expect((await run("demo", "--seed", "-1")).exitCode).toBe(2);
    for (const limit of ["1e1", " 5", "+5", "0x10"])
      expect((await run("status", "--limit", limit)).err).toContain(`--limit ${limit} is not possible`);
    expect((await run("check", "--watch", "--interval", "1e1")).err).toContain("--interval 1e1 is not possible");
    expect((await run("demo", "--contacts", "/absent.csv")).exitCode).toBe(2);
    expect((await run("check", "--bulksms", "7")).exitCode).toBe(2);
    expect((await run("check", "--watch", "--interval", "0")).exitCode).toBe(2);
    expect((await run("check", "--interval", "5")).exitCode).toBe(2);
    expect((await run("check", "--watch", "--json")).exitCode).toBe(2);
    expect((await run("send", fiveContacts)).exitCode).toBe(2);
  });
});
