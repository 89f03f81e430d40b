// Writes one JSON line per event to standard output: `event: "campaign.paused"`, ids as fields,
// `durationMs`. Opened once per process.
import { type Logger, pino } from "pino";
import type { AppError } from "../contracts/errors.ts";

export type Log = Logger;

/** Fields that must never be logged, at any depth. */
const redactedFields = [
  "authorization",
  "*.authorization",
  "headers.authorization",
  "cookie",
  "*.cookie",
  "token",
  "*.token",
  "msisdn",
  "*.msisdn",
  "text",
  "*.text",
  "key",
  "*.key",
];

export function createLog(processName: string, options: { level: string; format: string }): Log {
  return pino({
    level: options.level,
    base: { process: processName, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    messageKey: "message",
    redact: { paths: redactedFields, censor: "[hidden]" },
    ...(options.format === "pretty"
      ? {
          transport: {
            target: "pino-pretty",
            options: { messageKey: "message", ignore: "pid", translateTime: "HH:MM:ss.l", singleLine: true },
          },
        }
      : {}),
  });
}

/** An error as log fields: its name, message and cause chain; no stack for expected errors. */
export function errorFields(error: unknown): { error: string; stack?: string } {
  if (!(error instanceof Error)) return { error: String(error) };
  const chain: string[] = [];
  for (let link: unknown = error; link instanceof Error && chain.length < 5; link = link.cause) chain.push(`${link.name}: ${link.message}`);
  return { error: chain.join(" <- "), ...(error.name === "AppError" || error.stack === undefined ? {} : { stack: error.stack }) };
}

/** Logs a request that failed through no fault of its client. */
export function logFailure(log: Log, error: AppError, request: { method: string; route: string | undefined }): void {
  log[error.code === "internal" ? "error" : "warn"]({
    event: "http.failed",
    code: error.code,
    ...request,
    ...errorFields(error.cause ?? error),
  });
}
