// Everyone in Finland gets a text: one campaign as large as a country on the real processes, timed
// phase by phase, checked by all laws. Called by `lab run finland`.
import type { CampaignState } from "../../../src/cli/campaign_watch.ts";
import { checkLaws, type LawsReport } from "../../../src/laws/check_laws.ts";
import { openPostgres } from "../../../src/platform/postgres.ts";
import { lawSourcesOf } from "../../../testing/campaigns.ts";
import { usedBytes } from "../sampling/disk.ts";
import { openUsageMeter } from "../sampling/process_usage.ts";
import { openContactFiles } from "../subjects/contact_files.ts";
import { lawsNotHeld } from "../subjects/our_campaigns.ts";
import { type OurSystem, startOurs } from "../subjects/ours.ts";

/** One pass over the messages of a country, on a slow machine. */
const statementTimeoutMs = 300_000;

export interface FinlandOptions {
  contacts: number;
  /** Stops the run between its steps, or in the middle of sending. */
  signal?: AbortSignal;
  onBegin(what: string): void;
  onChange(state: CampaignState): void;
}

export interface FinlandRun {
  contacts: number;
  /**
   * From nothing to a ready system, and the file of contacts. Nobody waits for a text during
   * either.
   */
  startSeconds: number;
  fileSeconds: number;
  /**
   * The upload, from its first byte to the answer: every number read, checked for duplicates,
   * stored.
   */
  createSeconds: number;
  sending: Sending;
  lawsSeconds: number;
  /** Creating and sending. */
  totalSeconds: number;
  campaign: CampaignState;
  /** The largest process, in MiB: while contacts came in, and while messages went out. */
  peakRssMib: { create: Record<string, number>; send: Record<string, number> };
  /** From the start of the upload to the end of the campaign, by process and engine. */
  cpuMicrosPerMessage: Record<string, number>;
  /** This program's own peak, which includes that of the laws. */
  labPeakMib: number;
  /** Of the contact file, engines and journal together, at the end of each step. */
  diskBytes: { create: number; send: number };
  laws: LawsReport;
  lawsBroken: string[];
}

/**
 * One after another: each begins where the previous one ended. In seconds, by the time stamps of
 * the rows.
 */
export interface Sending {
  /** From the request until the last message was about to go to the carrier. */
  submit: number;
  /** Until the transaction of the last final receipt. */
  receipts: number;
  /** Until every charge was in the ledger and the rest of the hold was released. */
  settle: number;
}

/**
 * @throws when the system does not start, does not accept every contact or stops moving; AbortError
 * when it was asked to stop
 */
export async function runFinland({ contacts, signal, onBegin, onChange }: FinlandOptions): Promise<FinlandRun> {
  signal?.throwIfAborted();
  const files = openContactFiles();
  let ours: OurSystem | null = null;
  try {
    onBegin("starting the system");
    const startedAt = performance.now();
    ours = await startOurs();
    const startSeconds = secondsSince(startedAt);
    signal?.throwIfAborted();
    return { startSeconds, ...(await unlessAborted(measure(ours, files, { contacts, onBegin, onChange }), signal)) };
  } finally {
    await ours?.stop();
    files.remove();
  }
}

async function measure(
  ours: OurSystem,
  files: ReturnType<typeof openContactFiles>,
  { contacts, onBegin, onChange }: Omit<FinlandOptions, "signal">,
): Promise<Omit<FinlandRun, "startSeconds">> {
  onBegin("writing the contacts");
  const writtenAt = performance.now();
  const file = files.of(contacts);
  const fileSeconds = secondsSince(writtenAt);
  const disk = () => usedBytes(ours.cluster.dataFolder) + usedBytes(files.folder);

  onBegin("creating the campaign");
  const usage = openUsageMeter(ours.pids);
  const created = await ours.create(file);
  if (created.contacts !== contacts || created.rejected > 0)
    throw new Error(`${created.contacts} of ${contacts} contacts were accepted, ${created.rejected} rejected`);
  const create = { peak: usage.peakRssMib(), disk: disk() };

  onBegin("sending");
  // a peak of its own
  const sendUsage = openUsageMeter(ours.pids);
  const sent = await ours.send(created, onChange);
  const cpuMicros = usage.cpuMicros();
  const send = { peak: sendUsage.peakRssMib(), disk: disk() };

  onBegin("checking the laws");
  const sending = await readSending(ours, created.id, sent);
  const checkedAt = performance.now();
  const laws = await checkLaws(lawSourcesOf(ours.cluster));
  return {
    contacts,
    fileSeconds,
    createSeconds: created.seconds,
    sending,
    lawsSeconds: secondsSince(checkedAt),
    totalSeconds: created.seconds + (sent.endedMs - sent.startedMs) / 1_000,
    campaign: sent.campaign,
    peakRssMib: { create: create.peak, send: send.peak },
    cpuMicrosPerMessage: Object.fromEntries(Object.entries(cpuMicros).map(([name, micros]) => [name, micros / contacts])),
    labPeakMib: process.resourceUsage().maxRSS / 1_024,
    diskBytes: { create: create.disk, send: send.disk },
    laws,
    lawsBroken: lawsNotHeld(laws),
  };
}

/** From the rows, at the end: nothing is queried during the run. */
async function readSending(ours: OurSystem, id: string, { startedMs, endedMs }: { startedMs: number; endedMs: number }): Promise<Sending> {
  const sql = openPostgres(ours.cluster.settings.BULKSMS_CHECK_SALESDB_URL ?? "", { applicationName: "bulksms lab", connections: 1 });
  try {
    const [last] = await sql.begin("read only", async (transaction) => {
      await transaction.unsafe(`set local statement_timeout = ${statementTimeoutMs}`);
      return await transaction<{ submittedAt: Date; doneAt: Date }[]>`
        select (select max(submitted_at) from bulksms_chunk where bulksms_id = ${id}) as "submittedAt",
          (select max(done_at) from bulksms_info where bulksms_id = ${id}) as "doneAt"`;
    });
    if (last === undefined) throw new Error("a query without a row");
    const submittedMs = last.submittedAt.getTime();
    // a receipt's transaction may have begun before the last submit: a campaign of one chunk,
    // answered at once
    const doneMs = Math.max(submittedMs, last.doneAt.getTime());
    return { submit: (submittedMs - startedMs) / 1_000, receipts: (doneMs - submittedMs) / 1_000, settle: (endedMs - doneMs) / 1_000 };
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/**
 * The work, or the signal's reason as soon as it aborts; what the work throws after that is
 * ignored.
 */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await work;
  let stop = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason as Error);
    signal.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

const secondsSince = (startedAt: number): number => (performance.now() - startedAt) / 1_000;
