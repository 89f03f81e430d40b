// The life of a message and of a campaign as data: the states in their order, where each leads,
// what each implies, and the named sets. SQL, laws, console and model take theirs from here, so
// that a new state is one entry plus what the compiler then asks for. (CONTRIBUTING has the
// recipe.)

/** The statuses that a receipt may report. */
export const receiptStatuses = ["queued", "sent", "failed", "undelivered", "delivered"] as const;
export type ReceiptStatus = (typeof receiptStatuses)[number];

/**
 * What a message state is:
 * - `sendable`: a chunk may still submit it
 * - `submitted`: it may be with the carrier, and its deadline runs
 * - `accepted`: the carrier has taken it
 * - `charging`: its parts were sent, so they are charged
 * - `explained`: it carries the carrier's error code
 * - `imposed`: ended by our own hand; a receipt that comes afterwards is late
 * - `missed`: an end that did not reach the phone, as far as is known
 */
type MessageTrait = "sendable" | "submitted" | "accepted" | "charging" | "explained" | "imposed" | "missed";

interface MessageStateRule {
  /** The states that a step may move it to. Empty: final. */
  leadsTo: readonly string[];
  is: readonly MessageTrait[];
  /** Receipts that are no news to a message in this state, and no contradiction. */
  implies: readonly ReceiptStatus[];
}

const messageStates = {
  pending: { leadsTo: ["unknown", ...receiptStatuses, "canceled"], is: ["sendable"], implies: [] },
  unknown: { leadsTo: [...receiptStatuses, "expired"], is: ["submitted"], implies: [] },
  queued: { leadsTo: ["sent", "failed", "undelivered", "delivered", "expired"], is: ["submitted", "accepted"], implies: ["queued"] },
  sent: { leadsTo: ["undelivered", "delivered", "expired"], is: ["submitted", "accepted", "charging"], implies: ["queued", "sent"] },
  failed: { leadsTo: [], is: ["explained", "missed"], implies: ["queued", "failed"] },
  undelivered: {
    leadsTo: [],
    is: ["accepted", "charging", "explained", "missed"],
    implies: ["queued", "sent", "failed", "undelivered"],
  },
  delivered: { leadsTo: [], is: ["accepted", "charging"], implies: ["queued", "sent", "delivered"] },
  expired: { leadsTo: [], is: ["imposed", "missed"], implies: [] },
  canceled: { leadsTo: [], is: ["imposed", "missed"], implies: [] },
} as const satisfies Record<string, MessageStateRule>;

export type MessageStatus = keyof typeof messageStates;

/**
 * Message states, in the order of the Postgres enum `message_status`, each with a counter of its
 * name in `bulksms`. A state only grows, and never leaves a final one: every writer's guard is
 * `status < firstFinalStatus and status < new`.
 */
export const messageStatuses = Object.keys(messageStates) as [MessageStatus, ...MessageStatus[]];

type MessageStatusThat<Trait> = {
  [S in MessageStatus]: Trait extends (typeof messageStates)[S]["is"][number] ? S : never;
}[MessageStatus];
type OpenMessageStatus = { [S in MessageStatus]: (typeof messageStates)[S]["leadsTo"] extends readonly [] ? never : S }[MessageStatus];

const messagesThatAre = <Trait extends MessageTrait>(trait: Trait) =>
  messageStatuses.filter((status) => (messageStates[status].is as readonly MessageTrait[]).includes(trait)) as MessageStatusThat<Trait>[];

const imposed = messagesThatAre("imposed");
const submittedLeadTo = new Set<string>(
  messagesThatAre("submitted").flatMap((status) => messageStates[status].leadsTo as readonly string[]),
);

/** The named sets of message states, each in the enum's order. */
export const messageSets = {
  open: messageStatuses.filter((status) => messageStates[status].leadsTo.length > 0) as OpenMessageStatus[],
  final: messageStatuses.filter((status) => messageStates[status].leadsTo.length === 0) as Exclude<MessageStatus, OpenMessageStatus>[],
  sendable: messagesThatAre("sendable"),
  submitted: messagesThatAre("submitted"),
  accepted: messagesThatAre("accepted"),
  charging: messagesThatAre("charging"),
  explained: messagesThatAre("explained"),
  imposed,
  /** Imposed on what was never submitted: the carrier does not have it. */
  withdrawn: imposed.filter((status) => !submittedLeadTo.has(status)),
  /** Imposed on what was submitted: our last word over earlier receipts. */
  abandoned: imposed.filter((status) => submittedLeadTo.has(status)),
  missed: messagesThatAre("missed"),
} as const;
export type MessageSet = keyof typeof messageSets;

/**
 * The error code of a message that the carrier took and of which no receipt can tell more: it ends
 * as `expired`, charged. Campaigns count these, among the expired ones, in `unconfirmed`.
 */
export const unconfirmedCode = "unconfirmed";

/** What people are shown of a message: `expired` is then only what got no answer in time. */
export const shownStates = [...messageStatuses, unconfirmedCode] as const;
export type ShownState = (typeof shownStates)[number];

export const shownStateOf = (status: MessageStatus, errorCode: string | null): ShownState =>
  status === "expired" && errorCode === unconfirmedCode ? unconfirmedCode : status;

/** A campaign's messages by what people are shown. */
export function shownCounts({
  counts,
  unconfirmed,
}: {
  counts: Readonly<Record<MessageStatus, number>>;
  unconfirmed: number;
}): Record<ShownState, number> {
  return { ...counts, expired: counts.expired - unconfirmed, unconfirmed };
}

/** The enum's first final state: `status < firstFinalStatus` is an open message. */
export const firstFinalStatus = messageSets.final[0] as MessageStatus;

/** The states that a step may move a message of this state to. */
export const messageLeadsTo = (status: MessageStatus): readonly MessageStatus[] =>
  messageStates[status].leadsTo as readonly MessageStatus[];

/** Receipts that are no news to a message in this state, and no contradiction. */
export const impliedReceipts = (status: MessageStatus): readonly ReceiptStatus[] => messageStates[status].implies;

export function isMessageIn(set: MessageSet, status: MessageStatus): boolean {
  return (messageSets[set] as readonly MessageStatus[]).includes(status);
}

/** A state in which a message ends by our own hand. */
export type ImposedStatus = MessageStatusThat<"imposed">;

/**
 * What a campaign state is:
 * - `imported`: its messages are complete
 * - `ran`: its messages may have reached the carrier, so receipts may come
 * - `open`: messages may still change
 * - `due`: a step is outstanding, which the sweeper takes if nobody else does
 * - `holding`: its hold may be open
 * - `held`: its hold exists for certain
 */
type CampaignTrait = "imported" | "ran" | "open" | "due" | "holding" | "held";

interface CampaignStateRule {
  /** The states that a step may move it to. Empty: ended. */
  leadsTo: readonly string[];
  is: readonly CampaignTrait[];
}

const campaignStates = {
  importing: { leadsTo: ["import_failed", "ready"], is: ["due"] },
  import_failed: { leadsTo: [], is: [] },
  ready: { leadsTo: ["reserving", "canceling"], is: ["imported"] },
  // back to ready when the credit is short
  reserving: { leadsTo: ["ready", "running", "canceling"], is: ["imported", "due", "holding"] },
  running: { leadsTo: ["paused", "canceling", "settling"], is: ["imported", "ran", "open", "due", "holding", "held"] },
  paused: { leadsTo: ["running", "canceling", "settling"], is: ["imported", "ran", "open", "due", "holding", "held"] },
  canceling: { leadsTo: ["canceled"], is: ["imported", "ran", "open", "due", "holding"] },
  settling: { leadsTo: ["finished"], is: ["imported", "ran", "due", "holding", "held"] },
  finished: { leadsTo: [], is: ["imported", "ran", "held"] },
  canceled: { leadsTo: [], is: ["imported", "ran"] },
} as const satisfies Record<string, CampaignStateRule>;

export type BulksmsStatus = keyof typeof campaignStates;

/** Campaign states, in the order of the Postgres enum `bulksms_status`. */
export const bulksmsStatuses = Object.keys(campaignStates) as [BulksmsStatus, ...BulksmsStatus[]];

type CampaignStatusThat<Trait> = {
  [S in BulksmsStatus]: Trait extends (typeof campaignStates)[S]["is"][number] ? S : never;
}[BulksmsStatus];
type EndedStatus = { [S in BulksmsStatus]: (typeof campaignStates)[S]["leadsTo"] extends readonly [] ? S : never }[BulksmsStatus];

const campaignsThatAre = <Trait extends CampaignTrait>(trait: Trait) =>
  bulksmsStatuses.filter((status) =>
    (campaignStates[status].is as readonly CampaignTrait[]).includes(trait),
  ) as CampaignStatusThat<Trait>[];
const ended = bulksmsStatuses.filter((status) => campaignStates[status].leadsTo.length === 0) as EndedStatus[];
const imported = campaignsThatAre("imported");

/** The named sets of campaign states, each in the enum's order. */
export const campaignSets = {
  imported,
  ran: campaignsThatAre("ran"),
  open: campaignsThatAre("open"),
  due: campaignsThatAre("due"),
  holding: campaignsThatAre("holding"),
  held: campaignsThatAre("held"),
  /** No step is due: a person's command is awaited, or it has ended. */
  resting: bulksmsStatuses.filter((status) => !(campaignStates[status].is as readonly CampaignTrait[]).includes("due")),
  /** No step leaves it any more. */
  ended,
  /** Ended, and its messages with it: what the laws of endings are about. */
  complete: ended.filter((status): status is Extract<EndedStatus, (typeof imported)[number]> =>
    (imported as BulksmsStatus[]).includes(status),
  ),
} as const;
export type CampaignSet = keyof typeof campaignSets;

export function isCampaignIn(set: CampaignSet, status: BulksmsStatus): boolean {
  return (campaignSets[set] as readonly BulksmsStatus[]).includes(status);
}

/** A counter for each state of a message. */
export const messageCounts = (countOf: (status: MessageStatus) => number): Record<MessageStatus, number> =>
  Object.fromEntries(messageStatuses.map((status) => [status, countOf(status)])) as Record<MessageStatus, number>;

/** How many of a campaign's messages are in a state of this set, by its counters. */
export const countIn = (set: MessageSet, counts: Readonly<Partial<Record<MessageStatus, number>>>): number =>
  (messageSets[set] as readonly MessageStatus[]).reduce((sum, status) => sum + (counts[status] ?? 0), 0);

/** The states from which a step leads to this one. */
export const campaignsLeadingTo = (to: BulksmsStatus): BulksmsStatus[] =>
  bulksmsStatuses.filter((from) => (campaignStates[from].leadsTo as readonly BulksmsStatus[]).includes(to));

/** For the end of a switch over states: a state without a case does not compile. */
export function noSuchState(status: never): never {
  throw new Error(`there is no state ${String(status)}`);
}

/**
 * Why a receipt was quarantined. `late`: the message had ended by our own hand (expired, canceled)
 * before it came.
 */
export const anomalyKinds = ["late", "contradiction", "unknown_reference", "unknown_status", "malformed"] as const;
export type AnomalyKind = (typeof anomalyKinds)[number];

/** Why a row of a CSV file cannot be texted. */
export const rejectReasons = [
  "msisdn_missing",
  "msisdn_letters",
  "msisdn_too_short",
  "msisdn_too_long",
  "msisdn_spreadsheet_number",
  "msisdn_invalid",
  "msisdn_not_mobile",
  // what the carrier may be given: its destinations, and the phones of one that is only tested
  "destination_not_allowed",
  "not_a_test_phone",
  "duplicate",
  "value_empty",
  "text_empty",
  "text_too_many_parts",
  // the row, whatever its columns are used for
  "row_ragged",
  "quote_unclosed",
  "cell_too_long",
  // a cell of a workbook that the campaign uses
  "formula_without_value",
  "digits_lost",
] as const;
export type RejectReason = (typeof rejectReasons)[number];

/** Encodings in which a contact file may come. */
export const fileEncodings = ["utf-8", "utf-16le", "utf-16be", "windows-1252", "iso-8859-15"] as const;
export type FileEncoding = (typeof fileEncodings)[number];
