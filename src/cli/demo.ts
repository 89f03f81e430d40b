// `bulksms demo`: the main job on real parts - the whole system, 5,000 students texted, every
// credit accounted for, the laws checked.
import { existsSync } from "node:fs";
import { open } from "node:fs/promises";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type Command, InvalidArgumentError } from "commander";
import { linkMinutes } from "../contracts/console.ts";
import { formatCredits, parseCredits } from "../contracts/credits.ts";
import type { BulksmsAnswer, CreateAnswer } from "../contracts/http.ts";
import { settings } from "../contracts/settings.ts";
import { checkLaws, type LawsReport } from "../laws/check_laws.ts";
import { countSentParts } from "../laws/journal.ts";
import { isStoppedWhileStarting } from "../local/supervisor.ts";
import { expectationOf } from "./agreement.ts";
import { readCredit, readCreditPatiently, watchCampaign } from "./campaign_watch.ts";
import { showReport, summaryOf } from "./check.ts";
import { type Connection, openConnection } from "./connection.ts";
import { openContacts } from "./contacts_source.ts";
import { endWell, Failure } from "./failure.ts";
import { startLawsNews } from "./laws_news.ts";
import { readWholeNumber } from "./number_options.ts";
import { createProgress } from "./progress.ts";
import { exitCodes } from "./report_error.ts";
import { isExactCharge, showCharge, showCreated, showEnded } from "./send.ts";
import { countFinal, finalsInOrder } from "./shown_states.ts";
import { consoleLink, createSystem, lawSources, lawsNewsOptions, type System } from "./system.ts";
import { addressTable, createSystemDisplay } from "./system_display.ts";
import { createTerminal, formatCreditText, type Terminal } from "./terminal.ts";
import { stopOnSignals } from "./up.ts";

export const studentsFile = fileURLToPath(new URL("../../examples/oulu_students_5000.csv", import.meta.url));
export const studentsText =
  "Hi {first_name}! Exams in {programme} open for sign-up on Monday. Sign up by Friday and bring your student card. Good luck! Oulu";
const otherText = "Hi! Sign-up for the exams opens on Monday and closes on Friday. Good luck! Oulu";
/**
 * The profile `demo` answers within this time; a silent phone is given up after the deadline plus
 * the horizon for late receipts.
 */
export const answersWithinS = 40;
export const deadlineS = 45;
export const horizonS = 10;
/** Sweeping, charging and releasing after the last message. */
const closingS = 1;
/**
 * With this many contacts some stay silent (0.4 %), so the end is known: it comes with their
 * deadline. With more, submitting itself takes longer.
 */
const predictedContacts = { min: 1_000, max: 20_000 };
/** The top-up for a large file is rounded up to this. */
const topUpStepMilli = 1_000_000n;
const interruptedExitCode = 130;

interface DemoOptions {
  contacts?: string;
  speed?: string;
  seed?: string;
  data?: string;
  exit?: boolean;
  verbose?: boolean;
  json?: boolean;
}

export function registerDemo(program: Command): void {
  program
    .command("demo")
    .description("start everything, text 5,000 made-up students, and prove that every credit adds up (about a minute)")
    .option("--exit", "end after the verdict instead of serving until Ctrl-C")
    .option("--contacts <file>", "text the people of this CSV file instead")
    .option("--speed <n>", "divide the carrier's delays by N, or max for none", parseSpeed)
    .option("--seed <n>", "another number gives the messages other outcomes", parseSeed)
    .option("--data <dir>", `data folder of the system (setting BULKSMS_DATA; default ${settings.BULKSMS_DATA.default})`)
    .option("--verbose", "show every log line of every process, not only warnings and errors")
    .option("--json", "the last line of standard output is the outcome as one JSON object; the rest goes to standard error")
    .addHelpText("after", demoHelp)
    .action((options: DemoOptions) => endWell(() => demo(options)));
}

async function demo(options: DemoOptions): Promise<number> {
  const file = contactsFile(options);
  const terminal = createTerminal(options.json === true ? process.stderr : process.stdout, process.env);
  const dataFolder = resolve(options.data ?? (process.env.BULKSMS_DATA || settings.BULKSMS_DATA.default));
  const environment = demoEnvironment(options, process.env);
  const hasColour = terminal.accent("x") !== "x";
  const display = createSystemDisplay({ write: terminal.write, hasColour, isVerbose: options.verbose === true });
  const system = createSystem({ dataFolder, environment, wantsFreshWorkspace: true, onEvent: display.onEvent });
  display.head(dataFolder, [`seed ${environment.BULKSMS_SIMULATOR_SEED}`]);
  const interrupted = new AbortController();
  const stopped = stopOnSignals({
    stop: (how) => {
      interrupted.abort();
      terminal.endLive({ keeps: true });
      return system.stop(how);
    },
  });
  try {
    await system.start();
    terminal.write(addressTable(system, { hasColour }));
    const outcome = await runCampaign(system, terminal, {
      file,
      speed: environment.BULKSMS_SIMULATOR_SPEED as string,
      signal: interrupted.signal,
    });
    if (outcome === null) {
      await stopped;
      return interruptedExitCode;
    }
    if (options.json === true) process.stdout.write(`${JSON.stringify(toJson(outcome))}\n`);
    if (options.exit === true) return exitCodeOf(outcome);
    showListeners(terminal, system, await consoleLink(system));
    const lawsNews = startLawsNews(lawsNewsOptions(system));
    await stopped;
    await lawsNews.stop();
    return exitCodeOf(outcome);
  } catch (error) {
    // whoever pressed Ctrl-C knows why it stopped
    if (!interrupted.signal.aborted && !isStoppedWhileStarting(error)) throw error;
    await stopped;
    return interruptedExitCode;
  } finally {
    await system.stop();
  }
}

/** The demo's settings below what the user set, and its options above. */
function demoEnvironment(options: DemoOptions, environment: NodeJS.ProcessEnv): Record<string, string | undefined> {
  return {
    BULKSMS_SIMULATOR_PROFILE: "demo",
    BULKSMS_RECEIPT_HORIZON_S: String(horizonS),
    BULKSMS_SIMULATOR_SEED: String(settings.BULKSMS_SIMULATOR_SEED.default),
    BULKSMS_SIMULATOR_SPEED: settings.BULKSMS_SIMULATOR_SPEED.default,
    ...environment,
    ...(options.speed === undefined ? {} : { BULKSMS_SIMULATOR_SPEED: options.speed }),
    ...(options.seed === undefined ? {} : { BULKSMS_SIMULATOR_SEED: options.seed }),
  };
}

interface Outcome {
  campaign: BulksmsAnswer;
  creditBefore: string;
  creditAfter: string;
  /** According to the simulator's journal. */
  partsSent: number;
  durationMs: number;
  laws: LawsReport;
}

/** null: stopped by Ctrl-C before its end. */
async function runCampaign(
  system: System,
  terminal: Terminal,
  { file, speed, signal }: { file: string; speed: string; signal: AbortSignal },
): Promise<Outcome | null> {
  const {
    BULKSMS_WEBAPI_URL: webapiUrl = "",
    BULKSMS_SALESAPI_URL: salesapiUrl = "",
    BULKSMS_SIMULATOR_DATA: simulatorFolder = "",
  } = system.settings();
  const { workspaceId, apiKey } = system.workspace();
  const connection = openConnection({ webapiUrl, salesapiUrl, apiKey });
  try {
    terminal.line();
    const text = await textFor(file);
    const fields = { text, sender: "Oulu", deadline_s: String(deadlineS) };
    // its credit is play money and its carrier is simulated: starting it is consent
    const source = await openContacts(file);
    const created = await connection.create({ source, fields });
    showCreated(terminal, source.fileName, created);
    await topUp(system, terminal, workspaceId, created, await readCredit(connection, workspaceId));
    const creditBefore = await readCredit(connection, workspaceId);
    terminal.line(foretell(speed));
    terminal.line();
    const startedMs = performance.now();
    const ended = await runAndFollow(connection, terminal, { created, workspaceId, signal });
    if (ended === null) return null;
    const durationMs = Math.round(performance.now() - startedMs);
    const creditAfter = await readCreditPatiently(connection, workspaceId);
    const partsSent = await countSentParts(simulatorFolder, ended.id);
    terminal.line();
    showEnded(terminal, ended, durationMs);
    showCharge(terminal, { ...ended, before: creditBefore, after: creditAfter, partsSent });
    const laws = await checkLaws(lawSources(system));
    if (laws.brokenLaws > 0) showReport(terminal, laws);
    else terminal.line(summaryOf(terminal, laws));
    return { campaign: ended, creditBefore, creditAfter, partsSent, durationMs, laws };
  } finally {
    await connection.close();
  }
}

async function runAndFollow(
  connection: Connection,
  terminal: Terminal,
  { created, workspaceId, signal }: { created: CreateAnswer; workspaceId: string; signal: AbortSignal },
): Promise<BulksmsAnswer | null> {
  const nowMs = () => performance.now();
  const isPredicted = created.contacts >= predictedContacts.min && created.contacts <= predictedContacts.max;
  const endsAtMs = isPredicted ? nowMs() + (deadlineS + horizonS + closingS) * 1_000 : null;
  await connection.callSalesapi("the campaign was not run", "POST", "/run", { bulksms_id: created.id, expect: expectationOf(created) });
  const progress = createProgress(terminal, { nowMs, endsAtMs });
  return watchCampaign(connection, created, { workspaceId, onChange: progress.show, signal }).finally(() => progress.end());
}

/** A file that costs more than the initial credit gets the difference, in whole thousands. */
async function topUp(system: System, terminal: Terminal, workspaceId: string, created: CreateAnswer, credit: string): Promise<void> {
  const lackingMilli = (parseCredits(created.cost) ?? 0n) - (parseCredits(credit) ?? 0n);
  if (lackingMilli > 0n) {
    const amount = formatCredits(((lackingMilli + topUpStepMilli - 1n) / topUpStepMilli) * topUpStepMilli);
    const { BULKSMS_WEBAPI_URL: webapiUrl = "", BULKSMS_ADMIN_KEY: apiKey = "" } = system.settings();
    const admin = openConnection({ webapiUrl, salesapiUrl: webapiUrl, apiKey });
    await admin.callWebapi("the credit was not topped up", "POST", `/workspaces/${workspaceId}/credit`, { amount }).finally(admin.close);
    terminal.line(`more than the workspace's ${formatCreditText(credit)} credits: topped up by ${formatCreditText(amount)}`);
  }
}

/** Why it takes as long as it does: these waits are real, whatever the speed. */
export function foretell(speed: string): string {
  const answers = speed === "max" ? "at once" : `within ${Math.ceil(answersWithinS / Math.max(Number(speed), 0.001))} s`;
  return `about ${deadlineS + horizonS} s: answers come ${answers}; a silent phone is given up after ${deadlineS} s + ${horizonS} s`;
}

function showListeners(terminal: Terminal, system: System, link: string): void {
  const { webapi, salesapi } = system.addresses();
  terminal.line();
  terminal.line(`console    ${terminal.accent(link)}`);
  terminal.line(`           signs you in once, within ${linkMinutes} minutes; another: npx bulksms console`);
  terminal.line();
  terminal.line(`webapi     ${terminal.accent(`${webapi}/docs`)}     workspaces, credit, keys, WebSocket`);
  terminal.line(`salesapi   ${terminal.accent(`${salesapi}/docs`)}     campaigns`);
  terminal.line();
  terminal.line('serving until Ctrl-C. In another terminal: npx bulksms send examples/5_contacts.csv --text "Hi {first_name}!"');
}

function exitCodeOf({ campaign, creditBefore, creditAfter, laws }: Outcome): number {
  const hasEnded = campaign.status === "finished" && countFinal(campaign.counts) === campaign.contacts;
  const isExact = isExactCharge({ before: creditBefore, after: creditAfter, charged: campaign.charged });
  return hasEnded && isExact && laws.brokenLaws === 0 ? exitCodes.ok : exitCodes.failed;
}

function toJson({ campaign, creditBefore, creditAfter, partsSent, durationMs, laws }: Outcome) {
  return {
    contacts: campaign.contacts,
    rejected: campaign.rejected,
    ...Object.fromEntries(finalsInOrder.map((state) => [state, campaign.counts[state]])),
    parts_sent: partsSent,
    credit_before: creditBefore,
    credit_after: creditAfter,
    duration_ms: durationMs,
    laws_broken: laws.brokenLaws,
  };
}

/** @throws Failure before anything starts */
function contactsFile(options: DemoOptions): string {
  const file = resolve(options.contacts ?? studentsFile);
  if (existsSync(file)) return file;
  throw new Failure(
    exitCodes.wrongUse,
    `${file} does not exist`,
    "the demo needs a CSV file of contacts",
    "leave --contacts out for the 5,000 made-up students",
  );
}

/** The students' text if the file has its columns; otherwise one without columns. */
async function textFor(file: string): Promise<string> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4_096), 0, 4_096, 0);
    const columns = (buffer.toString("utf8", 0, bytesRead).split(/\r?\n/)[0] ?? "").split(/[,;\t]/).map((cell) => cell.trim());
    return ["first_name", "programme"].every((column) => columns.includes(column)) ? studentsText : otherText;
  } finally {
    await handle.close();
  }
}

function parseSpeed(text: string): string {
  const { pattern, description } = settings.BULKSMS_SIMULATOR_SPEED.form;
  if (pattern.test(text)) return text;
  throw new InvalidArgumentError(`It is ${description}.`);
}

function parseSeed(text: string): string {
  const { min, max } = settings.BULKSMS_SIMULATOR_SEED;
  if (readWholeNumber(text, { min, max }) !== null) return text;
  throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
}

const demoHelp = `
Starts two PostgreSQL servers, one Redis and the six processes on this machine (as \`npx bulksms up\` does), makes a workspace with
1,000 credits, uploads 5,000 made-up students of Oulu, and texts them over a simulated carrier. Nothing leaves this machine.
It takes about a minute: the carrier's delays and retries fill ${answersWithinS} s; a phone that stays silent is given up after ${deadlineS} s, and ${horizonS} s
more for receipts that come late. Then it shows the outcome, checks the laws over both databases and the simulator's journal, and
keeps serving until Ctrl-C.

Examples:
  npx bulksms demo
  npx bulksms demo --exit --json | tail -1 | jq
  npx bulksms demo --contacts my.csv --speed max
  npx bulksms demo --seed 11 --data /tmp/elsewhere

The JSON object: contacts, rejected, ${finalsInOrder.join(", ")}, parts_sent (by the simulator's journal), credit_before,
credit_after, duration_ms, laws_broken.

Exit codes: 0 all ended, every credit accounted for, no law broken; 1 not so; 2 wrong use or settings; 3 a part does not answer;
130 stopped by Ctrl-C before the end
`;
