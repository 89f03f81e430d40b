// The `bulksms` command: registers every subcommand, loads only the one that was called, and turns
// errors into three lines and an exit code.
import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { type ProcessName, processes, processNames } from "../contracts/processes.ts";
import type { SettingName } from "../contracts/settings.ts";
import { ConfigError } from "../platform/config.ts";
import { dropWhatNobodyReads } from "./closed_output.ts";
import { reportError } from "./report_error.ts";

type Register = (program: Command) => void;

/** Subcommands for people, each in its own file. */
const commands: Record<string, () => Promise<Register>> = {
  demo: async () => (await import("./demo.ts")).registerDemo,
  up: async () => (await import("./up.ts")).registerUp,
  console: async () => (await import("./console.ts")).registerConsole,
  send: async () => (await import("./send.ts")).registerSend,
  run: async () => (await import("./campaign_commands.ts")).registerRun,
  pause: async () => (await import("./campaign_commands.ts")).registerPause,
  resume: async () => (await import("./campaign_commands.ts")).registerResume,
  cancel: async () => (await import("./campaign_commands.ts")).registerCancel,
  status: async () => (await import("./status.ts")).registerStatus,
  report: async () => (await import("./report.ts")).registerReport,
  carriers: async () => (await import("./carriers.ts")).registerCarriers,
  topup: async () => (await import("./topup.ts")).registerTopup,
  check: async () => (await import("./check.ts")).registerCheck,
  migrate: async () => (await import("./migrate.ts")).registerMigrate,
  settings: async () => (await import("./settings.ts")).registerSettings,
};

/** Entry points of the six processes. */
const nodes: Record<ProcessName, () => Promise<{ main(): Promise<void> }>> = {
  rpc: () => import("../nodes/rpc/main.ts"),
  webapi: () => import("../nodes/webapi/main.ts"),
  salesapi: () => import("../nodes/salesapi/main.ts"),
  general_worker: () => import("../nodes/general_worker/main.ts"),
  sales_worker: () => import("../nodes/sales_worker/main.ts"),
  simulator: () => import("../nodes/simulator/main.ts"),
};

/**
 * Called by bin/bulksms.js. Sets process.exitCode; a running process or server keeps the event loop
 * until it is done.
 */
export async function run(argv: readonly string[]): Promise<void> {
  dropWhatNobodyReads([process.stdout, process.stderr]);
  try {
    if (argv[2] === "carrier") throw carrierWasRenamed();
    const program = await createProgram(argv[2]);
    await program.parseAsync([...argv]);
  } catch (error) {
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
    else process.exitCode = reportError(error);
  }
}

const carrierWasRenamed = () =>
  new ConfigError(["bulksms carrier: the simulated mobile network is now `bulksms simulator`, its settings BULKSMS_SIMULATOR_*"]);

/** With every subcommand when help may be needed; otherwise only the one that was named. */
async function createProgram(word: string | undefined): Promise<Command> {
  const program = new Command("bulksms");
  program
    .description("One text to many people: charged by the part, followed to the end, nothing lost, duplicated or mischarged.")
    .version(readVersion(), "-v, --version", "which version this is")
    .helpOption("-h, --help", "what it does, its options, examples")
    .helpCommand(false)
    .showSuggestionAfterError()
    .addHelpText("after", mainHelp)
    .exitOverride();
  const isNamed = word !== undefined && (word in commands || word in nodes);
  for (const [name, load] of Object.entries(commands)) if (!isNamed || name === word) (await load())(program);
  for (const name of processNames) if (!isNamed || name === word) registerNode(program, name);
  for (const command of program.commands) overrideExit(command);
  return program;
}

function readVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

function registerNode(program: Command, name: ProcessName): void {
  const entry = processes[name];
  const verb = entry.command[1];
  const command = program
    .command(name)
    .description(`the process ${name}: ${entry.description}`)
    .command(verb)
    .description(`${verb} ${name} (${entry.description}) until SIGTERM`)
    .addHelpText("after", nodeHelp(name));
  if (entry.scalesOut) {
    command.option(
      "--join [dir]",
      "join the system that `bulksms up` runs in this data folder: with its settings, on free ports (default: .bulksms)",
    );
  }
  command.action(async ({ join }: { join?: string | true }) => {
    if (join !== undefined) (await import("./join.ts")).joinSystem(name, join === true ? undefined : join);
    const node = await nodes[name]();
    await node.main();
  });
}

function nodeHelp(name: ProcessName): string {
  const entry = processes[name];
  const ports: { portSetting: SettingName; defaultPort: number }[] = [entry.listener, entry.management].filter((port) => port !== null);
  return `
It reads its settings from the environment (all of them: npx bulksms settings). It starts on its own: what it needs may come up later.
  ${ports.map(({ portSetting, defaultPort }) => `${portSetting} (${defaultPort})`).join(", ")}: /health, /ready, /metrics
  ${entry.scalesOut ? "Several may run side by side." : "Only one may run: it owns its journal."}

SIGTERM or Ctrl-C drains and ends; a second one ends at once.
Exit codes: 0 drained, 1 it could not start or met an impossible state, 2 wrong settings, 130 ended at once
`;
}

function overrideExit(command: Command): void {
  command.exitOverride();
  for (const child of command.commands) overrideExit(child);
}

const mainHelp = `
Start here:
  npx bulksms demo     texts 5,000 made-up students and proves that every credit adds up
  npx bulksms up       the whole system on this machine
  npx bulksms send contacts.csv --text "Hi {first_name}"
                       a campaign of your own, on the system that is up
  npx bulksms console  a link into the console, in the browser
  npx bulksms check    the laws, over both databases and the simulator's journal

Settings are environment variables (npx bulksms settings). NO_COLOR is obeyed; output is plain lines when piped.
Exit codes: 0 ok, 1 a law is broken or the job failed, 2 wrong use or settings, 3 a service does not answer
`;
