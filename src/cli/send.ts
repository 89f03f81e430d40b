// `bulksms send FILE --text ...`: a campaign from a CSV file, created, run and followed to its end
// on the system that is up.

import { basename } from "node:path";
import type { Command } from "commander";
import { parseCredits } from "../contracts/credits.ts";
import type { BulksmsAnswer, CreateAnswer } from "../contracts/http.ts";
import { settings } from "../contracts/settings.ts";
import { countFinal, readCredit, readCreditPatiently, watchCampaign } from "./campaign_watch.ts";
import { type Connection, connect } from "./connection.ts";
import { endWell, Failure } from "./failure.ts";
import { createProgress } from "./progress.ts";
import { exitCodes } from "./report_error.ts";
import { renderReasons } from "./status.ts";
import { createTerminal, formatCount, formatCreditText, formatDuration, type Terminal } from "./terminal.ts";

/** What a shell expects of a command that Ctrl-C ended. */
const interruptedExitCode = 130;

interface SendOptions {
  text: string;
  name?: string;
  sender?: string;
  country?: string;
  phoneColumn?: string;
  deadline?: string;
  data?: string;
  dryRun?: boolean;
  json?: boolean;
}

export function registerSend(program: Command): void {
  program
    .command("send")
    .argument("<file>", "CSV file with a column of phone numbers")
    .description("text the people of a CSV file: create, run, and follow it to the end")
    .requiredOption("--text <text>", "the words; {column} is filled from the file")
    .option("--name <name>", "name of the campaign (default: the file's)")
    .option("--sender <sender>", "who it comes from, as the phone shows it")
    .option("--country <code>", `country of numbers without +, ISO 3166 (default ${settings.BULKSMS_DEFAULT_COUNTRY.default})`)
    .option("--phone-column <name>", "the column whose numbers are texted (default: judged by the cells and names of all)")
    .option("--deadline <time>", "how long to wait for the last receipt of each message: 45s, 30m, 72h, 3d")
    .option("--dry-run", "only upload: says who would be texted, who not and why, and the cost; sends nothing")
    .option("--data <dir>", `data folder of the system to use (setting BULKSMS_DATA; default ${settings.BULKSMS_DATA.default})`)
    .option("--json", "the last line of standard output is the campaign as one JSON object; the rest goes to standard error")
    .addHelpText("after", sendHelp)
    .action((file: string, options: SendOptions) => endWell(() => send(file, options)));
}

async function send(file: string, options: SendOptions): Promise<number> {
  const fields = fieldsOf(file, options);
  const connection = connect(options.data, process.env);
  const terminal = createTerminal(options.json === true ? process.stderr : process.stdout, process.env);
  try {
    terminal.line();
    const created = await connection.create(file, fields);
    showCreated(terminal, file, created);
    if (options.dryRun === true) {
      terminal.line(`not sent. It waits as campaign ${terminal.accent(created.id)}: POST /run of salesapi sends it, POST /cancel drops it`);
      terminal.line();
      return finish(options, created, exitCodes.ok);
    }
    return await runAndFollow(connection, terminal, created, options);
  } finally {
    await connection.close();
  }
}

async function runAndFollow(connection: Connection, terminal: Terminal, created: CreateAnswer, options: SendOptions): Promise<number> {
  const startedMs = performance.now();
  const workspaceId = await findWorkspace(connection);
  const creditBefore = await readCredit(connection, workspaceId);
  // before the run: from here on Ctrl-C detaches, and never ends the command in silence
  const interrupted = new AbortController();
  process.once("SIGINT", () => interrupted.abort());
  await connection.callSalesapi("the campaign was not run", "POST", "/run", { bulksms_id: created.id });
  terminal.line(`campaign ${terminal.accent(created.id)}`);
  terminal.line();
  const progress = createProgress(terminal, { nowMs: () => performance.now(), endsAtMs: null });
  const ended = await watchCampaign(connection, created, { workspaceId, onChange: progress.show, signal: interrupted.signal }).finally(() =>
    progress.end(),
  );
  terminal.line();
  if (ended === null) {
    terminal.line("detached: the campaign goes on without this command");
    terminal.line(`look at it with: npx bulksms status ${created.id}`);
    terminal.line();
    return interruptedExitCode;
  }
  showEnded(terminal, ended, performance.now() - startedMs);
  const creditAfter = await readCreditPatiently(connection, workspaceId);
  showCharge(terminal, { ...ended, before: creditBefore, after: creditAfter, partsSent: ended.parts_sent });
  if (ended.status !== "finished") terminal.line(`it ended as ${ended.status}${ended.last_error === null ? "" : `: ${ended.last_error}`}`);
  terminal.line();
  return finish(
    options,
    ended,
    ended.status === "finished" && countFinal(ended.counts) === ended.contacts ? exitCodes.ok : exitCodes.failed,
  );
}

/** `file   5,000 rows → 4,810 contacts · 190 rejected (duplicate 97, ...)` */
export function showCreated(terminal: Terminal, file: string, created: CreateAnswer): void {
  const rows = created.contacts + created.rejected;
  const counts = `${formatCount(rows)} rows → ${formatCount(created.contacts)} contacts · ${formatCount(created.rejected)} rejected`;
  const name = basename(file);
  // where a person watches, the rare reasons give way to the width of the line
  const room = terminal.isLive ? terminal.columns() - name.length - counts.length - 8 : Number.POSITIVE_INFINITY;
  terminal.line(`${terminal.bold(name)}   ${counts}${renderReasons(created.rejects, room)}`);
  if (created.phone_column !== undefined) terminal.line(created.phone_column.description);
  terminal.line(`${formatCount(created.parts)} parts, cost ${formatCreditText(created.cost)} credits`);
}

/** `delivered 4,571 · undelivered 168 · failed 49 · expired 24        41 s` */
export function showEnded(terminal: Terminal, ended: BulksmsAnswer, durationMs: number): void {
  const words = (["delivered", "undelivered", "failed", "expired", "canceled"] as const)
    .filter((word) => word === "delivered" || ended.counts[word] > 0)
    .map((word) => `${word} ${formatCount(ended.counts[word])}`);
  terminal.line(`${words.join(" · ")}        ${formatDuration(durationMs)}`);
}

/**
 * `credit 1,000.0 → 518.3 = 4,817 parts × 0.1`, where it is so; when others used the same credit
 * meanwhile, what this campaign took of it.
 */
export function showCharge(
  terminal: Terminal,
  charge: { before: string; after: string; partsSent: number; price: string; charged: string },
): void {
  const { before, after, partsSent, price } = charge;
  const movement = `credit ${formatCreditText(before)} → ${formatCreditText(after)}`;
  const product = `${formatCount(partsSent)} parts × ${price}`;
  if (isExactCharge(charge)) terminal.line(`${movement} = ${product}`);
  else terminal.line(`${movement} · this campaign was charged ${formatCreditText(charge.charged)} for ${product}`);
}

/** Whether the credit fell by exactly price × parts. */
export function isExactCharge({
  before,
  after,
  partsSent,
  price,
}: {
  before: string;
  after: string;
  partsSent: number;
  price: string;
}): boolean {
  const [beforeMilli, afterMilli, priceMilli] = [before, after, price].map((amount) => parseCredits(amount) ?? -1n) as [
    bigint,
    bigint,
    bigint,
  ];
  return beforeMilli - afterMilli === priceMilli * BigInt(partsSent);
}

function finish(options: SendOptions, campaign: BulksmsAnswer | CreateAnswer, exitCode: number): number {
  if (options.json === true) process.stdout.write(`${JSON.stringify(campaign)}\n`);
  return exitCode;
}

/** A key of a workspace sees itself among the keys, and so its workspace. */
async function findWorkspace(connection: Connection): Promise<string> {
  const { keys } = await connection.callWebapi<{ keys: { workspace_id: string | null }[] }>("the workspace is not known", "GET", "/keys");
  const workspaceId = keys[0]?.workspace_id;
  if (typeof workspaceId === "string") return workspaceId;
  throw new Failure(
    exitCodes.wrongUse,
    "this key belongs to no workspace",
    "a key of the whole installation cannot send",
    "make one for a workspace: POST /keys of webapi with scopes send and read",
  );
}

/** @throws Failure when the deadline is not a time */
function fieldsOf(file: string, options: SendOptions): Record<string, string> {
  const { text, name = basename(file).replace(/\.csv$/i, ""), sender, country, phoneColumn, deadline } = options;
  return {
    text,
    name,
    ...(sender === undefined ? {} : { sender }),
    ...(country === undefined ? {} : { country }),
    ...(phoneColumn === undefined ? {} : { phone_column: phoneColumn }),
    ...(deadline === undefined ? {} : { deadline_s: String(parseDurationS(deadline)) }),
  };
}

const secondsOf: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** "72h" -> 259,200. */
export function parseDurationS(text: string): number {
  const match = /^(\d{1,6})\s*([smhd])$/.exec(text.trim());
  if (match !== null) return Number(match[1]) * (secondsOf[match[2] as string] as number);
  throw new Failure(
    exitCodes.wrongUse,
    `--deadline ${text} is no time`,
    "it is a whole number with s, m, h or d",
    "for example --deadline 72h",
  );
}

const sendHelp = `
The file's first line names its columns; one of them has the phone numbers. Rows that cannot be texted are counted by reason and left out.
Progress is live; Ctrl-C leaves the campaign running and says how to look at it.

Examples:
  npx bulksms send students.csv --text "Hi {first_name}! The library is closed on Monday." --sender Oulu
  npx bulksms send students.csv --text "Exam in {programme}" --dry-run        who, who not, and the cost; sends nothing
  npx bulksms send students.csv --text "Hello" --json | tail -1 | jq .counts

Exit codes: 0 every message has ended, 1 refused or canceled, 2 wrong use or settings, 3 a service does not answer, 130 detached by Ctrl-C
`;
