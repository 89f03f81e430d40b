// simulator: the simulated mobile network behind one HTTP listener, and the receipts it sends. Only
// wiring.
import { readFileSync } from "node:fs";
import { access, constants } from "node:fs/promises";
import type { SimulatorProfileName } from "../../contracts/simulator_journal.ts";
import { type Config, ConfigError, readConfig, requireSafeListener } from "../../platform/config.ts";
import { createHttpServer, type HttpServer, listen } from "../../platform/http.ts";
import type { Log } from "../../platform/log.ts";
import { createMetrics, type Metrics, secondsBuckets } from "../../platform/metrics.ts";
import { type Node, runNode } from "../../platform/node.ts";
import { withoutBrackets } from "../../platform/own_address.ts";
import { takeOverEarlierFolder } from "../../platform/renamed_folder.ts";
import { addBatchHttpRoutes } from "../../simulator/dialects/batch_http.ts";
import { createSmppDialect, type SmppDialect } from "../../simulator/dialects/smpp.ts";
import { createTwilioDialect } from "../../simulator/dialects/twilio.ts";
import { createSimulator, type Simulator } from "../../simulator/simulator.ts";

export const config = {
  host: "BULKSMS_HOST",
  port: "BULKSMS_SIMULATOR_PORT",
  allowedHosts: "BULKSMS_ALLOWED_HOSTS",
  key: "BULKSMS_SIMULATOR_KEY",
  folder: "BULKSMS_SIMULATOR_DATA",
  seed: "BULKSMS_SIMULATOR_SEED",
  profile: "BULKSMS_SIMULATOR_PROFILE",
  speed: "BULKSMS_SIMULATOR_SPEED",
  partsPerSecond: "BULKSMS_SIMULATOR_MPS_MAX",
  receiptsUrl: "BULKSMS_SIMULATOR_RECEIPTS_URL",
  receiptSecrets: "BULKSMS_RECEIPT_SECRETS",
  receiptHorizonS: "BULKSMS_RECEIPT_HORIZON_S",
  receiptsPerBody: "BULKSMS_SIMULATOR_RECEIPTS_PER_BODY",
  callbackConcurrency: "BULKSMS_SIMULATOR_CALLBACK_CONCURRENCY",
  callbackPipelining: "BULKSMS_SIMULATOR_CALLBACK_PIPELINING",
  twilioAccounts: "BULKSMS_SIMULATOR_TWILIO_ACCOUNTS",
  twilioConcurrency: "BULKSMS_SIMULATOR_TWILIO_CONCURRENCY",
  smppAccounts: "BULKSMS_SIMULATOR_SMPP_ACCOUNTS",
  smppPort: "BULKSMS_SIMULATOR_SMPP_PORT",
  smppTlsCert: "BULKSMS_SIMULATOR_SMPP_TLS_CERT",
  smppTlsKey: "BULKSMS_SIMULATOR_SMPP_TLS_KEY",
  smppAlphabet: "BULKSMS_SIMULATOR_SMPP_ALPHABET",
  smppBindsMax: "BULKSMS_SIMULATOR_SMPP_BINDS_MAX",
  smppWindow: "BULKSMS_SIMULATOR_SMPP_WINDOW",
  smppReceiptWindow: "BULKSMS_SIMULATOR_SMPP_RECEIPT_WINDOW",
  smppPartsPerSecond: "BULKSMS_SIMULATOR_SMPP_PARTS_PER_SECOND",
  logLevel: "BULKSMS_LOG_LEVEL",
  logFormat: "BULKSMS_LOG_FORMAT",
} as const;

export interface SimulatorNode extends Node {
  /** Available after `start`. */
  ports(): { http: number; smpp: number | null };
}

export function create(settings: Config<typeof config>, log: Log): SimulatorNode {
  const metrics = createMetrics("simulator");
  const simulator = createSimulator({
    folder: settings.folder,
    seed: settings.seed,
    profile: settings.profile as SimulatorProfileName,
    speed: parseSpeed(settings.speed),
    partsPerSecond: settings.partsPerSecond,
    receiptHorizonMs: settings.receiptHorizonS * 1_000,
    receiptsUrl: settings.receiptsUrl,
    receiptSecret: newestSecret(settings.receiptSecrets),
    receiptsPerBody: settings.receiptsPerBody,
    callbackConcurrency: settings.callbackConcurrency,
    callbackPipelining: settings.callbackPipelining,
    onCallback: callbackObserver(metrics, log),
    onFatal: dieOf,
  });
  addGauges(metrics, simulator);
  const twilio = createTwilioDialect({
    simulator,
    tokens: new Map(settings.twilioAccounts.map(readAccount)),
    concurrencyMax: settings.twilioConcurrency,
  });
  const smpp = createSmpp(settings, simulator);
  let smppPort: number | null = null;
  let app: HttpServer | undefined;
  let port: number | undefined;
  return {
    async start() {
      takeOverEarlierFolder(settings.folder);
      await simulator.start();
      app = await createHttpServer({
        name: "simulator",
        description: "A simulated mobile network: takes messages, sends receipts.",
        log,
        metrics,
        checks: { journal: () => access(settings.folder, constants.W_OK) },
        host: settings.host,
        allowedHosts: settings.allowedHosts,
        requestsPerMinute: null,
      });
      addBatchHttpRoutes(app, { simulator, key: settings.key, peaks: () => ({ ...twilio.peaks(), ...smpp.peaks() }) });
      if (settings.twilioAccounts.length > 0) twilio.addRoutes(app);
      port = await listen(app, settings);
      if (settings.smppAccounts.length > 0) smppPort = await smpp.listen(withoutBrackets(settings.host), settings.smppPort);
      const { unfinished } = simulator.gauges();
      log.info({
        event: "simulator.listening",
        port,
        smpp_port: smppPort,
        profile: settings.profile,
        seed: settings.seed,
        speed: settings.speed,
        resumed: unfinished,
      });
    },
    async stop() {
      // the listener first: submits in progress are answered while the journal is still open
      await Promise.all([app?.close(), smpp.stop()]);
      await simulator.stop();
    },
    ports() {
      if (port === undefined) throw new Error("simulator has not started");
      return { http: port, smpp: smppPort };
    },
  };
}

export function main(): Promise<void> {
  return runNode("simulator", readSimulatorConfig, create);
}

/** Reads the settings and validates what their type alone does not. @throws ConfigError */
function readSimulatorConfig(): Config<typeof config> {
  const settings = readConfig(process.env, config);
  requireSafeListener(settings.host, {
    BULKSMS_SIMULATOR_KEY: settings.key,
    BULKSMS_RECEIPT_SECRETS: settings.receiptSecrets,
    ...(settings.twilioAccounts.length === 0 ? {} : { BULKSMS_SIMULATOR_TWILIO_ACCOUNTS: settings.twilioAccounts.map(secretOf) }),
    ...(settings.smppAccounts.length === 0 ? {} : { BULKSMS_SIMULATOR_SMPP_ACCOUNTS: settings.smppAccounts.map(secretOf) }),
  });
  newestSecret(settings.receiptSecrets);
  return settings;
}

/** @throws ConfigError when the certificate cannot be read */
function createSmpp(settings: Config<typeof config>, simulator: Simulator): SmppDialect {
  return createSmppDialect({
    network: simulator.accounts,
    passwords: new Map(settings.smppAccounts.map(readAccount)),
    alphabet: settings.smppAlphabet as "gsm7" | "latin1",
    bindsMax: settings.smppBindsMax,
    window: settings.smppWindow,
    receiptWindow: settings.smppReceiptWindow,
    partsPerSecond: settings.smppPartsPerSecond,
    tls: readTls(settings.smppTlsCert, settings.smppTlsKey),
    onFatal: dieOf,
  });
}

/** null: without TLS. */
function readTls(certFile: string, keyFile: string): { cert: string; key: string } | null {
  if (certFile === "" && keyFile === "") return null;
  const names = ["BULKSMS_SIMULATOR_SMPP_TLS_CERT", "BULKSMS_SIMULATOR_SMPP_TLS_KEY"] as const;
  if (certFile === "" || keyFile === "") throw new ConfigError([`${names.join(" and ")} go together: one of them is missing`]);
  const [cert, key] = [certFile, keyFile].map((file, index) => {
    try {
      return readFileSync(file, "utf8");
    } catch (error) {
      throw new ConfigError([`${names[index]}: ${file} cannot be read (${(error as Error).message})`]);
    }
  }) as [string, string];
  return { cert, key };
}

/** `name:secret`, whose form the setting has. */
function readAccount(text: string): [name: string, secret: string] {
  const colon = text.indexOf(":");
  return [text.slice(0, colon), text.slice(colon + 1)];
}

const secretOf = (account: string): string => readAccount(account)[1];

/** "max" is Infinity: no delays. */
function parseSpeed(text: string): number {
  return text === "max" ? Number.POSITIVE_INFINITY : Number(text);
}

/**
 * The newest secret: receipts are signed with it; the receiver may still accept an older one.
 * @throws ConfigError
 */
function newestSecret(secrets: readonly string[]): string {
  const [newest] = secrets;
  if (newest === undefined) throw new ConfigError(["BULKSMS_RECEIPT_SECRETS: names no secret"]);
  return newest;
}

/**
 * The journal cannot be written: memory is ahead of the disk, so the process must end; the next one
 * starts from the disk.
 */
function dieOf(error: unknown): void {
  setImmediate(() => {
    throw error;
  });
}

/** A receiver that is away fails thousands of times: one log line per interval is enough. */
const refusalLogMs = 10_000;

/** Measures every attempt, and logs now and then that receipts do not get through. */
function callbackObserver(metrics: Metrics, log: Log): (status: number, seconds: number) => void {
  const callbackSeconds = metrics.histogram("simulator_callback_seconds", "Attempts to bring receipts", secondsBuckets, ["outcome"]);
  let refused = 0;
  let loggedAtMs = Number.NEGATIVE_INFINITY;
  return (status, seconds) => {
    const isAnswered = status >= 200 && status < 300;
    callbackSeconds.observe({ outcome: isAnswered ? "answered" : status === 0 ? "unreachable" : "refused" }, seconds);
    if (isAnswered) return;
    refused += 1;
    const now = performance.now();
    if (now - loggedAtMs < refusalLogMs) return;
    log.warn({ event: "simulator.receipts_refused", status, attempts: refused });
    loggedAtMs = now;
    refused = 0;
  };
}

function addGauges(metrics: Metrics, simulator: Simulator): void {
  const description = {
    accepted: "Messages accepted",
    rejected: "Messages refused at the submit",
    repeats: "Submits of a known reference",
    repeats_differing: "Repeats that carried another message",
    throttled: "Bodies refused for their rate",
    sent: "Messages sent",
    parts_sent: "Message parts sent",
    ended: "Messages whose end is known",
    receipts_emitted: "Receipts made",
    receipts_answered: "Receipts answered 2xx",
    receipts_given_up: "Receipts no longer retried",
  } as const;
  for (const [name, help] of Object.entries(description)) {
    metrics.gauge(`simulator_${name}`, `${help} since the process started`, () => simulator.counts()[name as keyof typeof description]);
  }
  metrics.gauge("simulator_unfinished", "Messages with something to come", () => simulator.gauges().unfinished);
  metrics.gauge("simulator_receipts_pending", "Receipts waiting for their 2xx", () => simulator.gauges().receipts_pending);
  metrics.gauge("simulator_segments_in_memory", "Segments of the journal in memory", () => simulator.gauges().segments_in_memory);
}
