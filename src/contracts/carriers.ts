// A carrier as data of the installation: how it is reached and what may be expected of it. Written
// by `bulksms carriers` and /carriers, read by sales_worker, which opens links by it.
import { z } from "zod";
import { receiptStatuses } from "./states.ts";

/** The simulator behind the own dialect, as a carrier's name. */
export const builtInCarrier = "simulator";

/** Which carrier, in answers about a campaign. */
export const carrierAnswer = z.object({
  name: z.string(),
  simulated: z.boolean().describe("no phone is reached: the endpoint identified itself as our simulator"),
});
export type CarrierAnswer = z.infer<typeof carrierAnswer>;

/** How an id is rewritten so that those of answers and receipts agree. */
export const idRules = ["exact", "lower", "hex_to_dec", "dec_to_hex", "strip_zeros"] as const;
export type IdRule = (typeof idRules)[number];

/**
 * What the status of a submit_sm_resp means: `throttled` and `try_later` certainly not accepted,
 * and to be sent again; `rebind` and `stop` end the link, `stop` because it would be in vain.
 */
export const smppStatusMeanings = ["accepted", "throttled", "try_later", "rebind", "stop", "rejected"] as const;
export type SmppStatusMeaning = (typeof smppStatusMeanings)[number];

/** What a message costs from: the carrier's acceptance, or its receipt `sent`. */
export const chargeMoments = ["acceptance", "sent_receipt"] as const;
export type ChargeMoment = (typeof chargeMoments)[number];

/** What becomes of messages in doubt: kept as they are, or looked up and sent again. */
export const doubtPolicies = ["keep", "resend"] as const;

const country = z.string().regex(/^[A-Z]{2}$/, "must be two capital letters (ISO 3166)");
/** Entries of one list of a carrier. */
const entriesMax = 1_000;

const hostname = z.string().min(1).max(253);
const port = z.number().int().min(1).max(65_535);
const credential = z.string().min(1).max(128);

const window = z.number().int().min(1).max(1_000).describe("message parts in flight on one link");
const partsPerSecond = z.number().min(0.1).max(10_000).describe("message parts a second over all links");
const links = z.number().int().min(1).max(20).describe("binds, or groups of connections");

/** Limits that the operator gave, for all workers of the installation together. */
const limits = {
  window: window.default(10),
  parts_per_second: partsPerSecond.default(10),
  links: links.default(1),
  on_doubt: z.enum(doubtPolicies).default("keep"),
  charge_on: z.enum(chargeMoments).optional(),
  /** Destinations from which no receipt ever comes. */
  countries_without_receipts: z.array(country).max(entriesMax).default([]),
};

interface ReceiptTerms {
  receipts: string;
  charge_on?: ChargeMoment | undefined;
}

/** What no receipt tells cannot be charged by a receipt. */
const isChargeable = ({ receipts, charge_on }: ReceiptTerms): boolean => receipts !== "none" || charge_on !== "sent_receipt";
const unchargeable = { path: ["charge_on"], error: "must be acceptance where no receipts come" };

export const smppSettings = z
  .strictObject({
    protocol: z.literal("smpp"),
    host: hostname,
    port,
    tls: z.enum(["off", "verify"]).default("off"),
    /** Name that the certificate must have; the host if not given. */
    tls_name: hostname.optional(),
    /** PEM of the authority, for carriers with one of their own. */
    tls_ca: z.string().max(65_536).optional(),
    system_id: z.string().min(1).max(15),
    system_type: z.string().max(12).default(""),
    service_type: z.string().max(5).default(""),
    bind: z.enum(["transceiver", "transmitter_and_receiver"]).default("transceiver"),
    alphabet: z.enum(["gsm7", "latin1"]).default("gsm7").describe("what data_coding 0 means there"),
    /** data_coding of texts in that alphabet: some carriers want 1 or 3. */
    data_coding: z.union([z.literal(0), z.literal(1), z.literal(3)]).default(0),
    /** Type of number of senders of up to 8 digits. */
    short_code_ton: z.union([z.literal(0), z.literal(3), z.literal(6)]).default(3),
    long_text: z.enum(["payload", "udh", "sar"]).default("udh"),
    validity: z.enum(["absolute", "relative", "none"]).default("relative"),
    answer_ids: z.enum(idRules).default("exact"),
    receipt_ids: z.enum(idRules).default("exact"),
    /** Receipts of carriers that do not mark them in esm_class are told by their text. */
    receipts_by_text: z.boolean().default(false),
    receipts: z.enum(["session", "none"]).default("session"),
    /** Meaning of statuses where the carrier departs from the usual: {"1042": "stop"}. */
    statuses: z.record(z.string().regex(/^\d{1,10}$/), z.enum(smppStatusMeanings)).default({}),
    /** The same for states of receipts as their text writes them: {"UNKNOWN": "queued"}. */
    receipt_states: z.record(z.string().regex(/^[A-Z]{1,32}$/), z.enum(receiptStatuses)).default({}),
    answer_timeout_s: z.number().int().min(1).max(600).default(60),
    enquire_link_s: z.number().int().min(1).max(600).default(30),
    ...limits,
  })
  .refine(
    (given) => isChargeable(given) && (given.charge_on !== "sent_receipt" || given.countries_without_receipts.length === 0),
    unchargeable,
  );
export type SmppSettings = z.infer<typeof smppSettings>;

export const twilioSettings = z
  .strictObject({
    protocol: z.literal("twilio"),
    /** Where the API is; Twilio's own unless a test says otherwise. */
    url: z.url().default("https://api.twilio.com"),
    account_sid: credential,
    messaging_service_sid: credential.optional(),
    /** Address of our receipts as Twilio reaches it; without it messages are polled. */
    receipts_url: z.url().optional(),
    receipts: z.enum(["push", "none"]).default("push"),
    ...limits,
  })
  .refine(isChargeable, unchargeable);
export type TwilioSettings = z.infer<typeof twilioSettings>;

export const carrierSettings = z.discriminatedUnion("protocol", [smppSettings, twilioSettings]);
export type CarrierSettings = z.infer<typeof carrierSettings>;

/** SMPP carriers charge what they accept; Twilio reports what it sent, if it reports anything. */
export const chargeMomentOf = (settings: CarrierSettings): ChargeMoment =>
  settings.charge_on ?? (settings.protocol === "smpp" || settings.receipts === "none" ? "acceptance" : "sent_receipt");

/** Whether each part of a long message has an id, and receipts, of its own. */
export const hasIdPerPart = (settings: CarrierSettings): boolean => settings.protocol === "smpp" && settings.long_text !== "payload";

/**
 * `test_only`: only its test phones are texted. `paused`: its links are closed. `removed`: it is
 * kept for its campaigns' sake alone.
 */
export const carrierStates = ["test_only", "live", "paused", "removed"] as const;
export type CarrierState = (typeof carrierStates)[number];

/** Whether a campaign may name this sender: a number, or a name as networks take it. */
export const isSender = (text: string): boolean =>
  /^\+?\d{1,15}$/.test(text) || (/^[A-Za-z0-9 &._+!-]{1,11}$/.test(text) && /[A-Za-z]/.test(text));

/** The check of the column says the same. */
const nameForm = /^[a-z0-9][a-z0-9_-]{0,39}$/;
/** A path or a field can hold anything, such as a NUL, which no database takes. */
export const isCarrierName = (text: string): boolean => nameForm.test(text);

const carrierName = z.string().regex(nameForm, "must be 1 to 40 of a-z, 0-9, _ and -, the first a letter or digit");
const sender = z.string().refine(isSender, "must be up to 15 digits, or up to 11 letters, digits, spaces and & . _ - + !");
const phone = z.string().regex(/^\+[1-9]\d{6,14}$/, "must be + and 7 to 15 digits");
/** A password or token, as the operator gave it. */
const secret = z.string().regex(/^[\x20-\x7e]{1,128}$/, "must be 1 to 128 printable ASCII characters");

/** POST /carriers: a new carrier is test_only. */
export const newCarrier = z.strictObject({
  name: carrierName,
  settings: carrierSettings,
  secret: secret.describe("SMPP: the password; Twilio: the auth token. Sealed, and in no answer"),
  senders: z.array(sender).max(entriesMax).default([]),
  countries: z.array(country).max(entriesMax).default([]).describe("destinations beside the installation's own country"),
  test_phones: z.array(phone).max(entriesMax).default([]),
});
export type NewCarrier = z.infer<typeof newCarrier>;

const changeOf = (entry: z.ZodType<string>) =>
  z.strictObject({ add: z.array(entry).max(entriesMax).default([]), remove: z.array(entry).max(entriesMax).default([]) });

/** POST /carriers/{name}: what is not named stays. */
export const carrierChange = z.strictObject({
  state: z.enum(carrierStates).optional(),
  senders: changeOf(sender).optional(),
  countries: changeOf(country).optional(),
  test_phones: changeOf(phone).optional(),
  limits: z.strictObject({ window: window.optional(), parts_per_second: partsPerSecond.optional(), links: links.optional() }).optional(),
  receipt_ids: z.enum(idRules).optional().describe("SMPP: how ids of receipts are rewritten; receipts that wait are read anew"),
  secret: secret.optional().describe("a new password or token"),
  reseal: z.literal(true).optional().describe("seal the secret anew with the newest key; the carrier does not change"),
});
export type CarrierChange = z.infer<typeof carrierChange>;

const time = z.string().describe("RFC 3339");

/** 201 of POST /carriers, 200 of POST /carriers/{name}, an entry of GET /carriers. */
export const installedCarrier = z.object({
  name: z.string(),
  state: z.enum(carrierStates),
  simulated: z.boolean().nullable().describe("whether it identified itself as our simulator; null: it has not answered yet"),
  settings: carrierSettings,
  senders: z.array(z.string()),
  countries: z.array(z.string()),
  test_phones: z.array(z.string()),
  links: z.array(
    z.object({
      slot: z.number().int(),
      state: z.string().describe("connecting, bound, resting, over"),
      description: z.string(),
      changed_at: time,
      waits_until: time
        .nullable()
        .describe("resting: nothing is submitted before; over: it is not opened before; null: it waits for nothing"),
    }),
  ),
  rests: z
    .object({ until: time, reason: z.string() })
    .nullable()
    .describe("it throttles, or refuses the account: nothing is submitted on any of its links until then"),
  in_doubt: z.number().int().describe("messages of which nobody knows whether the carrier has them"),
  receipts_waiting: z.number().int().describe("receipts whose id no message has, yet"),
  proposed_receipt_ids: z
    .enum(idRules)
    .nullable()
    .describe("the only rule for receipt_ids by which all receipts that wait would find their messages"),
  last_error: z.string().nullable(),
  last_error_at: time.nullable(),
  created_at: time,
  version: z.number().int().describe("grows with every change"),
});
export type InstalledCarrier = z.infer<typeof installedCarrier>;

/**
 * What a campaign may be sent through, as those who send see it: what they choose by, and nothing
 * of the account behind it.
 */
export const carrierChoice = carrierAnswer.extend({
  state: z.enum(["test_only", "live"]).describe("test_only: only its test phones are texted"),
  senders: z.array(z.string()).nullable().describe("one of them must be named; null: any sender"),
  countries: z.array(z.string()).nullable().describe("destinations, ISO 3166 letters; null: every number"),
});
export type CarrierChoice = z.infer<typeof carrierChoice>;

/** 200 of GET /carriers/choices: the simulator, then the others by name. */
export const carrierChoicesAnswer = z.object({
  carriers: z.array(carrierChoice),
  default: z.string().describe("carrier of a campaign that names none; missing among the carriers while it is paused"),
});
export type CarrierChoicesAnswer = z.infer<typeof carrierChoicesAnswer>;

/** 200 of GET /carriers: all but those removed, by name. */
export const carriersAnswer = z.object({ carriers: z.array(installedCarrier) });
export type CarriersAnswer = z.infer<typeof carriersAnswer>;
