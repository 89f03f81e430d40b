// `bulksms send FILE --text ...`: a campaign from a list of people - judged, agreed to, created,
// run and followed to its end on the system that is up.
import type { Command } from "commander";
import { parseCredits } from "../contracts/credits.ts";
import type { BulksmsAnswer, CreateAnswer } from "../contracts/http.ts";
import type { KeysAnswer } from "../contracts/keys.ts";
import { isProduct } from "../contracts/prices.ts";
import type { QuoteAnswer } from "../contracts/quote.ts";
import { settings } from "../contracts/settings.ts";
import { stateName } from "../contracts/words.ts";
import { type AgreementOptions, expectationOf, isAgreed, quoteChanged, requireAgreement } from "./agreement.ts";
import { readCredit, readCreditPatiently, watchCampaign } from "./campaign_watch.ts";
import { readerGone } from "./closed_output.ts";
import { type Connection, connect } from "./connection.ts";
import { type ContactsSource, openContacts, standardInput } from "./contacts_source.ts";
import { endWell, Failure, wrongUse } from "./failure.ts";
import { createProgress } from "./progress.ts";
import { createQuestions, type Input, Interrupted, type Questions } from "./questions.ts";
import { countOf, headlineOf, renderQuote } from "./quote_view.ts";
import { exitCodes } from "./report_error.ts";
import { type Fields, withChoices } from "./send_choices.ts";
import { countFinal, endedStates } from "./shown_states.ts";
import { shownName } from "./shown_text.ts";
import { createTerminal, formatCount, formatCreditText, formatDuration, type Terminal, type TerminalStream } from "./terminal.ts";

/** What a shell expects of a command that Ctrl-C ended. */
const interruptedExitCode = 130;

export interface SendOptions extends AgreementOptions {
  text: string;
  name?: string;
  sender?: string;
  country?: string;
  phoneColumn?: string;
  encoding?: string;
  sheet?: string;
  hiddenRows?: string;
  emptyValues?: string;
  carrier?: string;
  deadline?: string;
  data?: string;
  json?: boolean;
}

/** The command's streams: those of the process, or a test's. */
export interface SendStreams {
  input: Input;
  output: TerminalStream & NodeJS.WritableStream;
  errors: TerminalStream & NodeJS.WritableStream;
  environment: NodeJS.ProcessEnv;
}

export function registerSend(program: Command): void {
  const data = settings.BULKSMS_DATA.default;
  program
    .command("send")
    .argument("<file>", "CSV or .xlsx file with a column of phone numbers; - for standard input")
    .description("text the people in a file: judge it, ask, then create, run and follow it to the end")
    .requiredOption("--text <text>", "the words; {column} is filled from the file, {column|friend} where it is empty")
    .option("--dry-run", "only judge: who would be texted, who not and why, and the cost; creates nothing")
    .option("--yes", "do not ask")
    .option("--max-cost <credits>", "do not ask if it costs at most this many credits; otherwise create nothing")
    .option("--name <name>", "name of the campaign (default: the file's)")
    .option("--sender <sender>", "the sender that the phone shows")
    .option("--country <code>", `country of numbers without +, ISO 3166 (default ${settings.BULKSMS_DEFAULT_COUNTRY.default})`)
    .option("--phone-column <column>", "the column whose numbers are texted, by name or by position from 1 (default: judged by its cells)")
    .option("--encoding <name>", "of a CSV file: utf-8, utf-16le, utf-16be, windows-1252, iso-8859-15 (default: detected from its bytes)")
    .option("--sheet <name>", "of a workbook: the sheet with the people (default: the only one with phone numbers)")
    .option("--hidden-rows <skip|include>", "of a workbook: whether hidden and filtered rows, and hidden columns, are read (default skip)")
    .option("--empty-values <reject|send>", "rows that have nothing for a {column} without a default (default reject)")
    .option("--carrier <name>", "the carrier to send through (default: the installation's, which is the simulator unless it was changed)")
    .option("--deadline <time>", "how long to wait for the last receipt of each message: 45s, 30m, 72h, 3d")
    .option("--data <dir>", `data folder of the system to use (setting BULKSMS_DATA; default ${data})`)
    .option(
      "--json",
      "the last line of standard output is the campaign (or the verdict) as one JSON object; the rest goes to standard error",
    )
    .addHelpText("after", sendHelp)
    .action((file: string, options: SendOptions) =>
      endWell(() =>
        send(file, options, { input: process.stdin, output: process.stdout, errors: process.stderr, environment: process.env }),
      ),
    );
}

/** @returns the exit code @throws Failure */
export async function send(file: string, options: SendOptions, streams: SendStreams): Promise<number> {
  const fields = fieldsOf(options);
  const stream = options.json === true ? streams.errors : streams.output;
  const isUnread = readerGone(stream);
  const terminal = createTerminal(stream, streams.environment);
  const canAsk = file !== standardInput && streams.input.isTTY === true && terminal.isLive;
  const questions = canAsk ? createQuestions(streams.input, stream, terminal) : null;
  requireAgreement(options, questions);
  const connection = connect(options.data, streams.environment);
  try {
    const source = await openContacts(file, streams.input);
    try {
      return await judgeAndSend({ connection, terminal, questions, source, fields, options, output: streams.output, isUnread });
    } finally {
      await source.close();
    }
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    terminal.line("nothing was created");
    return interruptedExitCode;
  } finally {
    await connection.close();
  }
}

interface Sending {
  connection: Connection;
  terminal: Terminal;
  /** null: nobody can be asked. */
  questions: Questions | null;
  source: ContactsSource;
  fields: Fields;
  options: SendOptions;
  output: NodeJS.WritableStream;
  /** Nobody reads the progress any more. */
  isUnread: AbortSignal;
}

async function judgeAndSend(sending: Sending): Promise<number> {
  const { connection, terminal, questions, source, options } = sending;
  terminal.line();
  const { answer: quote, fields } = await withChoices(sending.fields, questions, (chosen) => connection.quote({ source, fields: chosen }));
  for (const line of renderQuote(terminal, source.shown, quote)) terminal.line(line);
  terminal.line();
  if (options.dryRun === true) {
    terminal.line("nothing was created, and nobody was texted");
    terminal.line();
    return finish(sending, quote, exitCodes.ok);
  }
  if (!(await isAgreed(quote, options, questions))) {
    terminal.line("nothing was created, and nobody was texted");
    terminal.line();
    return exitCodes.failed;
  }
  const created = await connection.create({ source, fields });
  return runAndFollow(sending, created, quote);
}

async function runAndFollow(sending: Sending, created: CreateAnswer, quote: QuoteAnswer): Promise<number> {
  const { connection, terminal } = sending;
  const startedMs = performance.now();
  const workspaceId = await findWorkspace(connection);
  const creditBefore = await readCredit(connection, workspaceId);
  // before the run: from here on Ctrl-C detaches, and never ends the command in silence
  const interrupted = new AbortController();
  process.once("SIGINT", () => interrupted.abort());
  await runAsAgreed(connection, created, quote);
  terminal.line(`campaign ${terminal.accent(created.id)}`);
  terminal.line();
  const progress = createProgress(terminal, { nowMs: () => performance.now(), endsAtMs: null });
  const signal = AbortSignal.any([interrupted.signal, sending.isUnread]);
  const ended = await watchCampaign(connection, created, { workspaceId, onChange: progress.show, signal }).finally(() => progress.end());
  terminal.line();
  if (ended === null) {
    terminal.line("detached: the campaign continues without this command");
    terminal.line(`follow it with: npx bulksms status ${created.id}`);
    terminal.line();
    return interruptedExitCode;
  }
  showEnded(terminal, ended, performance.now() - startedMs);
  const creditAfter = await readCreditPatiently(connection, workspaceId);
  showCharge(terminal, { ...ended, before: creditBefore, after: creditAfter, partsSent: ended.parts_sent });
  if (ended.status !== "finished") {
    terminal.line(`it ended as ${ended.status}${ended.last_error === null ? "" : `: ${shownName(ended.last_error)}`}`);
  }
  terminal.line();
  const isWhole = ended.status === "finished" && countFinal(ended.counts) === ended.contacts;
  return finish(sending, ended, isWhole ? exitCodes.ok : exitCodes.failed);
}

/** Held to what was shown. A campaign that turned out larger is dropped again. @throws Failure */
async function runAsAgreed(connection: Connection, created: CreateAnswer, quote: QuoteAnswer): Promise<void> {
  const body = { bulksms_id: created.id, expect: expectationOf(quote) };
  try {
    await connection.callSalesapi("the campaign was not run", "POST", "/run", body);
  } catch (error) {
    const changed = quoteChanged(error, quote);
    if (changed === null) throw error;
    await connection.callSalesapi("the campaign was not dropped", "POST", "/cancel", { bulksms_id: created.id });
    throw changed;
  }
}

/** The same line after an import, for a caller that agreed in advance (`bulksms demo`). */
export function showCreated(terminal: Terminal, file: string, created: CreateAnswer): void {
  terminal.line(headlineOf(terminal, shownName(file, shownFileColumns), created));
  if (created.phone_column !== undefined) terminal.line(shownName(created.phone_column.description));
  terminal.line(`${countOf(created.parts, "part")}, cost ${formatCreditText(created.cost)} credits`);
}

const shownFileColumns = 48;

/** `delivered 4,571 · undelivered 168 · failed 49 · sent, unconfirmed 24        41 s` */
export function showEnded(terminal: Terminal, ended: BulksmsAnswer, durationMs: number): void {
  const words = endedStates(ended).map(([state, count]) => `${stateName(state)} ${formatCount(count)}`);
  terminal.line(`${words.join(" · ")}        ${formatDuration(durationMs)}`);
}

/**
 * `credit 1,000.0 → 518.3 = 4,817 parts × 0.1`, if that holds; if others used the same credit
 * meanwhile, or destinations have their own prices, what this campaign took of it.
 */
export function showCharge(
  terminal: Terminal,
  charge: { before: string; after: string; partsSent: number; price: string; charged: string },
): void {
  const { before, after, partsSent, price } = charge;
  const movement = `credit ${formatCreditText(before)} → ${formatCreditText(after)}`;
  const parts = countOf(partsSent, "part");
  const hasOnePrice = isProduct(partsSent, price, charge.charged);
  if (isExactCharge(charge) && hasOnePrice) terminal.line(`${movement} = ${parts} × ${price}`);
  else
    terminal.line(
      `${movement} · this campaign was charged ${formatCreditText(charge.charged)} for ${parts}${hasOnePrice ? ` × ${price}` : ""}`,
    );
}

/** Whether the credit fell by exactly what the campaign was charged. */
export function isExactCharge({ before, after, charged }: { before: string; after: string; charged: string }): boolean {
  const [beforeMilli, afterMilli, chargedMilli] = [before, after, charged].map((amount) => parseCredits(amount) ?? -1n) as [
    bigint,
    bigint,
    bigint,
  ];
  return beforeMilli - afterMilli === chargedMilli;
}

function finish({ options, output }: Sending, outcome: BulksmsAnswer | QuoteAnswer, exitCode: number): number {
  if (options.json === true) output.write(`${JSON.stringify(outcome)}\n`);
  return exitCode;
}

/** A workspace's key sees itself among the keys, and so its workspace. */
async function findWorkspace(connection: Connection): Promise<string> {
  const { keys } = await connection.callWebapi<KeysAnswer>("the workspace is not known", "GET", "/keys");
  const workspaceId = keys[0]?.workspace_id;
  if (typeof workspaceId === "string") return workspaceId;
  throw new Failure(
    exitCodes.wrongUse,
    "this key belongs to no workspace",
    "an installation-wide key cannot send",
    "create one for a workspace: POST /keys of webapi with scopes send and read",
  );
}

/**
 * Fields of the form; without a name salesapi takes the file's.
 * @throws Failure when an option does not accept its value
 */
export function fieldsOf(options: SendOptions): Fields {
  const { text, name, sender, country, phoneColumn, encoding, sheet, hiddenRows, emptyValues, carrier, deadline } = options;
  requireOneOf("--hidden-rows", hiddenRows, ["skip", "include"]);
  requireOneOf("--empty-values", emptyValues, ["reject", "send"]);
  const fields = {
    text,
    name,
    sender,
    country,
    // digits are a position: no list of people names a column by a number
    ...(phoneColumn !== undefined && /^\d{1,6}$/.test(phoneColumn.trim())
      ? { phone_column_number: phoneColumn.trim() }
      : { phone_column: phoneColumn }),
    encoding,
    sheet,
    hidden_rows: hiddenRows,
    empty_values: emptyValues,
    carrier,
    deadline_s: deadline === undefined ? undefined : String(parseDurationS(deadline)),
  };
  return Object.fromEntries(Object.entries(fields).filter((field): field is [string, string] => field[1] !== undefined));
}

function requireOneOf(option: string, value: string | undefined, words: readonly [string, string]): void {
  if (value === undefined || words.includes(value)) return;
  throw wrongUse(`${option} ${value} is not possible`, `it must be ${words.join(" or ")}`, `leave it out for ${words[0]}`);
}

const secondsOf: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** "72h" -> 259,200. */
export function parseDurationS(text: string): number {
  const match = /^(\d{1,6})\s*([smhd])$/.exec(text.trim());
  if (match !== null) return Number(match[1]) * (secondsOf[match[2] as string] as number);
  throw wrongUse(`--deadline ${text} is not a time`, "it must be a whole number followed by s, m, h or d", "for example --deadline 72h");
}

const sendHelp = `
The file's first row names its columns; one of them has the phone numbers. First it is only judged: which column, who is texted, who not
and why, and the cost. Then, in a terminal, you are asked: Text 4,810 people for at most 494.2 credits? [y/N]
Without a terminal (a pipe, cron, CI) say --max-cost N or --yes; otherwise it exits with 2 and creates nothing. So does a file in which two
columns, two sheets or two encodings could be meant, until one of them is named. The run is held to what was shown: when it would be more,
nobody is texted.
Progress is live; Ctrl-C leaves the campaign running and says how to look at it; so does a closed output (\`| head\`), in silence.

Examples:
  npx bulksms send students.csv --text "Hi {first_name|student}! The library is closed on Monday." --sender Oulu
  npx bulksms send students.xlsx --sheet "Spring 2026" --text "Exam in {programme}" --dry-run
                                                                  who, who not, and the cost; creates nothing
  npx bulksms send parents.csv --phone-column "Guardian mobile" --text "The bus is late."
  npx bulksms send old_export.csv --encoding iso-8859-15 --text "Hyvä {etunimi}!"
  zcat students.csv.gz | npx bulksms send - --text "Hello" --max-cost 500
  npx bulksms send students.csv --text "Hello" --yes --json | tail -1 | jq .counts

Exit codes: 0 every message has ended (or: judged), 1 refused, declined or canceled, 2 wrong use or settings, or nobody to ask,
3 a service does not answer, 130 detached by Ctrl-C or a closed output
`;
