// The import of one file: S1 (rows in transactions of their own) and S2 (counts, chunks, `ready`,
// the stored answer in one). Called by POST /create with a file that has wholly arrived. A refused
// file leaves nothing that a client can see: small files are judged before the first row is
// written; what larger ones wrote is purged and stands as an empty `import_failed`.
import { randomUUID } from "node:crypto";
import type { OpenedFile } from "../../contacts/open_file.ts";
import { formatCredits } from "../../contracts/credits.ts";
import { isAppError } from "../../contracts/errors.ts";
import type { CreateAnswer } from "../../contracts/http.ts";
import type { Pricing } from "../../contracts/prices.ts";
import type { FileAnswer } from "../../contracts/quote.ts";
import { submitMessagesMax } from "../../contracts/receipts.ts";
import { campaignSets } from "../../contracts/states.ts";
import { reachFailpoint } from "../../platform/failpoint.ts";
import { inTransaction, type Sql } from "../../platform/postgres.ts";
import { statusIn } from "../../platform/state_sql.ts";
import type { Template } from "../../sms/template.ts";
import { newBulksmsId } from "./bulksms_id.ts";
import { type ChosenCarrier, carrierAnswerOf } from "./chosen_carrier.ts";
import { copyRows, type Reject, type RowBatch } from "./copy_rows.ts";
import { costlyCharactersOf, emptyFilled, encodingOf, phoneColumnOf } from "./figures.ts";
import { claimKey, findAnswer, type IdempotencyClaim, storeAnswer } from "./idempotency.ts";
import { type ImportLease, importLost, renewImportLease, whyImportIsLost } from "./import_lease.ts";
import { type JudgedRequest, type JudgedRows, type JudgeLimits, judgeRows, type RowSink } from "./judge_rows.ts";
import type { FileChoices } from "./open_rows.ts";
import { abandonImport } from "./purge_imports.ts";
import { createRowEncoder, type RowEncoder } from "./row_encoder.ts";

/**
 * Rows of one COPY transaction: a megabyte, some 30 ms of Postgres; a smaller file writes nothing
 * before it is fully judged. Each transaction syncs the disk and takes five round trips (decision
 * 019).
 */
const copyRowsMax = 20_000;
/**
 * And its bytes: rows with long fields fill a batch sooner, so that the batches in flight are
 * bounded.
 */
const copyBytesMax = 4 * 1024 * 1024;
/**
 * COPYs in flight while the next rows are judged. With one, Postgres waited for our judging, and we
 * for its round trips and its disk; a third gained nothing (decision 019).
 */
const copiesAtOnceMax = 2;

/**
 * Enough chunks to share among workers. Beyond that each is larger, which saves CPU, up to twice
 * the setting, because a chunk's receipts come all at once (decision 010).
 */
const chunksEnough = 100;
const chunkGrowthMax = 2;

export interface ImportRequest extends JudgedRequest {
  workspaceId: string;
  name: string;
  sender: string;
  deadlineS: number;
  fileName: string;
  /** Its file is one of the examples. */
  isExample: boolean;
  /** How the file is to be read. */
  choices: FileChoices;
  /** What each message costs. */
  pricing: Pricing;
  carrier: ChosenCarrier;
  claim: IdempotencyClaim | null;
}

export interface ImportLimits extends JudgeLimits {
  chunkRows: number;
  leaseMs: number;
  /** See `abandonImport`. */
  purgeWhenStoppingMs?: number;
}

/** What an import knows while it runs. */
interface Import {
  sql: Sql;
  request: ImportRequest;
  limits: ImportLimits;
  lease: ImportLease;
  /** Good rows and rejects that wait for their COPY. */
  good: RowEncoder;
  rejects: Reject[];
  /** What the good rows cost so far. */
  costMilli: number;
  /** UTF-16 units of their cells. */
  rejectsLength: number;
  /** The campaign's row exists, so that an end in failure has something to purge. */
  hasBegun: boolean;
  /** The stored answer of another request with the same key, which was quicker. */
  repeated: CreateAnswer | null;
  /** The COPYs in flight, oldest first. */
  copying: Promise<void>[];
  renewedAtMs: number;
}

/**
 * Makes a campaign `ready` from a file, or gives the stored answer of the same request under its
 * Idempotency-Key. Writes bulksms, bulksms_info, bulksms_reject, bulksms_chunk, idempotency_key;
 * sends nothing and moves no credit.
 * @throws AppError csv_*, xlsx_*, sheet_*, text_*, idempotency_key_*, import_lost, import_canceled,
 * import_interrupted, service_unavailable.
 */
export async function importCampaign(
  sql: Sql,
  request: ImportRequest,
  limits: ImportLimits,
  open: () => Promise<OpenedFile>,
): Promise<{ answer: CreateAnswer; isRepeat: boolean }> {
  const { claim } = request;
  const known = claim === null ? null : await findAnswer<CreateAnswer>(sql, claim);
  if (known !== null) return { answer: known, isRepeat: true };
  const bulksmsId = await newBulksmsId(sql);
  const opened = await open();
  const run = startImport(sql, request, limits, bulksmsId);
  try {
    const judged = await judgeRows(opened.source, request, limits, sinkOf(run));
    if (judged !== null && (await sendBatch(run))) {
      await finishCopies(run);
      return { answer: await closeImport(run, judged, opened.answer()), isRepeat: false };
    }
    return { answer: run.repeated as CreateAnswer, isRepeat: true };
  } catch (error) {
    await endInFailure(run, error);
    throw isAppError(error, "import_lost") ? await whyImportIsLost(sql, run.lease).catch(() => error) : error;
  } finally {
    await opened.close();
  }
}

function startImport(sql: Sql, request: ImportRequest, limits: ImportLimits, bulksmsId: string): Import {
  return {
    sql,
    request,
    limits,
    lease: { bulksmsId, owner: randomUUID() },
    good: createRowEncoder(bulksmsId, copyRowsMax),
    rejects: [],
    costMilli: 0,
    rejectsLength: 0,
    hasBegun: false,
    repeated: null,
    copying: [],
    renewedAtMs: 0,
  };
}

/** Rows wait for their COPY until a batch is full. */
function sinkOf(run: Import): RowSink {
  const { good } = run;
  const { pricing } = run.request;
  return {
    good(row, line) {
      const costMilli = pricing.costOf(row.msisdn, row.parts);
      run.costMilli += costMilli;
      good.add(row, line, costMilli);
    },
    reject(reject) {
      run.rejects.push(reject);
      run.rejectsLength += reject.cells?.literal.length ?? 0;
    },
    keepsCells: true,
    get isFull() {
      const { rejects, rejectsLength } = run;
      return good.count >= copyRowsMax || good.bytes >= copyBytesMax || rejects.length >= copyRowsMax || rejectsLength >= copyBytesMax;
    },
    send: () => sendBatch(run),
  };
}

/**
 * Starts a COPY as soon as one may. The first batch begins the import in the database. False:
 * another request with the same key was quicker.
 */
async function sendBatch(run: Import): Promise<boolean> {
  if (!run.hasBegun) {
    run.repeated = await beginImport(run);
    if (run.repeated !== null) return false;
  }
  if (run.copying.length === copiesAtOnceMax) await run.copying.shift();
  await renewInTime(run);
  const copying = copyBatch(run, { good: run.good.take(), rejects: run.rejects });
  run.rejects = [];
  run.rejectsLength = 0;
  // its error is thrown where it is awaited; until then it must not count as unhandled
  copying.catch(() => {});
  run.copying.push(copying);
  return true;
}

async function copyBatch({ sql, lease, good }: Import, batch: RowBatch): Promise<void> {
  await copyRows(sql, lease, batch);
  good.reuse(batch.good);
}

/** Between COPYs, which lock the campaign's row until they end. */
async function renewInTime(run: Import): Promise<void> {
  if (performance.now() - run.renewedAtMs < run.limits.leaseMs / 3) return;
  await finishCopies(run);
  await renewImportLease(run.sql, run.lease, run.limits.leaseMs);
  run.renewedAtMs = performance.now();
}

async function finishCopies(run: Import): Promise<void> {
  await Promise.all(run.copying);
  run.copying = [];
}

/** The campaign `importing` under our lease, and the key, in one transaction. */
async function beginImport(run: Import): Promise<CreateAnswer | null> {
  const { sql, request, lease, limits } = run;
  const { claim, template } = request;
  run.renewedAtMs = performance.now();
  const repeated = await inTransaction(sql, async (transaction) => {
    const answer = claim === null ? null : await claimKey<CreateAnswer>(transaction, claim, lease.bulksmsId);
    if (answer !== null) return answer;
    await transaction`
      insert into bulksms (id, workspace_id, name, sender, text, placeholders, country, deadline_s, file_name, price, price_version,
        carrier_id, is_example_file, import_lease_owner, import_lease_until)
      values (${lease.bulksmsId}, ${request.workspaceId}, ${request.name}, ${request.sender}, ${template.text}, ${[...template.placeholders]},
        ${request.country}, ${request.deadlineS}, ${request.fileName}, ${request.pricing.partMilli}, ${request.pricing.version},
        ${request.carrier.carrierId}, ${request.isExample}, ${lease.owner}, clock_timestamp() + ${limits.leaseMs} * interval '1 ms')
      on conflict (id) do nothing`;
    return null;
  });
  run.hasBegun = repeated === null;
  return repeated;
}

/**
 * S2. A COMMIT whose answer was lost is found by our own mark and not done twice (C34). @throws
 * AppError import_lost.
 */
async function closeImport(run: Import, judged: JudgedRows, file: FileAnswer): Promise<CreateAnswer> {
  const { sql, lease, limits, request } = run;
  const { counts } = judged;
  const answer = answerOf(run, judged, file);
  await inTransaction(sql, async (transaction) => {
    const closed = await transaction`
      update bulksms set status = 'ready', status_at = clock_timestamp(), contacts = ${counts.contacts}, pending = ${counts.contacts},
        rejected = ${counts.rejected}, reject_counts = ${transaction.json(counts.rejects)}, parts = ${counts.parts}, cost_milli = ${run.costMilli},
        file_columns = ${counts.rejected > 0 ? [...judged.header] : null}, csv_separator = ${judged.separator}, version = version + 1,
        import_lease_until = null
      where id = ${lease.bulksmsId} and status = 'importing' and import_lease_owner = ${lease.owner}
        and import_lease_until > clock_timestamp()`;
    if (closed.count === 0) {
      const [done] = await transaction`
        select from bulksms where id = ${lease.bulksmsId} and import_lease_owner = ${lease.owner} and ${statusIn(transaction, "status", campaignSets.imported)}`;
      if (done === undefined) throw importLost();
      return;
    }
    const chunkRows = chunkRowsOf(counts.contacts, limits.chunkRows, request.template);
    await transaction`
      insert into bulksms_chunk (bulksms_id, chunk_no, first_row, last_row, intent_to)
      select ${lease.bulksmsId}, n, (n - 1) * ${chunkRows}::int + 1, least(n * ${chunkRows}::int, ${counts.contacts}::int),
        (n - 1) * ${chunkRows}::int
      from generate_series(1, ${Math.ceil(counts.contacts / chunkRows)}::int) n`;
    if (request.claim !== null && !(await storeAnswer(transaction, request.claim, 201, answer))) throw importLost();
  });
  reachFailpoint("import_committed");
  return answer;
}

/**
 * A large campaign has larger chunks, as long as there are enough of them to share among workers.
 * Not one whose messages have their own texts: a carrier limits the bytes of a body.
 */
function chunkRowsOf(contacts: number, chunkRows: number, { placeholders }: Template): number {
  if (placeholders.length > 0) return chunkRows;
  return Math.min(submitMessagesMax, Math.max(chunkRows, Math.min(chunkRows * chunkGrowthMax, Math.ceil(contacts / chunksEnough))));
}

function answerOf(
  { request, lease, costMilli }: Import,
  { counts, judge, columns, rejectsSample }: JudgedRows,
  file: FileAnswer,
): CreateAnswer {
  return {
    id: lease.bulksmsId,
    name: request.name,
    status: "ready",
    contacts: counts.contacts,
    file,
    phone_column: phoneColumnOf(columns),
    rejected: counts.rejected,
    rejects: counts.rejects,
    rejects_sample: rejectsSample.map(({ line, reason, value }) => ({ line, reason, value: value.slice(0, 40) })),
    parts: counts.parts,
    cost: formatCredits(BigInt(costMilli)),
    price: formatCredits(BigInt(request.pricing.partMilli)),
    carrier: carrierAnswerOf(request.carrier),
    encoding: encodingOf(judge.encodings),
    sender: request.sender,
    country: request.country,
    deadline_s: request.deadlineS,
    costly_characters: costlyCharactersOf(emptyFilled(request.template)),
  };
}

/** Takes back what was copied. When that fails too, the lease passes and the sweeper does it. */
async function endInFailure(run: Import, error: unknown): Promise<void> {
  if (!run.hasBegun) return;
  await Promise.allSettled(run.copying);
  const lastError = isAppError(error) ? error.code : "internal";
  await abandonImport(run.sql, run.lease, { ...run.limits, lastError }).catch(() => {});
}
