// `bulksms run|pause|resume|cancel ID`: one campaign, commanded. `run` texts people, so it asks as
// `send` does.
import type { Command } from "commander";
import { formatCredits, parseCredits } from "../contracts/credits.ts";
import type { BulksmsAnswer, CommandAnswer } from "../contracts/http.ts";
import { isUuid } from "../contracts/ids.ts";
import { settings } from "../contracts/settings.ts";
import { type AgreementOptions, expectationOf, parseMaxCost, quoteChanged, requireAgreement } from "./agreement.ts";
import { type Connection, connect } from "./connection.ts";
import { endWell, Failure, wrongUse } from "./failure.ts";
import { createQuestions, type Input, Interrupted, type Questions } from "./questions.ts";
import { countOf, describeOffer } from "./quote_view.ts";
import { exitCodes } from "./report_error.ts";
import { shownName } from "./shown_text.ts";
import { createTerminal, formatCreditText, type Terminal, type TerminalStream } from "./terminal.ts";

interface CommonOptions {
  data?: string;
  json?: boolean;
}

export interface RunOptions extends CommonOptions, AgreementOptions {}

/** The ends of the command: those of the process, or a test's. */
export interface CommandStreams {
  input: Input;
  output: TerminalStream & NodeJS.WritableStream;
  errors: TerminalStream & NodeJS.WritableStream;
  environment: NodeJS.ProcessEnv;
}

type Word = "pause" | "resume" | "cancel";

const descriptions: Record<Word, string> = {
  pause: "begin no new submit of a running campaign; receipts and charges continue",
  resume: "go on with a paused campaign; nobody is texted twice",
  cancel: "end a campaign: what was never submitted costs nothing; what is with the carrier runs to its end",
};
const done: Record<Word, string> = { pause: "paused", resume: "goes on", cancel: "is being canceled" };

export const registerPause = (program: Command): void => registerWord(program, "pause");
export const registerResume = (program: Command): void => registerWord(program, "resume");
export const registerCancel = (program: Command): void => registerWord(program, "cancel");

export function registerRun(program: Command): void {
  withCommon(program.command("run").argument("<id>", "the campaign"))
    .description("send a campaign that is ready")
    .option("--yes", "do not ask")
    .option("--max-cost <credits>", "do not ask if it costs at most this many credits; otherwise do not run it")
    .addHelpText("after", runHelp)
    .action((id: string, options: RunOptions) => endWell(() => run(id, options, processStreams())));
}

function registerWord(program: Command, word: Word): void {
  withCommon(program.command(word).argument("<id>", "the campaign"))
    .description(descriptions[word])
    .addHelpText("after", wordHelp(word))
    .action((id: string, options: CommonOptions) => endWell(() => commandCampaign(word, id, options, processStreams())));
}

const withCommon = (command: Command): Command =>
  command
    .option("--data <dir>", `data folder of the system to use (setting BULKSMS_DATA; default ${settings.BULKSMS_DATA.default})`)
    .option("--json", "the last line of standard output is the answer as one JSON object; the rest goes to standard error");

const processStreams = (): CommandStreams => ({
  input: process.stdin,
  output: process.stdout,
  errors: process.stderr,
  environment: process.env,
});

/** @returns the exit code @throws Failure, or AppError when nobody answers */
export async function commandCampaign(word: Word, id: string, options: CommonOptions, streams: CommandStreams): Promise<number> {
  requireId(id);
  const connection = connect(options.data, streams.environment);
  try {
    const answer = await connection.callSalesapi<CommandAnswer>(`the campaign was not ${pastOf[word]}`, "POST", `/${word}`, {
      bulksms_id: id,
    });
    const inFlight = answer.in_flight_max ?? 0;
    const onTheWay = inFlight === 0 ? "" : `; at most ${countOf(inFlight, "message")} may still be on the way to the carrier`;
    show(streams, options, answer, [`campaign ${answer.id} ${done[word]}${onTheWay}`, hintOf(id, options)]);
    return exitCodes.ok;
  } finally {
    await connection.close();
  }
}

function requireId(id: string): void {
  if (isUuid(id)) return;
  throw wrongUse(
    `${id} is not the id of a campaign`,
    "it looks like 0199b2c4-5d1e-7c3a-9f00-1a2b3c4d5e6f",
    "`npx bulksms status` lists campaigns with their ids",
  );
}

const pastOf: Record<Word, string> = { pause: "paused", resume: "resumed", cancel: "canceled" };

/** @returns the exit code @throws Failure, or AppError when nobody answers */
export async function run(id: string, options: RunOptions, streams: CommandStreams): Promise<number> {
  const stream = streamOf(streams, options);
  const terminal = createTerminal(stream, streams.environment);
  const canAsk = streams.input.isTTY === true && terminal.isLive;
  const questions = canAsk ? createQuestions(streams.input, stream, terminal) : null;
  requireAgreement(options, questions, "");
  requireId(id);
  const connection = connect(options.data, streams.environment);
  try {
    const campaign = await connection.callSalesapi<BulksmsAnswer>("the campaign cannot be read", "GET", pathOf(id));
    terminal.line();
    terminal.line(`${terminal.bold(shownName(campaign.name, 48))}   ${countOf(campaign.parts, "part")}`);
    const answer = await runAsAgreed({ connection, terminal, questions, options }, campaign);
    if (answer === null) {
      terminal.line("nobody was texted");
      terminal.line();
      return exitCodes.failed;
    }
    show(streams, options, answer, [`campaign ${answer.id} is ${answer.status}`, hintOf(id, options)]);
    return exitCodes.ok;
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    terminal.line("nobody was texted");
    return 130;
  } finally {
    await connection.close();
  }
}

interface Asking {
  connection: Connection;
  terminal: Terminal;
  /** null: nobody can be asked. */
  questions: Questions | null;
  options: RunOptions;
}

/**
 * Runs what was shown, and no more. After a change of prices the new cost is shown, and agreed to
 * anew.
 * @returns null: a person said no
 */
async function runAsAgreed(asking: Asking, campaign: BulksmsAnswer): Promise<CommandAnswer | null> {
  const { connection, terminal } = asking;
  let { cost } = campaign;
  let accepted: { price_version?: number } = {};
  for (;;) {
    const offer = { contacts: campaign.contacts, parts: campaign.parts, cost, carrier: campaign.carrier };
    if (!(await isAgreed(asking, offer))) return null;
    const body = { bulksms_id: campaign.id, expect: expectationOf(offer), ...accepted };
    try {
      return await connection.callSalesapi<CommandAnswer>("the campaign was not run", "POST", "/run", body);
    } catch (error) {
      const changed = priceChange(error);
      if (changed === null) throw quoteChanged(error, offer) ?? error;
      terminal.line(
        `the prices have changed: it cost ${formatCreditText(cost)} credits, it would now cost ${formatCreditText(changed.cost)}`,
      );
      cost = changed.cost;
      accepted = { price_version: changed.version };
    }
  }
}

function priceChange(error: unknown): { cost: string; version: number } | null {
  if (!(error instanceof Failure) || error.problem.code !== "price_changed") return null;
  const { cost, price_version: version } = error.problem;
  return typeof cost === "string" && typeof version === "number" ? { cost, version } : null;
}

async function isAgreed({ questions, options }: Asking, offer: Pick<BulksmsAnswer, "contacts" | "cost" | "carrier">): Promise<boolean> {
  if (options.maxCost !== undefined) {
    const maxMilli = parseMaxCost(options.maxCost);
    if ((parseCredits(offer.cost) ?? 0n) <= maxMilli) return true;
    throw new Failure(
      exitCodes.failed,
      "not run: it costs more than --max-cost allows",
      `${describeOffer(offer)}; --max-cost is ${formatCreditText(formatCredits(maxMilli))}`,
      `nobody was texted; allow --max-cost ${offer.cost}, or leave it`,
    );
  }
  if (options.yes === true || questions === null) return options.yes === true;
  return questions.confirm(`Text ${describeOffer(offer)}?`);
}

const pathOf = (id: string): string => `/bulksms/${encodeURIComponent(id)}`;

const streamOf = ({ output, errors }: CommandStreams, { json }: CommonOptions) => (json === true ? errors : output);

/** A command as it can be pasted: in the folder that this one was given. */
const hintOf = (id: string, { data }: CommonOptions): string =>
  `follow it with: npx bulksms status ${id}${data === undefined ? "" : ` --data ${data}`}`;

function show(streams: CommandStreams, options: CommonOptions, answer: CommandAnswer, lines: readonly string[]): void {
  const terminal = createTerminal(streamOf(streams, options), streams.environment);
  terminal.line();
  for (const line of lines) terminal.line(line);
  terminal.line();
  if (options.json === true) streams.output.write(`${JSON.stringify(answer)}\n`);
}

const runHelp = `
It asks first, with the number of people and the cost at most; it never sends more than was shown.
Without a terminal it needs --yes or --max-cost. \`npx bulksms send FILE\` creates a campaign and runs it at once.

Examples:
  npx bulksms run 0199b2c4-5d1e-7c3a-9f00-1a2b3c4d5e6f
  npx bulksms run 0199b2c4-5d1e-7c3a-9f00-1a2b3c4d5e6f --max-cost 500

Exit codes: 0 running, 1 refused or declined, 2 wrong use or settings, 3 a service does not answer, 130 interrupted
`;

const wordHelp = (word: Word): string => `
\`npx bulksms status\` lists campaigns with their ids.

Example:
  npx bulksms ${word} 0199b2c4-5d1e-7c3a-9f00-1a2b3c4d5e6f

Exit codes: 0 done, 1 refused (its state does not allow it), 2 wrong use or settings, 3 a service does not answer
`;
