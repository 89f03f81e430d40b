import { mkdir, mkdtemp, open, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { crc32 } from "node:zlib";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import {
  fileMagic,
  fileMagicOfFormat1,
  fileMagicOfFormat3,
  noBoot,
  noNumberMark,
  numberMark,
  openFolder,
  recordBytes,
  recordTypes,
  segmentPath,
  segmentRows,
  visitSegment,
} from "../contracts/simulator_journal.ts";
import { sleep } from "../platform/time/sleep.ts";
import { createJournal, type Journal, type OpenSegment } from "./journal.ts";
import { flag } from "./segment.ts";

const batchId = "0192f0c1-2345-7abc-8def-0123456789ab";
const accountBatchId = "0192f0c1-2345-8abc-8def-0123456789ac";
const terms = {
  profile: "typical",
  seed: 7,
  speed: 2.5,
  atMs: 1_000.25,
  validUntilMs: 61_000,
  steadyAtMs: 77.5,
  boot: 0xffff_fffe,
} as const;
let folder: string;
let resumed: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "bulksms-journal-"));
  resumed = [];
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function openJournal(): Promise<Journal> {
  const journal = createJournal({
    isOfAccount: (id) => id === accountBatchId,
    folder,
    onResume: ({ segment }) => resumed.push(`${segment.batchId}.${segment.segmentNo}`),
    onFatal: (error) => {
      throw error;
    },
  });
  await journal.open();
  return journal;
}

function accept({ segment, block }: OpenSegment, row: number): void {
  segment.addTerms(terms);
  block.submit(terms);
  segment.add(row, 2, row, 0xffff_fff0, 0, null);
  block.accepted(row, 2, row, 0xffff_fff0, 0, numberMark("+358401234567"));
}

/** What the journal knows of a segment after a start: row -> flags. */
async function known(journal: Journal): Promise<Map<number, number>> {
  const { segment } = await journal.use(batchId, 0);
  const rows = new Map<number, number>();
  for (let slot = 0; slot < segment.slots; slot++) rows.set(segment.rows[slot] as number, segment.flags[slot] as number);
  segment.uses -= 1;
  return rows;
}

test("everything that was committed is there after a restart, field by field", async () => {
  const journal = await openJournal();
  const open = await journal.use(batchId, 0);
  accept(open, 5);
  open.block.sent(5, 0xffff_ffff);
  open.block.ended(5, 123, 3, 0);
  open.block.answered(5, 2);
  open.block.repeat(5, false);
  open.block.rejected(9, 255, 0, 1, 7, numberMark("+358401234568"));
  journal.touch(open);
  await journal.commit();
  await journal.close();

  const again = await openJournal();
  const { segment } = await again.use(batchId, 0);
  const slot = segment.find(5);
  expect(segment.submitOf(slot)).toMatchObject(terms);
  expect(segment.flags[slot]).toBe(flag.sent | flag.ended | flag.answeredSecond);
  expect([segment.parts[slot], segment.digestsLow[slot], segment.digestsHigh[slot]]).toEqual([2, 5, 0xffff_fff0]);
  expect([segment.sentDeltas[slot], segment.endedDeltas[slot], segment.ends[slot]]).toEqual([0xffff_ffff, 123, 3]);
  expect([segment.repeats[slot], segment.repeatsDiffering[slot]]).toEqual([1, 1]);
  const refused = segment.find(9);
  expect([segment.flags[refused], segment.codes[refused], segment.parts[refused]]).toEqual([flag.rejected, 7, 255]);
  expect(segment.unfinished).toBe(1);
  expect(resumed).toEqual([`${batchId}.0`]);
  await again.close();
});

test("a file cut at any byte of its last commit recovers all commits before it, and takes new ones", async () => {
  const path = join(folder, segmentPath(batchId, 0));
  const journal = await openJournal();
  const open = await journal.use(batchId, 0);
  accept(open, 1);
  journal.touch(open);
  await journal.commit();
  const wholeBytes = (await readFile(path)).length;
  accept(open, 2);
  open.block.sent(1, 10);
  journal.touch(open);
  await journal.commit();
  await journal.close();
  const file = await readFile(path);

  for (let bytes = wholeBytes; bytes < file.length; bytes++) {
    await writeFile(path, file.subarray(0, bytes));
    const torn = await openJournal();
    expect([...(await known(torn))], `cut at ${bytes}`).toEqual([[1, 0]]);
    const reopened = await torn.use(batchId, 0);
    accept(reopened, 3);
    torn.touch(reopened);
    await torn.commit();
    await torn.close();
    const after = await openJournal();
    expect([...(await known(after)).keys()], `cut at ${bytes}`).toEqual([1, 3]);
    await after.close();
  }
});

test("a first commit cut at any byte leaves an empty segment that takes new ones", async () => {
  const path = join(folder, segmentPath(batchId, 0));
  const journal = await openJournal();
  const open = await journal.use(batchId, 0);
  accept(open, 1);
  journal.touch(open);
  await journal.commit();
  await journal.close();
  const bytes = (await readFile(path)).length;
  for (let cut = bytes - 1; cut >= 0; cut--) {
    await truncate(path, cut);
    const torn = await openJournal();
    expect((await known(torn)).size).toBe(0);
    await torn.close();
  }
  const torn = await openJournal();
  const reopened = await torn.use(batchId, 0);
  accept(reopened, 1);
  torn.touch(reopened);
  await torn.commit();
  await torn.close();
  expect((await readFile(path)).subarray(0, fileMagic.length)).toEqual(fileMagic);
  const after = await openJournal();
  expect((await known(after)).size).toBe(1);
  await after.close();
});

test("a last block whose bytes are not what was written is a torn tail", async () => {
  const path = join(folder, segmentPath(batchId, 0));
  const journal = await openJournal();
  const open = await journal.use(batchId, 0);
  for (const row of [1, 2]) {
    accept(open, row);
    journal.touch(open);
    await journal.commit();
  }
  await journal.close();
  const file = await readFile(path);
  file[file.length - 1] = (file[file.length - 1] as number) ^ 1;
  await writeFile(path, file);
  const again = await openJournal();
  expect([...(await known(again)).keys()]).toEqual([1]);
  await again.close();
  // zeros, as a file system leaves them where the length reached the disk before the data
  await writeFile(path, Buffer.concat([file.subarray(0, file.length - 60), Buffer.alloc(500)]));
  const zeros = await openJournal();
  expect((await known(zeros)).size).toBeLessThanOrEqual(1);
  await zeros.close();
});

test("who waits for a commit during another one is answered by the next, with its records on disk", async () => {
  const journal = await openJournal();
  const open = await journal.use(batchId, 0);
  const rowsOnDisk: number[] = [];
  await Promise.all(
    Array.from({ length: 50 }, async (_, row) => {
      await sleep(row % 5);
      accept(open, row);
      journal.touch(open);
      await journal.commit();
      // the 17 bytes of the record itself are in the file by now
      const record = Buffer.alloc(17);
      record.set([10, 2]);
      record.writeUInt16LE(row, 2);
      record.writeUInt32LE(row, 4);
      record.writeUInt32LE(0xffff_fff0, 8);
      record.writeUInt32LE(numberMark("358401234567"), 13);
      if ((await journal.segmentFile(batchId, 0)).includes(record)) rowsOnDisk.push(row);
    }),
  );
  expect(rowsOnDisk.length).toBe(50);
  await journal.close();
});

test("an answered mark whose time comes during a commit is on disk soon, also when nobody commits again", async () => {
  const journal = await openJournal();
  const open = await journal.use(batchId, 0);
  accept(open, 1);
  journal.touch(open);
  const committing = journal.commit();
  open.block.answered(1, 1);
  journal.touch(open, true);
  // nothing of the commit is heard of before the mark's timer
  for (const untilMs = performance.now() + 150; performance.now() < untilMs; );
  await committing;
  await expect.poll(() => open.block.isEmpty(), { timeout: 2_000 }).toBe(true);
  await journal.close();
});

test("a record that an answered mark's commit carried along is synced all the same", async () => {
  const handle = await open(folder, "r");
  const datasync = vi.spyOn(Object.getPrototypeOf(handle), "datasync");
  await handle.close();
  const journal = await openJournal();
  const segment = await journal.use(batchId, 0);
  accept(segment, 1);
  journal.touch(segment);
  segment.block.answered(1, 1);
  journal.touch(segment, true);
  await expect.poll(() => segment.block.isEmpty()).toBe(true);
  await journal.commit();
  expect(datasync).toHaveBeenCalledTimes(1);
  datasync.mockRestore();
  await journal.close();
});

test("a start reads only what may be unfinished, and finished segments leave no marker", async () => {
  const journal = await openJournal();
  for (const segmentNo of [0, 1]) {
    const open = await journal.use(batchId, segmentNo);
    accept(open, 1);
    if (segmentNo === 1) {
      open.segment.markGaveUp(0);
      open.block.gaveUp(1);
    }
    journal.touch(open);
    open.segment.uses -= 1;
  }
  await journal.commit();
  await journal.close();
  expect(await readdir(join(folder, openFolder))).toEqual([`${batchId}.0`]);
  const again = await openJournal();
  expect(again.segmentsInMemory()).toBe(1);
  expect(await again.segmentNos(batchId)).toEqual([0, 1]);
  await again.close();
});

test("files beyond the limit are closed and opened again, without a record lost", async () => {
  const journal = await openJournal();
  const segments = 300;
  for (let round = 0; round < 2; round++) {
    for (let segmentNo = 0; segmentNo < segments; segmentNo++) {
      const open = await journal.use(batchId, segmentNo);
      accept(open, round);
      journal.touch(open);
      open.segment.uses -= 1;
    }
    await journal.commit();
  }
  const descriptors = await readdir("/proc/self/fd").catch(() => []);
  expect(descriptors.length).toBeLessThan(segments);
  await journal.close();
  const again = await openJournal();
  expect(again.unfinished()).toBe(2 * segments);
  expect(segmentRows).toBe(16_384);
  await again.close();
});

/** Number marks of a segment's verdicts, by row. */
function marksOf(file: Buffer): Map<number, number> {
  const marks = new Map<number, number>();
  const ignore = () => {};
  visitSegment(file, {
    ...{ submit: ignore, sent: ignore, ended: ignore, answered: ignore, repeat: ignore, gaveUp: ignore, lost: ignore },
    accepted: (row, _parts, _low, _high, _forced, mark) => void marks.set(row, mark),
    rejected: (row, _parts, _low, _high, _code, mark) => void marks.set(row, mark),
  });
  return marks;
}

test("a folder of format 1 goes on: what it knows stays, its verdicts name no number, and what is added makes its file format 2", async () => {
  const submit = Buffer.alloc(recordBytes[recordTypes.submit_1]);
  submit.writeUInt8(recordTypes.submit_1, 0);
  submit.writeDoubleLE(1_000.25, 16);
  const accepted = Buffer.alloc(13);
  accepted.writeUInt8(recordTypes.accepted_1, 0);
  accepted.writeUInt8(3, 1);
  accepted.writeUInt16LE(4, 2);
  accepted.writeUInt32LE(77, 4);
  const payload = Buffer.concat([submit, accepted]);
  const head = Buffer.alloc(8);
  head.writeUInt32LE(payload.length, 0);
  head.writeUInt32LE(crc32(payload), 4);
  const path = join(folder, segmentPath(batchId, 0));
  await mkdir(dirname(path), { recursive: true });
  await mkdir(join(folder, openFolder), { recursive: true });
  await writeFile(path, Buffer.concat([fileMagicOfFormat1, head, payload]));
  await writeFile(join(folder, openFolder, `${batchId}.0`), "");

  const journal = await openJournal();
  expect(resumed).toEqual([`${batchId}.0`]);
  const open = await journal.use(batchId, 0);
  const slot = open.segment.find(4);
  expect([open.segment.parts[slot], open.segment.digestsLow[slot]]).toEqual([3, 77]);
  expect(open.segment.submitOf(slot)).toMatchObject({ atMs: 1_000.25, boot: noBoot });
  accept(open, 5);
  journal.touch(open);
  await journal.commit();
  open.segment.uses -= 1;
  await journal.close();

  const file = await readFile(path);
  expect(file.subarray(0, fileMagic.length)).toEqual(fileMagic);
  expect(marksOf(file)).toEqual(
    new Map([
      [4, noNumberMark],
      [5, numberMark("358401234567")],
    ]),
  );
  const again = await openJournal();
  expect((await known(again)).size).toBe(2);
  await again.close();
});

test("a number's mark shows every change of one digit and every exchange of two, with or without its plus", () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[1-9]\d{6,14}$/), fc.nat(), fc.nat(), fc.nat({ max: 9 }), (digits, one, other, digit) => {
      const [at, with_] = [one % digits.length, other % digits.length];
      const changed = [...digits];
      changed[at] = String(digit);
      const swapped = [...digits];
      [swapped[at], swapped[with_]] = [digits[with_] as string, digits[at] as string];
      for (const wrong of [changed.join(""), swapped.join("")]) expect(numberMark(wrong) === numberMark(digits)).toBe(wrong === digits);
      expect(numberMark(`+${digits}`)).toBe(numberMark(digits));
      expect(numberMark(digits)).toBeGreaterThan(noNumberMark);
      expect(numberMark(digits)).toBeLessThan(2 ** 32);
    }),
  );
});

test("details of an account's message are there after a restart, the last of them; only its file is of format 3", async () => {
  const journal = await openJournal();
  const account = await journal.use(accountBatchId, 0);
  accept(account, 1);
  const texts = [JSON.stringify({ text: "Grüße 🙂".repeat(2_000) }), "{}"];
  for (const json of texts) account.block.details(1, json);
  journal.touch(account);
  const own = await journal.use(batchId, 0);
  accept(own, 1);
  journal.touch(own);
  await journal.commit();
  accept(account, 2);
  account.block.details(2, texts[0] as string);
  journal.touch(account);
  await journal.commit();
  await journal.close();
  const magicOf = async (id: string) => (await readFile(join(folder, segmentPath(id, 0)))).subarray(0, fileMagic.length);
  expect([await magicOf(batchId), await magicOf(accountBatchId)]).toEqual([fileMagic, fileMagicOfFormat3]);
  // a crash cuts the last block in the middle of its details
  const path = join(folder, segmentPath(accountBatchId, 0));
  await truncate(path, (await readFile(path)).length - 5);
  const again = await openJournal();
  const { segment } = await again.use(accountBatchId, 0);
  expect([segment.slots, segment.details]).toEqual([1, ["{}"]]);
  expect((await again.use(batchId, 0)).segment.details).toEqual([]);
  await again.close();
});
