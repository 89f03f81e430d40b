// `bulksms up`: runs the whole system on this machine until Ctrl-C.
import { resolve } from "node:path";
import type { Command } from "commander";
import { linkMinutes } from "../contracts/console.ts";
import { settings } from "../contracts/settings.ts";
import { isStoppedWhileStarting } from "../local/supervisor.ts";
import { startLawsNews } from "./laws_news.ts";
import { consoleLink, createSystem, lawsNewsOptions, type System } from "./system.ts";
import { addressTable, createSystemDisplay } from "./system_display.ts";

interface UpOptions {
  data?: string;
  verbose?: boolean;
  json?: boolean;
}

export function registerUp(program: Command): void {
  program
    .command("up")
    .description("start everything on this machine: engines, databases, the six processes; Ctrl-C stops it")
    .option("--data <dir>", `data folder of the system (setting BULKSMS_DATA; default ${settings.BULKSMS_DATA.default})`)
    .option("--verbose", "show every log line of every process, not only warnings and errors")
    .option("--json", "print one JSON object per line: events, and the processes' own log lines")
    .addHelpText("after", upHelp)
    .action((options: UpOptions) => up(options));
}

async function up(options: UpOptions): Promise<void> {
  const dataFolder = resolve(options.data ?? (process.env.BULKSMS_DATA || settings.BULKSMS_DATA.default));
  const hasColour = process.stdout.isTTY === true && !process.env.NO_COLOR;
  const write = (text: string) => process.stdout.write(text);
  const display = createSystemDisplay({ write, hasColour, isVerbose: options.verbose === true });
  const isJson = options.json === true;
  const system = createSystem({
    dataFolder,
    environment: process.env,
    onEvent: (event) => (isJson ? write(`${JSON.stringify(event)}\n`) : display.onEvent(event)),
  });
  if (!isJson) display.head(dataFolder);
  const stopped = stopOnSignals(system);
  try {
    await system.start();
  } catch (error) {
    if (!isStoppedWhileStarting(error)) throw error;
    await stopped;
    return;
  }
  const { workspaceId } = system.workspace();
  const lawsNews = startLawsNews(lawsNewsOptions(system));
  if (isJson) write(`${JSON.stringify({ type: "ready", addresses: system.addresses(), workspace_id: workspaceId })}\n`);
  else write(addressTable(system, { hasColour }) + closingLines(system, await consoleLink(system)));
  await stopped;
  await lawsNews.stop();
}

/**
 * SIGINT, SIGTERM and SIGHUP stop the system; a second one exits at once, with code 130.
 * Resolves when it has stopped; then nothing keeps this process alive.
 */
export function stopOnSignals(system: Pick<System, "stop">): Promise<void> {
  return new Promise((resolve) => {
    let signals = 0;
    const onSignal = (): void => {
      signals += 1;
      if (signals > 1) process.exitCode = 130;
      void system.stop({ isImmediate: signals > 1 }).then(resolve);
    };
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, onSignal);
  });
}

function closingLines(system: System, link: string): string {
  const { webapi, salesapi } = system.addresses();
  return `
  console    ${link}
             signs you in once, within ${linkMinutes} minutes; another: npx bulksms console
  API        ${webapi}/docs · ${salesapi}/docs
  workspace  ${system.workspace().workspaceId}, its key lies in ${system.dataFolder().path}
  next       npx bulksms send examples/5_contacts.csv --text "Hello {first_name}"

`;
}

const upHelp = `
Where a database or Redis URL is set (BULKSMS_DS_OWNER_URL, BULKSMS_SALESDB_OWNER_URL, BULKSMS_REDIS_URL), that one is used;
otherwise an own PostgreSQL 18 and Redis start inside the data folder. A busy default port means a free one, which is said.
A process that dies is started again. Keys, passwords and addresses are kept in the data folder (readable by you alone);
\`send\`, \`status\` and \`check\` find them there, and so does a process that joins: npx bulksms sales_worker start --join

Ctrl-C: processes drain, then the engines end. A second Ctrl-C ends all at once.

Exit codes: 0 stopped, 1 something did not start, 2 wrong settings or use, 3 a database of your own does not answer, 130 ended at once
`;
