// The commands of people on a system that the demo started. (Those that need none:
// refused_commands.system.test.ts.)
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { askHttp } from "../../testing/api_client.ts";
import { type RunningCommand, runCommand, runUnread, startCommand } from "../../testing/bulksms_command.ts";
import { waitFor } from "../../testing/wait_for.ts";
import { parseCredits } from "../contracts/credits.ts";
import type { BulksmsAnswer } from "../contracts/http.ts";
import { messageSets } from "../contracts/states.ts";
import { readDataFolderNote, readDataFolderSettings } from "../local/data_folder.ts";

// a whole system starts; a phone that stays silent (4 in 1,000) makes the demo wait for its
// deadline
vi.setConfig({ testTimeout: 150_000, hookTimeout: 150_000 });

const root = fileURLToPath(new URL("../../", import.meta.url));
const fiveContacts = join(root, "examples", "5_contacts.csv");

const start = (...args: string[]) => startCommand(args);
const run = (...args: string[]) => runCommand(args);

describe("the commands on a system that the demo started", () => {
  const folder = mkdtempSync(join(tmpdir(), "bulksms-demo-"));
  let demo: RunningCommand;

  /** As the API lists them: asking by the command takes a second of CPU each time. */
  const campaigns = async () => {
    const { BULKSMS_SALESAPI_URL: salesapi } = readDataFolderSettings(folder);
    const key = readDataFolderNote(folder, "api_key") as string;
    return (await askHttp<{ bulksms: BulksmsAnswer[] }>("GET", `${salesapi}/bulksms`, { key })).body.bulksms;
  };

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
    const figures = ["contacts", "rejected", "parts_sent", "credit_before", "credit_after", "duration_ms", "laws_broken"];
    expect(Object.keys(outcome).toSorted()).toEqual([...figures, ...messageSets.final].toSorted());
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
      "--yes",
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
    expect(out).toContain("3 rows → 1 contact · 2 rejected (duplicate 1, missing 1)");
    for (const words of ["1 duplicate (line 3 0401234567)", "FI 1", "cost at most 0.1 credits", "nothing was created"])
      expect(out).toContain(words);
    expect((await campaigns()).map(({ name }) => name)).not.toContain("some");
  });

  it("send without a terminal, --yes or --max-cost exits 2 and creates nothing; so does a file of two phone columns", async () => {
    const file = join(folder, "two.csv");
    writeFileSync(file, "name,phone,phone\nAino,0401234567,0401234568\nEino,0401234569,0401234570\n");
    const [unasked, ambiguous, tooExpensive] = await Promise.all([
      run("send", fiveContacts, "--text", "Hi", "--name", "unasked", "--data", folder),
      run("send", file, "--text", "Hi", "--yes", "--name", "unasked", "--data", folder),
      run("send", fiveContacts, "--text", "Hi", "--max-cost", "0.4", "--name", "unasked", "--data", folder),
    ]);
    expect([unasked, ambiguous, tooExpensive].map(({ exitCode }) => exitCode)).toEqual([2, 2, 1]);
    for (const { err } of [unasked, ambiguous, tooExpensive]) expect(err.trim().split("\n")).toHaveLength(3);
    expect(ambiguous.err).toMatch(/--phone-column 2 .*--phone-column 3 /);
    expect(tooExpensive.err).toContain("5 people for at most 0.5 credits");
    expect((await campaigns()).map(({ name }) => name)).not.toContain("unasked");
    const chosen = await run(
      "send",
      file,
      "--text",
      "Hi",
      "--phone-column",
      "3",
      "--max-cost",
      "0.2",
      "--deadline",
      "20s",
      "--data",
      folder,
      "--json",
    );
    expect({ exitCode: chosen.exitCode, outcome: JSON.parse(chosen.out) }).toMatchObject({
      exitCode: 0,
      outcome: { contacts: 2, name: "two" },
    });
  });

  it("send that nobody can be texted of names the reasons and their first lines", async () => {
    const file = join(folder, "nobody.csv");
    writeFileSync(file, "name,phone\nAino,123\nEino,\n");
    const { err, exitCode } = await run("send", file, "--text", "Hi", "--yes", "--data", folder);
    expect(exitCode).toBe(1);
    expect(err).toContain("line 2: too short; line 3: missing");
  });

  it("send refuses with three lines: what happened, why, what to do", async () => {
    const [absent, column, deadline] = await Promise.all([
      run("send", join(folder, "absent.csv"), "--text", "Hi", "--data", folder),
      run("send", fiveContacts, "--text", "Hi {nickname}!", "--yes", "--data", folder),
      run("send", fiveContacts, "--text", "Hi", "--deadline", "soon", "--data", folder),
    ]);
    expect({ lines: absent.err.trim().split("\n").length, exitCode: absent.exitCode }).toEqual({ lines: 3, exitCode: 2 });
    expect(column.err).toContain("text_column_missing");
    expect(column.exitCode).toBe(1);
    expect(deadline.err).toContain("--deadline soon is not a time");
    expect(deadline.exitCode).toBe(2);
  });

  it("send that is interrupted leaves the campaign running, and says how to look", async () => {
    // a text that is slow to end: nobody answers within the second that this takes
    const sending = start(
      "send",
      join(root, "examples", "oulu_students_5000.csv"),
      "--text",
      "Hi {first_name}!",
      "--yes",
      "--data",
      folder,
    );
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
    const [table, one, absent] = await Promise.all([
      run("status", "--data", folder),
      run("status", five?.id as string, "--data", folder),
      run("status", "0199b2c4-5d1e-7c3a-9f00-1a2b3c4d5e6f", "--data", folder),
    ]);
    expect(table.out).toContain(five?.id);
    expect(one.out).toContain("delivered");
    expect([one.exitCode, absent.exitCode]).toEqual([0, 1]);
  });

  it("console prints a link, and of a workspace that there is not says which there is", async () => {
    const [link, unknown, noId, { out: help }] = await Promise.all([
      run("console", "--data", folder),
      run("console", "--workspace", "0199b2c4-5d1e-7c3a-9f00-1a2b3c4d5e6f", "--data", folder),
      run("console", "--workspace", "UNKNOWN", "--data", folder),
      run("console", "--help"),
    ]);
    expect({ out: link.out, exitCode: link.exitCode }).toEqual({ out: expect.stringMatching(/^http:\S+#\S+\n$/), exitCode: 0 });
    expect([unknown.exitCode, noId.exitCode]).toEqual([1, 2]);
    for (const { err } of [unknown, noId]) {
      expect(err.trim().split("\n")).toHaveLength(3);
      expect(err).toContain("leave --workspace out for the workspace that `up` made");
      expect(err).toContain(readDataFolderNote(folder, "workspace_id"));
      expect(err).not.toContain("campaigns");
    }
    for (const code of [link, unknown, noId].map(({ exitCode }) => exitCode)) expect(help).toMatch(new RegExp(`Exit codes:.*\\b${code} `));
  });

  it("check of a campaign or workspace that does not exist is never held", async () => {
    const unknown = "0199b2c4-5d1e-7c3a-9f00-1a2b3c4d5e6f";
    const checks = ["--bulksms", "--workspace"].map((option) => run("check", option, unknown, "--data", folder));
    for (const { out, err, exitCode } of await Promise.all(checks)) {
      expect({ out, exitCode }).toEqual({ out: "", exitCode: 2 });
      expect(err).toContain("There is no such");
    }
  });

  it("check prints one line per law, and exits 0", async () => {
    const { out, exitCode } = await run("check", "--data", folder);
    expect(exitCode).toBe(0);
    for (const law of ["L1", "L2", "L3", "L4", "L5", "L6", "L7", "L8", "L9", "L10", "L11"])
      expect(out).toMatch(new RegExp(`^ {2}${law} +held +[\\d,]+ +rows`, "m"));
    expect(out).toMatch(/all 11 laws hold \([\d,]+ rows compared/);
    const report = JSON.parse((await run("check", "--data", folder, "--json")).out);
    expect(report).toMatchObject({ laws_broken: 0, has_journal: true });
    expect(report.laws).toHaveLength(11);
  });

  it("check --watch prints one line per pass until Ctrl-C, and exits 0 when no law was broken", async () => {
    const watching = start("check", "--watch", "--interval", "0.05", "--data", folder);
    await waitFor("two passes", () => (watching.output.out.match(/11 laws hold/g)?.length ?? 0) >= 2);
    watching.child.kill("SIGINT");
    expect(await watching.exitCode).toBe(0);
    expect(watching.output.out).toMatch(/no law was broken in \d+ passes/);
  });

  it("a command that reads ends quietly with 0 when nobody reads what it writes (`| head`)", async () => {
    const id = (await campaigns()).find(({ name }) => name === "5_contacts")?.id as string;
    const reading = [
      ["status"],
      ["status", id, "--json"],
      ["report", id],
      ["check"],
      ["check", "--watch", "--interval", "0.05"],
      ["console"],
      ["send", fiveContacts, "--text", "Hi", "--dry-run"],
    ];
    await Promise.all(
      reading.map(async (args) => {
        expect(await runUnread([...args, "--data", folder]), args.join(" ")).toEqual({ out: "", err: "", exitCode: 0 });
      }),
    );
  });

  it("send detaches when nobody reads what it writes, and the campaign goes on", async () => {
    const sent = await runUnread([
      "send",
      fiveContacts,
      "--text",
      "Hi",
      "--yes",
      "--name",
      "unread",
      "--deadline",
      "20s",
      "--data",
      folder,
    ]);
    expect(sent).toEqual({ out: "", err: "", exitCode: 130 });
    const isFinished = async () => (await campaigns()).some(({ name, status }) => name === "unread" && status === "finished");
    await waitFor("the campaign to finish", isFinished);
  });

  it("Ctrl-C ends the demo with exit code 0; what asks then says that nobody answers, and exits 3", async () => {
    demo.child.kill("SIGINT");
    expect(await demo.exitCode).toBe(0);
    expect((await run("check", "--data", folder)).exitCode).toBe(3);
    const { err, exitCode } = await run("status", "--data", folder);
    expect({ lines: err.trim().split("\n").length, exitCode }).toEqual({ lines: 3, exitCode: 3 });
  });
});
