// `bulksms status [ID]`: the campaigns of the workspace, or one campaign with all its states.
import type { Command } from "commander";
import type { BulksmsAnswer, BulksmsPage } from "../contracts/http.ts";
import { importEndOf, importEnds } from "../contracts/import_ends.ts";
import { settings } from "../contracts/settings.ts";
import { shownCounts, shownStates } from "../contracts/states.ts";
import { stateName } from "../contracts/words.ts";
import { type Connection, connect } from "./connection.ts";
import { endWell, Failure } from "./failure.ts";
import { readWholeNumber } from "./number_options.ts";
import { exitCodes } from "./report_error.ts";
import { describeCarrier } from "./shown_carrier.ts";
import { countFinal } from "./shown_states.ts";
import { shownName } from "./shown_text.ts";
import { alignColumns, createTerminal, formatCount, formatCreditText, formatDuration, type Terminal } from "./terminal.ts";

const limitDefault = 20;
const limitMax = 100;

interface StatusOptions {
  data?: string;
  limit?: string;
  json?: boolean;
}

export function registerStatus(program: Command): void {
  program
    .command("status")
    .argument("[id]", "one campaign")
    .description("show the status of campaigns: a table, newest first, or one with all its states")
    .option("--data <dir>", `data folder of the system to ask (setting BULKSMS_DATA; default ${settings.BULKSMS_DATA.default})`)
    .option("--limit <n>", `number of campaigns to list, at most ${limitMax} (default ${limitDefault})`)
    .option("--json", "print one JSON object, as salesapi returns it")
    .addHelpText("after", statusHelp)
    .action((id: string | undefined, options: StatusOptions) => endWell(() => status(id, options)));
}

async function status(id: string | undefined, options: StatusOptions): Promise<number> {
  const limit = options.limit === undefined ? limitDefault : readWholeNumber(options.limit, { min: 1, max: limitMax });
  if (limit === null) {
    throw new Failure(
      exitCodes.wrongUse,
      `--limit ${options.limit} is not possible`,
      `it must be a whole number from 1 to ${limitMax}`,
      `leave it out for ${limitDefault}`,
    );
  }
  const connection = connect(options.data, process.env);
  const terminal = createTerminal(process.stdout, process.env);
  try {
    if (id === undefined) await showList(connection, terminal, limit, options.json === true);
    else await showOne(connection, terminal, id, options.json === true);
    return exitCodes.ok;
  } finally {
    await connection.close();
  }
}

async function showList(connection: Connection, terminal: Terminal, limit: number, isJson: boolean): Promise<void> {
  const page = await connection.callSalesapi<BulksmsPage>("campaigns cannot be listed", "GET", `/bulksms?limit=${limit}`);
  if (isJson) {
    process.stdout.write(`${JSON.stringify(page)}\n`);
    return;
  }
  terminal.line();
  if (page.bulksms.length === 0)
    terminal.line('no campaigns yet; the first one: npx bulksms send examples/5_contacts.csv --text "Hi {first_name}!"');
  else for (const line of renderTable(terminal, page.bulksms)) terminal.line(line);
  terminal.line();
}

export function renderTable(terminal: Terminal, campaigns: readonly BulksmsAnswer[]): string[] {
  const head = ["id", "name", "status", "contacts", "ended", "delivered", "charged", "created"].map(terminal.dim);
  const rows = campaigns.map((campaign) => [
    campaign.id,
    shownName(campaign.name, 32),
    campaign.status,
    formatCount(campaign.contacts),
    `${percentEnded(campaign)} %`,
    formatCount(campaign.counts.delivered),
    formatCreditText(campaign.charged),
    campaign.created_at.slice(0, 16).replace("T", " "),
  ]);
  return alignColumns([head, ...rows], [3, 4, 5, 6]);
}

async function showOne(connection: Connection, terminal: Terminal, id: string, isJson: boolean): Promise<void> {
  const campaign = await connection.callSalesapi<BulksmsAnswer>(
    `campaign ${id} cannot be shown`,
    "GET",
    `/bulksms/${encodeURIComponent(id)}`,
  );
  if (isJson) {
    process.stdout.write(`${JSON.stringify(campaign)}\n`);
    return;
  }
  terminal.line();
  for (const line of renderCampaign(terminal, campaign)) terminal.line(line);
  terminal.line();
}

export function renderCampaign(terminal: Terminal, campaign: BulksmsAnswer): string[] {
  const tookMs =
    campaign.started_at === null ? null : Date.parse(campaign.ended_at ?? new Date().toISOString()) - Date.parse(campaign.started_at);
  const facts = [
    ["name", shownName(campaign.name)],
    ...statusFacts(campaign),
    ["contacts", `${formatCount(campaign.contacts)}, rejected ${formatCount(campaign.rejected)}${renderReasons(campaign.rejects)}`],
    ["parts", `${formatCount(campaign.parts)}, sent ${formatCount(campaign.parts_sent)}`],
    ["carrier", describeCarrier(campaign.carrier)],
    ["credits", `cost ${formatCreditText(campaign.cost)}, charged ${formatCreditText(campaign.charged)}`],
    ["created", campaign.created_at],
    ...(campaign.started_at === null || tookMs === null
      ? []
      : [["started", `${campaign.started_at}, ${campaign.ended_at === null ? "so far" : "took"} ${formatDuration(tookMs)}`]]),
  ];
  const open = campaign.contacts - countFinal(campaign.counts);
  if (campaign.status === "canceling" && open > 0) {
    facts.push([
      "waits for",
      `${formatCount(open)} with the carrier: each ends by its receipt, or ${formatDuration(campaign.deadline_s * 1_000)} after its submit`,
    ]);
  }
  const counts = shownCounts(campaign);
  const states = shownStates.map((state) => [stateName(state), formatCount(counts[state])]);
  return [
    terminal.accent(campaign.id),
    "",
    ...alignColumns(facts.map(([word, value]) => [terminal.dim(word as string), value as string])),
    "",
    ...alignColumns(states, [1]),
  ];
}

function statusFacts({ status, last_error: lastError }: BulksmsAnswer): [string, string][] {
  const end = importEndOf(lastError);
  if (status !== "import_failed" || end === null) {
    return [["status", lastError === null ? status : `${status}, last error: ${shownName(lastError)}`]];
  }
  return [
    ["status", `${status}, ${end}: ${importEnds[end]}`],
    ["kept", "nothing of the file; no credit is held, nobody was texted"],
    ["again", 'send the file again: npx bulksms send FILE --text "..."'],
  ];
}

/**
 * ` (duplicate 97, too short 41)`, most frequent first; the last ones become "..." when there is no
 * room. Empty when there are none.
 */
export function renderReasons(rejects: Readonly<Record<string, number>>, room = Number.POSITIVE_INFINITY): string {
  const reasons = Object.entries(rejects)
    .filter(([, count]) => count > 0)
    .sort((a, b) => b[1] - a[1])
    .map(([reason, count]) => `${reason.replace(/^msisdn_/, "").replaceAll("_", " ")} ${formatCount(count)}`);
  if (reasons.length === 0) return "";
  const whole = ` (${reasons.join(", ")})`;
  if (whole.length <= room) return whole;
  for (let shown = reasons.length - 1; shown > 0; shown--) {
    const cut = ` (${reasons.slice(0, shown).join(", ")}, ...)`;
    if (cut.length <= room) return cut;
  }
  return "";
}

function percentEnded(campaign: BulksmsAnswer): number {
  return campaign.contacts === 0 ? 0 : Math.floor((countFinal(campaign.counts) * 100) / campaign.contacts);
}

const statusHelp = `
Asks salesapi with the key of the data folder, or BULKSMS_API_KEY; shows the campaigns of that key's workspace.

Examples:
  npx bulksms status
  npx bulksms status 0199b2c4-5d1e-7c3a-9f00-1a2b3c4d5e6f
  npx bulksms status --json | jq -r '.bulksms[] | select(.status == "running") | .id'

Exit codes: 0 shown, 1 no such campaign, 2 wrong use or no key, 3 salesapi does not answer
`;
