// `bulksms carriers`: what the installation sends through - added, tested, let go live, paused,
// removed. A client of salesapi's /carriers with the key of the installation.
import type { Command } from "commander";
import { type CarrierChange, type CarrierState, type CarriersAnswer, type InstalledCarrier, idRules } from "../contracts/carriers.ts";
import { settings } from "../contracts/settings.ts";
import { readConfig } from "../platform/config.ts";
import { addSealKey, dropOldSealKeys } from "../platform/seal_keys.ts";
import { sleep } from "../platform/time/sleep.ts";
import { type AddedProtocol, addedProtocols, addSettingOptions, type GivenOptions, phoneOf, settingsOfOptions } from "./carrier_options.ts";
import { readSecret, secretVariable } from "./carrier_secret.ts";
import { areLinksBound, renderCarriers, renderLinks } from "./carrier_view.ts";
import { type Connection, openConnection, settingsAt } from "./connection.ts";
import { endWell, Failure, wrongUse } from "./failure.ts";
import { createQuestions, Interrupted } from "./questions.ts";
import { exitCodes } from "./report_error.ts";
import { createTerminal, type Terminal } from "./terminal.ts";

interface CommonOptions {
  data?: string;
  json?: boolean;
  yes?: boolean;
}

const interruptedExitCode = 130;
const boundMaxMs = 15_000;
const lookEveryMs = 500;

export function registerCarriers(program: Command): void {
  const carriers = program.command("carriers").description("what messages are sent through: add, test, live, pause, remove");
  const command = (name: string, description: string) =>
    carriers
      .command(name)
      .description(description)
      .option("--data <dir>", `data folder of the system (setting BULKSMS_DATA; default ${settings.BULKSMS_DATA.default})`)
      .option("--json", "print JSON, as salesapi returns it");
  registerAdd(carriers);
  command("list", "carriers, their links, and what is in doubt").action((options: CommonOptions) => run(options, list));
  command("test <name>", "put a phone on the test list, and see whether the links come up")
    .requiredOption("--phone <number>", "your own phone: + and its digits; may be repeated", collect, [])
    .action((name: string, options: CommonOptions & { phone: string[] }) => run(options, (c, t) => testCarrier(c, t, name, options)));
  command("live <name>", "let campaigns text everybody through it")
    .option("--yes", "do not ask")
    .action((name: string, options: CommonOptions) => run(options, (c, t) => setState(c, t, name, "live", options)));
  command("pause <name>", "close its links; campaigns wait").action((name: string, options: CommonOptions) =>
    run(options, (c, t) => setState(c, t, name, "paused", { ...options, yes: true })),
  );
  command("remove <name>", "remove it; its campaigns must have ended")
    .option("--yes", "do not ask")
    .action((name: string, options: CommonOptions) => run(options, (c, t) => setState(c, t, name, "removed", options)));
  command("ids <name>", "how the ids of its receipts are rewritten, so that they agree with those of its answers")
    .requiredOption("--receipt-ids <rule>", `one of ${idRules.join(", ")}`)
    .action((name: string, options: CommonOptions & { receiptIds: string }) => run(options, (c, t) => setIds(c, t, name, options)));
  command("rotate-key", "seal all passwords with a new key, which goes first into the key file")
    .option("--drop-old", "then remove the older keys from the file: backups of before cannot be read with it")
    .action((options: CommonOptions & { dropOld?: boolean }) => run(options, (c, t) => rotateKey(c, t, options)));
  carriers.addHelpText("after", carriersHelp);
}

function registerAdd(carriers: Command): void {
  const add = carriers.command("add").description("enter an account that an operator gave you; it texts test phones alone until `live`");
  for (const protocol of addedProtocols) {
    const command = add
      .command(`${protocol} <name>`)
      .option("--data <dir>", `data folder of the system (default ${settings.BULKSMS_DATA.default})`)
      .option("--json", "print the carrier as JSON")
      .option("--password-file <file>", `file of the password or token (or ${secretVariable}, or a prompt)`)
      .option("--sender <sender>", "a sender that the operator lets you use; may be repeated", collect, [])
      .option("--country <code>", "a destination beside the installation's own country; may be repeated", collect, []);
    addSettingOptions(command, protocol).action((name: string, options: AddOptions) =>
      run(options, (connection, terminal) => addCarrier(connection, terminal, protocol, name, options)),
    );
  }
}

type AddOptions = CommonOptions & GivenOptions & { passwordFile?: string; sender: string[]; country: string[] };
const collect = (value: string, before: string[]): string[] => [...before, value];

type Work = (connection: Connection, terminal: Terminal, options: CommonOptions) => Promise<number>;

const run = (options: CommonOptions, work: Work): Promise<void> =>
  endWell(async () => {
    const connection = connectAsInstallation(options.data);
    try {
      return await work(connection, createTerminal(options.json === true ? process.stderr : process.stdout, process.env), options);
    } catch (error) {
      if (!(error instanceof Interrupted)) throw error;
      return interruptedExitCode;
    } finally {
      await connection.close();
    }
  });

/** @throws Failure when there is no key of the installation */
function connectAsInstallation(data: string | undefined): Connection {
  const { folder, environment } = settingsAt(data, process.env);
  const fields = { webapiUrl: "BULKSMS_WEBAPI_URL", salesapiUrl: "BULKSMS_SALESAPI_URL", adminKey: "BULKSMS_ADMIN_KEY" } as const;
  const { adminKey, ...urls } = readConfig(environment, fields, { optional: ["adminKey"] });
  if (adminKey !== undefined) return openConnection({ ...urls, apiKey: adminKey });
  const why = `no system has run in ${folder}, and BULKSMS_ADMIN_KEY is not set`;
  throw wrongUse("no key of the installation is known", why, "name the system's folder with --data, or set BULKSMS_ADMIN_KEY");
}

const readCarriers = async (connection: Connection): Promise<InstalledCarrier[]> =>
  (await connection.callSalesapi<CarriersAnswer>("carriers cannot be listed", "GET", "/carriers")).carriers;

const change = (connection: Connection, asked: string, name: string, changes: CarrierChange | object): Promise<InstalledCarrier> =>
  connection.callSalesapi<InstalledCarrier>(asked, "POST", `/carriers/${encodeURIComponent(name)}`, changes);

async function addCarrier(connection: Connection, terminal: Terminal, protocol: AddedProtocol, name: string, options: AddOptions) {
  const { passwordFile, sender: senders, country: countries } = options;
  const given = settingsOfOptions(protocol, options);
  const secret = await readSecret(name, { passwordFile, environment: process.env, input: process.stdin, output: process.stdout });
  const carrier = await connection.callSalesapi<InstalledCarrier>(`${name} was not added`, "POST", "/carriers", {
    ...{ name, settings: given, secret, senders, countries },
  });
  if (options.json === true) return printJson(carrier);
  terminal.line(`${carrier.name} is added, test_only. Next: npx bulksms carriers test ${carrier.name} --phone +...`);
  return exitCodes.ok;
}

async function list(connection: Connection, terminal: Terminal, { json }: CommonOptions): Promise<number> {
  const carriers = await readCarriers(connection);
  if (json === true) return printJson({ carriers });
  if (carriers.length === 0) terminal.line("no carriers but the simulator; docs/carriers.md shows how to add one");
  else for (const line of renderCarriers(terminal, carriers)) terminal.line(line);
  return exitCodes.ok;
}

async function testCarrier(connection: Connection, terminal: Terminal, name: string, options: CommonOptions & { phone: string[] }) {
  const before = (await readCarriers(connection)).find((carrier) => carrier.name === name);
  const added = await change(connection, `${name} is not tested`, name, { test_phones: { add: options.phone.map(phoneOf) } });
  if (added.state === "paused") {
    const why = "its links are closed while it is paused";
    throw new Failure(exitCodes.failed, `${name} is paused`, why, `npx bulksms carriers live ${name}`);
  }
  // a change opens the links anew: what they were before it proves nothing
  const stale = before?.version === added.version ? [] : added.links;
  const endMs = performance.now() + boundMaxMs;
  let carrier = added;
  while (!areLinksBound(carrier, stale) && performance.now() < endMs) {
    await sleep(lookEveryMs);
    carrier = (await readCarriers(connection)).find((one) => one.name === name) ?? carrier;
  }
  const isBound = areLinksBound(carrier, stale);
  if (options.json === true) printJson(carrier);
  else for (const line of renderLinks(terminal, carrier, isBound)) terminal.line(line);
  return isBound ? exitCodes.ok : exitCodes.failed;
}

async function setIds(connection: Connection, terminal: Terminal, name: string, options: CommonOptions & { receiptIds: string }) {
  const rule = idRules.find((one) => one === options.receiptIds);
  if (rule === undefined)
    throw wrongUse(`--receipt-ids ${options.receiptIds} is not possible`, `it is one of ${idRules.join(", ")}`, idsHelp);
  const carrier = await change(connection, `${name} keeps its rule`, name, { receipt_ids: rule });
  if (options.json === true) return printJson(carrier);
  terminal.line(`${carrier.name} reads ids of receipts as ${rule}; those that wait are read again`);
  return exitCodes.ok;
}

const idsHelp = "docs/carriers.md, 'ids of receipts', shows what each of them does";

const questionsOf: Partial<Record<CarrierState, string>> = {
  live: "Let campaigns text everybody, for money, through",
  removed: "Remove",
};

async function setState(connection: Connection, terminal: Terminal, name: string, state: CarrierState, options: CommonOptions) {
  const question = questionsOf[state];
  if (question !== undefined && options.yes !== true) {
    if (process.stdin.isTTY !== true || !terminal.isLive)
      throw wrongUse(`${name} stays as it is`, "nobody can be asked here", "give --yes, or type the command in a terminal");
    const isAgreed = await createQuestions(process.stdin, options.json === true ? process.stderr : process.stdout, terminal).confirm(
      `${question} ${name}?`,
    );
    if (!isAgreed) {
      terminal.line("nothing was changed");
      return exitCodes.failed;
    }
  }
  const carrier = await change(connection, `${name} stays as it is`, name, { state });
  if (options.json === true) return printJson(carrier);
  terminal.line(`${carrier.name} is ${carrier.state}`);
  return exitCodes.ok;
}

/** The new key is in the file before anything is sealed with it; the older ones stay until then. */
async function rotateKey(connection: Connection, terminal: Terminal, options: CommonOptions & { dropOld?: boolean }): Promise<number> {
  const carriers = await readCarriers(connection);
  const { file } = readConfig(settingsAt(options.data, process.env).environment, { file: "BULKSMS_CARRIER_KEYS" });
  addSealKey(file);
  for (const { name } of carriers)
    await change(connection, `${name} keeps its old seal; run it again: nothing is lost`, name, { reseal: true });
  const { resealed } = await connection.callSalesapi<{ resealed: number }>(
    "secrets of callbacks keep their old seal; run it again: nothing is lost",
    "POST",
    "/callback-secrets/reseal",
  );
  if (options.dropOld === true) dropOldSealKeys(file);
  if (options.json === true) return printJson({ resealed: carriers.map(({ name }) => name), callback_secrets: resealed, file });
  terminal.line(`${carriers.length + resealed} sealed with a new key of ${file}${options.dropOld === true ? ", the only one now" : ""}`);
  return exitCodes.ok;
}

function printJson(value: unknown): number {
  process.stdout.write(`${JSON.stringify(value)}\n`);
  return exitCodes.ok;
}

const carriersHelp = `
Asks salesapi with the key of the installation: that of the data folder, or BULKSMS_ADMIN_KEY.
A password is never an argument: --password-file, ${secretVariable}, or a prompt.

Examples:
  npx bulksms carriers add smpp telia --host smpp.example --port 3550 --tls verify --system-id oulu --sender Oulu
  npx bulksms carriers test telia --phone "+358 40 123 4567"
  npx bulksms carriers live telia

Exit codes: 0 done, 1 refused or not bound, 2 wrong use or no key, 3 salesapi does not answer, 130 interrupted
`;
