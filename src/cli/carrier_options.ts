// The options of `carriers add`: one for each setting of the protocol, so that none can be
// forgotten. `long_text` is --long-text; contracts/carriers.ts has what its value may be.
import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { z } from "zod";
import { type CarrierSettings, smppSettings, twilioSettings } from "../contracts/carriers.ts";
import { wrongUse } from "./failure.ts";
import { readDecimalNumber } from "./number_options.ts";

export const addedProtocols = ["smpp", "twilio"] as const;
export type AddedProtocol = (typeof addedProtocols)[number];

const schemas = { smpp: smppSettings, twilio: twilioSettings } as const;

/** As commander names them: camelCase of the flag. */
export type GivenOptions = Readonly<Record<string, unknown>>;

/** Words of an operator's letter, for --help. */
const descriptions: Readonly<Record<string, string>> = {
  host: "host name or address of the SMSC",
  port: "its port",
  tls: "off, or verify: TLS whose certificate is checked",
  tls_name: "name that the certificate has, if it is not the host",
  tls_ca: "file of the authority's certificate (PEM), if it is the operator's own",
  system_id: "system_id, or user name",
  system_type: "system_type, if the letter names one",
  service_type: "service_type, if the letter names one",
  bind: "transceiver, or transmitter_and_receiver",
  alphabet: "what data_coding 0 is there: gsm7, or latin1",
  data_coding: "data_coding of texts in that alphabet: 0, 1 or 3",
  short_code_ton: "type of number of short senders: 0, 3 or 6",
  long_text: "how a long text goes: udh, sar or payload",
  validity: "validity_period: relative, absolute or none",
  answer_ids: "id of an answer: exact, lower, hex_to_dec, dec_to_hex, strip_zeros",
  receipt_ids: "id of a receipt: the same words",
  receipts_by_text: "receipts are not marked in esm_class: tell them by their text",
  receipts: "none, if this account gets no receipts",
  statuses: "meanings of statuses, such as 1042=stop,88=throttled",
  receipt_states: "meanings of receipts' states, such as UNKNOWN=queued",
  answer_timeout_s: "seconds to wait for an answer",
  enquire_link_s: "seconds of silence before enquire_link",
  window: "message parts without an answer, on each link",
  parts_per_second: "message parts a second over all links",
  links: "binds, or groups of connections",
  on_doubt: "keep, or resend",
  charge_on: "acceptance, or sent_receipt",
  countries_without_receipts: "countries from which no receipt comes, such as IN,CN",
  url: "address of the API, for tests",
  account_sid: "Account SID: AC and 32 digits",
  messaging_service_sid: "Messaging Service SID, if texts go through one",
  receipts_url: "public address of /receipts/twilio/NAME of salesapi; without it messages are polled",
};

type Kind = "boolean" | "number" | "map" | "list" | "text";

/** The settings of a protocol but the protocol itself. */
const fieldsOf = (protocol: AddedProtocol): string[] => Object.keys(schemas[protocol].shape).filter((field) => field !== "protocol");

const flagOf = (field: string): string => `--${field.replaceAll("_", "-")}`;
const camelOf = (field: string): string => field.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

function kindOf(protocol: AddedProtocol, field: string): Kind {
  let schema = (schemas[protocol].shape as Readonly<Record<string, z.ZodType>>)[field];
  while (schema instanceof z.ZodDefault || schema instanceof z.ZodOptional) schema = schema.unwrap() as z.ZodType;
  if (schema instanceof z.ZodBoolean) return "boolean";
  if (schema instanceof z.ZodRecord) return "map";
  if (schema instanceof z.ZodArray) return "list";
  return schema instanceof z.ZodNumber || schema instanceof z.ZodUnion ? "number" : "text";
}

export function addSettingOptions(command: Command, protocol: AddedProtocol): Command {
  for (const field of fieldsOf(protocol)) {
    const value = { boolean: "", number: " <n>", map: " <list>", list: " <list>", text: " <word>" }[kindOf(protocol, field)];
    command.option(`${flagOf(field)}${value}`, descriptions[field] ?? field);
  }
  return command;
}

/** @throws Failure naming the option */
export function settingsOfOptions(protocol: AddedProtocol, options: GivenOptions): CarrierSettings {
  const given: Record<string, unknown> = { protocol };
  for (const field of fieldsOf(protocol)) {
    const value = options[camelOf(field)];
    if (value !== undefined) given[field] = readOption(kindOf(protocol, field), field, value);
  }
  const parsed = schemas[protocol].safeParse(given);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = String(issue?.path[0] ?? "");
  const isMissing = given[field] === undefined;
  throw wrongUse(
    isMissing ? `${flagOf(field)} is missing` : `${flagOf(field)} ${String(options[camelOf(field)])} is not possible`,
    `${descriptions[field] ?? field}: ${issue?.message ?? ""}`,
    `\`npx bulksms carriers add ${protocol} --help\` lists the options; docs/carriers.md has the words of operators' letters`,
  );
}

function readOption(kind: Kind, field: string, value: unknown): unknown {
  if (kind === "boolean") return value === true;
  const text = String(value);
  if (kind === "number") return readDecimalNumber(text, { min: 0, max: 1_000_000 }) ?? text;
  if (kind === "map") return mapOf(field, text);
  if (kind === "list") return text.split(",").map((entry) => entry.trim());
  return field === "tls_ca" ? readFileNamed(flagOf(field), text) : text;
}

/** `1042=stop,88=throttled` @throws Failure */
function mapOf(field: string, text: string): Record<string, string> {
  const pairs = text.split(",").map((pair) => /^([^=]+)=([^=]+)$/.exec(pair.trim()));
  if (pairs.some((pair) => pair === null))
    throw wrongUse(`${flagOf(field)} ${text} is not possible`, "it is a list of NAME=MEANING", descriptions[field] ?? "");
  return Object.fromEntries(pairs.map((pair) => [pair?.[1] as string, pair?.[2] as string]));
}

/** @throws Failure */
export function readFileNamed(option: string, file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw wrongUse(`${option} ${file} cannot be read`, String((error as NodeJS.ErrnoException).code), "name a file that you may read");
  }
}

/** Spaces, dashes and brackets are for people. */
export const phoneOf = (text: string): string => text.replace(/[\s()-]/g, "");
