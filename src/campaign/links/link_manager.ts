// The links of one sales_worker: takes those that nobody holds, of every carrier that is not
// paused, and runs them. Several workers share a carrier's links by their leases. Rung by the same
// jobs as the dispatcher; looks around by itself as well.
import type { CarrierLink, InboundMessage, LinkEvents } from "../../carriers/link.ts";
import { type CarrierSettings, chargeMomentOf, hasIdPerPart } from "../../contracts/carriers.ts";
import { simulatorSystemId } from "../../contracts/simulator_accounts.ts";
import type { AnomalyKind } from "../../contracts/states.ts";
import { errorFields, type Log } from "../../platform/log.ts";
import type { Sql } from "../../platform/postgres.ts";
import { coalesce } from "../../platform/time/coalesce.ts";
import { type CampaignProgress, openMessages } from "../lifecycle/move_messages.ts";
import type { CommittedReceipts } from "../receipts/receipts.ts";
import { proposeRule, rereadWaiting } from "./id_rules.ts";
import { keepInbound } from "./inbound.ts";
import { type Inquirer, lookUpDoubt, pollMessages } from "./inquiries.ts";
import { type LinkLease, releaseLink, takeLink } from "./link_leases.ts";
import { LinkLoop } from "./link_loop.ts";
import { joinWaiting } from "./waiting_receipts.ts";

/** A carrier as its links need it. */
export interface LinkedCarrier {
  carrierId: string;
  name: string;
  settings: CarrierSettings;
  sealedSecret: Buffer;
  /** Grows with every change: links of an older version are closed and opened anew. */
  version: number;
  /** Whether links may be open: not paused, not removed. */
  isOpen: boolean;
  /** It throttles, or refuses the account: no link is opened, and nothing is asked. */
  isResting: boolean;
}

export interface LinkManagerOptions {
  sql: Sql;
  leaseMs: number;
  log: Log;
  /** @throws Error when the carrier's secret cannot be read */
  openLink(carrier: LinkedCarrier, events: LinkEvents): CarrierLink;
  /** How the carrier is asked about messages; null: it cannot be. */
  openInquirer(carrier: LinkedCarrier): Inquirer | null;
  onProgress(progress: CampaignProgress): void;
  onCharge(): void;
  onAnomalies(anomalies: Partial<Record<AnomalyKind, number>>): void;
  onIdle(bulksmsId: string): void;
}

export interface LinkManager {
  /** There may be something to submit. Never waits. */
  ring(): void;
  /** Links that this process holds. */
  held(): number;
  /** Drains and releases all links. */
  close(): Promise<void>;
}

const lookEveryMs = 1_000;
const drainMs = 5_000;

interface RunningLink {
  carrierId: string;
  slot: number;
  version: number;
  loop: LinkLoop;
  done: Promise<void>;
}

export function openLinkManager(options: LinkManagerOptions): LinkManager {
  const { log } = options;
  const running = new Map<string, RunningLink>();
  const carriers = new Map<string, LinkedCarrier>();
  let isClosing = false;
  const onError = (error: unknown, carrierId: string) => log.warn({ event: "links.failed", carrierId, ...errorFields(error) });
  // each carrier by itself: one that is slow, or fails, delays no other
  const links = coalesce((carrierId) => openFree(options, running, carriers.get(carrierId), () => isClosing), onError);
  const inquiries = coalesce((carrierId) => inquire(options, carriers.get(carrierId)), onError);
  const look = coalesce(
    async () => {
      await lookAround(options.sql, running, carriers);
      for (const [carrierId, { isOpen, isResting }] of carriers) {
        links(carrierId);
        if (isOpen && !isResting && !isClosing) inquiries(carrierId);
      }
    },
    (error) => log.warn({ event: "links.failed", ...errorFields(error) }),
  );
  const timer = setInterval(() => look("links"), lookEveryMs);
  look("links");
  return {
    ring() {
      for (const { loop } of running.values()) loop.ring();
    },
    held: () => running.size,
    async close() {
      isClosing = true;
      clearInterval(timer);
      await look.idle();
      await Promise.all([links.idle(), inquiries.idle()]);
      for (const { loop } of running.values()) loop.stop();
      await Promise.all([...running.values()].map(({ done }) => done));
    },
  };
}

/** Closes what must not be open. @param carriers is made up to date */
async function lookAround(sql: Sql, running: Map<string, RunningLink>, carriers: Map<string, LinkedCarrier>): Promise<void> {
  const found = await readCarriers(sql);
  carriers.clear();
  for (const carrier of found) carriers.set(carrier.carrierId, carrier);
  for (const link of running.values()) {
    const carrier = carriers.get(link.carrierId);
    if (carrier?.isOpen !== true || carrier.version !== link.version || link.slot > carrier.settings.links) link.loop.stop();
  }
}

/** Takes the links of a carrier that nobody holds, joins its receipts with ids. */
async function openFree(
  options: LinkManagerOptions,
  running: Map<string, RunningLink>,
  carrier: LinkedCarrier | undefined,
  isClosing: () => boolean,
): Promise<void> {
  if (carrier === undefined) return;
  for (const slot of await freeSlots(options.sql, carrier)) {
    if (isClosing()) return;
    if (!running.has(`${carrier.carrierId}.${slot}`)) await takeAndRun(options, running, carrier, slot);
  }
  await join(options, carrier);
}

const readCarriers = (sql: Sql): Promise<LinkedCarrier[]> => sql<LinkedCarrier[]>`
  select id as "carrierId", name, settings, sealed_secret as "sealedSecret", version, state in ('test_only', 'live') as "isOpen",
    coalesce(rests_until > now(), false) as "isResting"
  from carrier where state <> 'removed' or exists (select from carrier_link l where l.carrier_id = carrier.id and l.lease_owner is not null)`;

/** Slots to open, and those that somebody left behind with a lease that has run out. */
async function freeSlots(sql: Sql, { carrierId, settings, isOpen, isResting }: LinkedCarrier): Promise<number[]> {
  const rows = await sql<{ slot: number; isFree: boolean; isLeft: boolean }[]>`
    select slot, coalesce(lease_until < clock_timestamp(), open_after <= now()) as "isFree", lease_owner is not null as "isLeft"
    from carrier_link where carrier_id = ${carrierId}`;
  const known = new Map(rows.map((row) => [row.slot, row]));
  const wanted = isOpen && !isResting ? Array.from({ length: settings.links }, (_, index) => index + 1) : [];
  const open = wanted.filter((slot) => known.get(slot)?.isFree ?? true);
  const left = rows.filter(({ slot, isFree, isLeft }) => isFree && isLeft && !open.includes(slot)).map(({ slot }) => slot);
  return [...open, ...left];
}

async function takeAndRun(options: LinkManagerOptions, running: Map<string, RunningLink>, carrier: LinkedCarrier, slot: number) {
  const { sql, leaseMs, log } = options;
  const { carrierId, settings, isOpen, version } = carrier;
  const mayOpen = isOpen && slot <= settings.links;
  const { lease, changed } = await takeLink(sql, { carrierId, slot, window: settings.window, leaseMs, mayOpen });
  for (const progress of changed) options.onProgress(progress);
  if (lease === null) return;
  log.info({ event: "link.taken", carrier: carrier.name, slot });
  let loop: LinkLoop;
  try {
    loop = createLoop(options, carrier, lease);
  } catch (error) {
    log.warn({ event: "link.refused", carrier: carrier.name, slot, ...errorFields(error) });
    await releaseLink(sql, lease, { hasFailed: true, description: (error as Error).message });
    return;
  }
  const key = `${carrierId}.${slot}`;
  const done = runLoop(options, carrier, lease, loop).finally(() => running.delete(key));
  running.set(key, { carrierId, slot, version, loop, done });
}

function createLoop(options: LinkManagerOptions, carrier: LinkedCarrier, lease: LinkLease): LinkLoop {
  const { sql, leaseMs, log, onProgress, onCharge, onAnomalies, onIdle } = options;
  const terms = { window: carrier.settings.window, chargeOn: chargeMomentOf(carrier.settings) };
  const open = (events: LinkEvents) => options.openLink(carrier, events);
  const onBound = (peer: string) =>
    void noteSimulated(sql, carrier.carrierId, peer === simulatorSystemId).catch((error: unknown) =>
      log.warn({ event: "link.failed", carrier: carrier.name, ...errorFields(error) }),
    );
  const onInbound = (message: InboundMessage) => keepInbound(sql, carrier.carrierId, message);
  return new LinkLoop({ sql, lease, leaseMs, drainMs, terms, log, open, onBound, onInbound, onProgress, onCharge, onAnomalies, onIdle });
}

async function runLoop({ sql, log }: LinkManagerOptions, carrier: LinkedCarrier, lease: LinkLease, loop: LinkLoop): Promise<void> {
  try {
    const end = await loop.run();
    const hasFailed = end.reason !== "closed";
    log[hasFailed ? "warn" : "info"]({
      event: "link.over",
      carrier: carrier.name,
      slot: lease.slot,
      reason: end.reason,
      description: end.description,
    });
    if (hasFailed) await noteError(sql, carrier.carrierId, `${end.reason}: ${end.description}`);
    await releaseLink(sql, lease, { hasFailed, isRefused: end.reason === "refused", description: end.description });
  } catch (error) {
    // its lease runs out
    log.warn({ event: "link.failed", carrier: carrier.name, slot: lease.slot, ...errorFields(error) });
  }
}

/** Real or simulated is what its endpoint says, never a name or an address. */
async function noteSimulated(sql: Sql, carrierId: string, isSimulated: boolean): Promise<void> {
  await sql`update carrier set is_simulated = ${isSimulated} where id = ${carrierId} and is_simulated is distinct from ${isSimulated}`;
}

async function noteError(sql: Sql, carrierId: string, description: string): Promise<void> {
  await sql`update carrier set last_error = ${description.slice(0, 300)}, last_error_at = now() where id = ${carrierId}`;
}

async function join(options: LinkManagerOptions, { carrierId, settings }: LinkedCarrier): Promise<void> {
  const ids = settings.protocol === "smpp" ? { carrierId, rule: settings.receipt_ids } : null;
  if (ids !== null) await rereadWaiting(options.sql, ids);
  const terms = { carrierId, hasIdPerPart: hasIdPerPart(settings), resolvesByPhone: settings.protocol === "smpp" };
  const joined = await joinWaiting(options.sql, terms);
  if (joined !== null) tell(options, joined);
  if (ids !== null) await proposeRule(options.sql, ids);
}

async function inquire(options: LinkManagerOptions, carrier: LinkedCarrier | undefined): Promise<void> {
  const inquirer = carrier === undefined ? null : options.openInquirer(carrier);
  if (carrier === undefined || inquirer === null) return;
  const { sql } = options;
  const onCommitted = (committed: CommittedReceipts) => tell(options, committed);
  try {
    await lookUpDoubt(sql, carrier.carrierId, inquirer, onCommitted);
    await pollMessages(sql, carrier.carrierId, inquirer, onCommitted);
  } finally {
    await inquirer.close();
  }
}

function tell({ onProgress, onCharge, onAnomalies, onIdle }: LinkManagerOptions, committed: CommittedReceipts): void {
  for (const progress of committed.changed) {
    onProgress(progress);
    if (openMessages(progress) === 0) onIdle(progress.bulksmsId);
  }
  if (committed.hasCharge) onCharge();
  onAnomalies(committed.anomalies);
}
