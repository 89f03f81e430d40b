// The import of one CSV file: S1 (rows in transactions of their own) and S2 (counts, chunks,
// `ready`, the stored answer in one). Called by POST /create with a file that has wholly arrived. A
// refused file leaves nothing that a client can see: small files are judged before the first row is
// written; what larger ones wrote is purged and stands as an empty `import_failed`.
import { randomUUID } from "node:crypto";
import { type ColumnSample, createColumnSample } from "../../contacts/csv/column_sample.ts";
import { type FoundColumns, findColumns, type PhoneChoice } from "../../contacts/csv/columns.ts";
import { type CsvReader, type CsvRows, cellOf, createCsvReader } from "../../contacts/csv/csv_reader.ts";
import { createRowJudge, type RowJudge } from "../../contacts/csv/row_verdicts.ts";
import { formatCredits } from "../../contracts/credits.ts";
import { AppError, isAppError } from "../../contracts/errors.ts";
import { type CreateAnswer, rejectsShownMax } from "../../contracts/http.ts";
import { submitMessagesMax } from "../../contracts/receipts.ts";
import type { RejectReason } from "../../contracts/states.ts";
import { reachFailpoint } from "../../platform/failpoint.ts";
import { inTransaction, type Sql } from "../../platform/postgres.ts";
import { findCostlyCharacters } from "../../sms/encodings.ts";
import type { Template } from "../../sms/template.ts";
import { newBulksmsId } from "./bulksms_id.ts";
import { copyRows, type Reject, type RowBatch } from "./copy_rows.ts";
import { claimKey, findAnswer, type IdempotencyClaim, storeAnswer } from "./idempotency.ts";
import { type ImportLease, importLost, renewImportLease } from "./import_lease.ts";
import { abandonImport } from "./purge_imports.ts";
import { createRowEncoder, type RowEncoder } from "./row_encoder.ts";

/**
 * Rows of one COPY transaction: a megabyte, some 30 ms of Postgres; a smaller file writes nothing
 * before it is wholly judged. Each one syncs the disk and takes five round trips: with 10,000 an
 * import took a fifth longer, with 40,000 hardly less.
 */
const copyRowsMax = 20_000;
/**
 * And bytes of one: rows with long fields fill a batch sooner, so that the batches in flight have a
 * bound.
 */
const copyBytesMax = 4 * 1024 * 1024;
/**
 * COPYs in flight while the next rows are judged. With one, Postgres waited for our judging, and we
 * for its round trips and its disk: a million rows took 2.6 times as long as a bare COPY so, and
 * 1.7 times with two, all else equal; a third gained nothing.
 */
const copiesAtOnceMax = 2;

/**
 * Chunks that are enough to share among workers. With more of them each is larger, up to twice the
 * setting. 400,000 messages took 41 us of CPU a message on all processes together in chunks of
 * 1,000 rows and 35 in chunks of 4,000; on a quieter machine 31 in chunks of 2,000 and 29 of 4,000.
 * But a chunk's receipts come all at once: at 70 % of full load they were committed within 97 ms
 * (p99) with chunks of 2,000, within 190 with 4,000.
 */
const chunksEnough = 100;
const chunkGrowthMax = 2;

/** A reject's cell is kept up to here: enough to recognise it. */
const rejectValueCharactersMax = 200;

export interface ImportRequest {
  workspaceId: string;
  name: string;
  sender: string;
  /** ISO 3166 alpha-2, known to sms/numbers. */
  country: string;
  template: Template;
  deadlineS: number;
  phoneColumn: PhoneChoice;
  /** Rows with an empty value are sent all the same: see `createRowJudge`. */
  sendsEmptyValues: boolean;
  fileName: string;
  priceMilli: number;
  claim: IdempotencyClaim | null;
}

export interface ImportLimits {
  partsMax: number;
  rowsMax: number;
  chunkRows: number;
  leaseMs: number;
}

/** What an import knows while it runs. */
interface Import {
  sql: Sql;
  request: ImportRequest;
  limits: ImportLimits;
  lease: ImportLease;
  /** Null before the columns are known. */
  judge: { judge: RowJudge; columns: FoundColumns } | null;
  /** The first rows, until the columns are known. */
  sample: ColumnSample | null;
  /** Good rows and rejects that wait for their COPY. */
  good: RowEncoder;
  rejects: Reject[];
  counts: { rows: number; contacts: number; rejected: number; parts: number; rejects: Partial<Record<RejectReason, number>> };
  rejectsSample: Reject[];
  /** The campaign's row exists, so that an end in failure has something to purge. */
  hasBegun: boolean;
  /** The COPYs in flight, oldest first. */
  copying: Promise<void>[];
  renewedAtMs: number;
}

/**
 * Makes a campaign `ready` from a file, or gives the stored answer of the same request under its
 * Idempotency-Key. Writes bulksms, bulksms_info, bulksms_reject, bulksms_chunk, idempotency_key;
 * sends nothing and moves no credit.
 * @throws AppError csv_*, text_*, idempotency_key_*, import_lost, service_unavailable.
 */
export async function importCampaign(
  sql: Sql,
  request: ImportRequest,
  limits: ImportLimits,
  file: AsyncIterable<Buffer>,
): Promise<{ answer: CreateAnswer; isRepeat: boolean }> {
  const { claim } = request;
  const known = claim === null ? null : await findAnswer(sql, claim);
  if (known !== null) return { answer: known, isRepeat: true };
  const run = startImport(sql, request, limits);
  try {
    const reader = createCsvReader();
    for await (const chunk of file) {
      const repeated = await takeRows(run, reader, reader.push(chunk));
      if (repeated !== null) return { answer: repeated, isRepeat: true };
    }
    const repeated = (await takeRows(run, reader, reader.end(), true)) ?? (await finishRows(run));
    if (repeated !== null) return { answer: repeated, isRepeat: true };
    return { answer: await closeImport(run), isRepeat: false };
  } catch (error) {
    await endInFailure(run, error);
    throw error;
  }
}

function startImport(sql: Sql, request: ImportRequest, limits: ImportLimits): Import {
  const bulksmsId = newBulksmsId();
  return {
    sql,
    request,
    limits,
    lease: { bulksmsId, owner: randomUUID() },
    judge: null,
    sample: null,
    good: createRowEncoder(bulksmsId, copyRowsMax),
    rejects: [],
    counts: { rows: 0, contacts: 0, rejected: 0, parts: 0, rejects: {} },
    rejectsSample: [],
    hasBegun: false,
    copying: [],
    renewedAtMs: 0,
  };
}

/**
 * Judges rows once the columns are known, and copies a full batch. An answer: another request with
 * the same key was quicker.
 */
async function takeRows(run: Import, { header }: CsvReader, rows: CsvRows, isEnd = false): Promise<CreateAnswer | null> {
  if (header === null) return null;
  if (run.judge !== null) return judgeRows(run, run.judge, rows);
  const { phoneColumn, country } = run.request;
  run.sample ??= createColumnSample(header.cells, { country });
  if (!run.sample.add(rows) && !isEnd && phoneColumn === null) return null;
  const judge = startJudge(run, header, run.sample);
  run.judge = judge;
  for (const first of run.sample.rows) {
    const repeated = await judgeRows(run, judge, first);
    if (repeated !== null) return repeated;
  }
  run.sample = null;
  return null;
}

async function judgeRows(run: Import, judge: NonNullable<Import["judge"]>, rows: CsvRows): Promise<CreateAnswer | null> {
  for (let row = 0; row < rows.count; row++) {
    takeRow(run, judge, rows, row);
    if (run.good.count < copyRowsMax && run.good.bytes < copyBytesMax && run.rejects.length < copyRowsMax) continue;
    const repeated = await sendBatch(run);
    if (repeated !== null) return repeated;
  }
  return null;
}

function startJudge(
  { request, limits }: Import,
  { cells, line }: NonNullable<CsvReader["header"]>,
  sample: ColumnSample,
): NonNullable<Import["judge"]> {
  const { template, country, phoneColumn, sendsEmptyValues } = request;
  const columns = findColumns(cells, { phone: phoneColumn, template, line, judge: () => sample.verdict() });
  return { judge: createRowJudge({ template, columns, country, partsMax: limits.partsMax, sendsEmptyValues }), columns };
}

function takeRow(run: Import, { judge, columns }: NonNullable<Import["judge"]>, rows: CsvRows, row: number): void {
  const { counts, limits } = run;
  const line = rows.lines[row] as number;
  if (++counts.rows > limits.rowsMax) {
    throw new AppError("csv_too_many_rows", `The file has more than ${limits.rowsMax} rows.`, {
      details: { line, rows_max: limits.rowsMax },
    });
  }
  const verdict = judge.judge(rows, row);
  if (typeof verdict !== "string") {
    run.good.add(verdict);
    counts.contacts++;
    counts.parts += verdict.parts;
    return;
  }
  const reject = { line, reason: verdict, value: keptValue(cellOf(rows, row, columns.phone)) };
  run.rejects.push(reject);
  counts.rejected++;
  counts.rejects[verdict] = (counts.rejects[verdict] ?? 0) + 1;
  if (run.rejectsSample.length < rejectsShownMax) run.rejectsSample.push(reject);
}

/**
 * Cut, and copied: a piece of a string keeps the whole of it, here 64 kB of the file, from being
 * freed.
 */
function keptValue(cell: string): string {
  const kept =
    cell.length <= rejectValueCharactersMax
      ? cell
      : [...cell.slice(0, rejectValueCharactersMax + 1)].slice(0, rejectValueCharactersMax).join("");
  return Buffer.from(kept).toString();
}

/** Starts a COPY as soon as one may. The first batch begins the import in the database. */
async function sendBatch(run: Import): Promise<CreateAnswer | null> {
  if (!run.hasBegun) {
    const repeated = await beginImport(run);
    if (repeated !== null) return repeated;
  }
  if (run.copying.length === copiesAtOnceMax) await run.copying.shift();
  await renewInTime(run);
  const copying = copyBatch(run, { good: run.good.take(), rejects: run.rejects });
  run.rejects = [];
  // its error is thrown where it is awaited; until then it must not count as unhandled
  copying.catch(() => {});
  run.copying.push(copying);
  return null;
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
    const answer = claim === null ? null : await claimKey(transaction, claim, lease.bulksmsId);
    if (answer !== null) return answer;
    await transaction`
      insert into bulksms (id, workspace_id, name, sender, text, placeholders, country, deadline_s, file_name, price,
        import_lease_owner, import_lease_until)
      values (${lease.bulksmsId}, ${request.workspaceId}, ${request.name}, ${request.sender}, ${template.text}, ${[...template.placeholders]},
        ${request.country}, ${request.deadlineS}, ${request.fileName}, ${request.priceMilli},
        ${lease.owner}, clock_timestamp() + ${limits.leaseMs} * interval '1 ms')
      on conflict (id) do nothing`;
    return null;
  });
  run.hasBegun = repeated === null;
  return repeated;
}

/** The file has ended: refuses it if nothing can be texted, else copies the last rows. */
async function finishRows(run: Import): Promise<CreateAnswer | null> {
  const { judge, counts } = run;
  if (judge === null) throw new AppError("csv_empty", "The file is empty.");
  if (counts.rows === 0) throw new AppError("csv_no_rows", "The file has a header and no rows below it.");
  if (counts.contacts === 0) throw noValidRows(run);
  const repeated = await sendBatch(run);
  if (repeated !== null) return repeated;
  await finishCopies(run);
  return null;
}

function noValidRows({ counts, rejectsSample }: Import): AppError {
  const rejects = Object.entries(counts.rejects).map(([reason, count]) => `${reason}: ${count}`);
  return new AppError("csv_no_valid_rows", `None of the ${counts.rows} rows can be texted (${rejects.join(", ")}).`, {
    details: { rejected: counts.rejected, rejects, lines: rejectsSample.map(({ line, reason }) => `line ${line}: ${reason}`) },
  });
}

/**
 * S2. A COMMIT whose answer was lost is found by our own mark and not done twice (C34). @throws
 * AppError import_lost.
 */
async function closeImport(run: Import): Promise<CreateAnswer> {
  const { sql, lease, counts, limits, request } = run;
  const answer = answerOf(run);
  await inTransaction(sql, async (transaction) => {
    const closed = await transaction`
      update bulksms set status = 'ready', status_at = clock_timestamp(), contacts = ${counts.contacts}, pending = ${counts.contacts},
        rejected = ${counts.rejected}, reject_counts = ${transaction.json(counts.rejects)}, parts = ${counts.parts}, version = version + 1,
        import_lease_until = null
      where id = ${lease.bulksmsId} and status = 'importing' and import_lease_owner = ${lease.owner}
        and import_lease_until > clock_timestamp()`;
    if (closed.count === 0) {
      const [done] = await transaction`
        select from bulksms where id = ${lease.bulksmsId} and import_lease_owner = ${lease.owner} and status not in ('importing', 'import_failed')`;
      if (done === undefined) throw importLost();
      return;
    }
    const chunkRows = chunkRowsOf(counts.contacts, limits.chunkRows, request.template);
    await transaction`
      insert into bulksms_chunk (bulksms_id, chunk_no, first_row, last_row, intent_to)
      select ${lease.bulksmsId}, n, (n - 1) * ${chunkRows}::int + 1, least(n * ${chunkRows}::int, ${counts.contacts}::int),
        (n - 1) * ${chunkRows}::int
      from generate_series(1, ${Math.ceil(counts.contacts / chunkRows)}::int) n`;
    if (request.claim !== null && !(await storeAnswer(transaction, request.claim, answer))) throw importLost();
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

function answerOf({ request, lease, counts, judge, rejectsSample }: Import): CreateAnswer {
  const { judge: rowJudge, columns } = judge as NonNullable<Import["judge"]>;
  const { gsm7, ucs2 } = rowJudge.encodings;
  const { column, why, description } = columns.verdict;
  const priceMilli = BigInt(request.priceMilli);
  return {
    id: lease.bulksmsId,
    name: request.name,
    status: "ready",
    contacts: counts.contacts,
    phone_column: { name: column.name, number: column.index + 1, why, description },
    rejected: counts.rejected,
    rejects: counts.rejects,
    rejects_sample: rejectsSample.map(({ line, reason, value }) => ({ line, reason, value: value.slice(0, 40) })),
    parts: counts.parts,
    cost: formatCredits(BigInt(counts.parts) * priceMilli),
    price: formatCredits(priceMilli),
    encoding: encodingOf(gsm7, ucs2),
    sender: request.sender,
    country: request.country,
    deadline_s: request.deadlineS,
    costly_characters: findCostlyCharacters(request.template.fill(request.template.placeholders.map(() => ""))).map(
      ({ codePoint, ...found }) => ({ ...found, code_point: codePoint }),
    ),
  };
}

function encodingOf(gsm7: number, ucs2: number): CreateAnswer["encoding"] {
  if (gsm7 > 0 && ucs2 > 0) return "mixed";
  return ucs2 > 0 ? "ucs2" : "gsm7";
}

/** Takes back what was copied. When that fails too, the lease passes and the sweeper does it. */
async function endInFailure(run: Import, error: unknown): Promise<void> {
  if (!run.hasBegun) return;
  await Promise.allSettled(run.copying);
  const lastError = isAppError(error) ? error.code : "internal";
  await abandonImport(run.sql, run.lease, { leaseMs: run.limits.leaseMs, lastError }).catch(() => {});
}
