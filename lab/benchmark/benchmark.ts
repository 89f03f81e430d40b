// Runs the benchmark: our system and the original's way side by side on this machine, idle when the other is measured, round by round.
import { openContactFiles } from "./contact_files.ts";
import { type MeasuredRun, type SubjectName, subjectNames } from "./measured_run.ts";
import { openMeasuredOriginal } from "./original_run.ts";
import { type OurSystem, startOurs } from "./ours.ts";
import { orderOf, type Sizes } from "./plan.ts";
import { openStoreReference, type StoreReference } from "./store_reference.ts";

export interface ImportRun {
  round: number;
  contacts: number;
  createSeconds: number;
  copySeconds: number;
}

export interface BenchmarkRuns {
  runs: MeasuredRun[];
  imports: ImportRun[];
}

export interface BenchmarkOptions {
  sizes: Sizes;
  /** Fewer than all (development). */
  subjects?: readonly SubjectName[];
  /** Before each run, and after it with its figures. */
  onBegin(what: string): void;
  onRun(run: MeasuredRun): void;
  onImport(run: ImportRun): void;
}

export async function runBenchmark(options: BenchmarkOptions): Promise<BenchmarkRuns> {
  const { sizes, subjects = subjectNames } = options;
  const files = openContactFiles();
  const closing: (() => Promise<void>)[] = [];
  try {
    options.onBegin("starting our system");
    const ours = await startOurs();
    closing.push(ours.stop);
    const store = await openStoreReference(ours.salesdbOwnerUrl);
    closing.push(store.close);
    const original = subjects.includes("original") ? await openMeasuredOriginal() : null;
    if (original !== null) closing.push(original.stop);
    const done: BenchmarkRuns = { runs: [], imports: [] };
    for (let round = 1; round <= sizes.rounds; round += 1) {
      for (const subject of orderOf(round)) {
        if (!subjects.includes(subject)) continue;
        const messages = sizes.messages[subject];
        options.onBegin(`round ${round} of ${sizes.rounds}: ${subject}`);
        if (subject === "original") done.runs.push(await (original as NonNullable<typeof original>).measure(messages, round));
        else if (subject === "store") done.runs.push(await measureStore(store, ours, messages, round));
        else done.runs.push(await measureOurs(ours, files.of(messages), { subject, round }));
        options.onRun(done.runs.at(-1) as MeasuredRun);
      }
      options.onBegin(`round ${round} of ${sizes.rounds}: import`);
      done.imports.push(await measureImport(ours, store, files.of(sizes.created), round));
      options.onImport(done.imports.at(-1) as ImportRun);
    }
    return done;
  } finally {
    for (const close of closing.reverse()) await close();
    files.remove();
  }
}

async function measureOurs(
  ours: OurSystem,
  file: string,
  { subject, round }: { subject: "batched" | "single"; round: number },
): Promise<MeasuredRun> {
  await ours.setCarrier({ receiptsPerBody: subject === "batched" ? 100 : 1, partsPerSecond: 0 });
  const created = await ours.create(file);
  const { bulksmsId: _, ...run } = await ours.run(created);
  return { subject, round, messages: created.contacts, perSecond: created.contacts / run.seconds, ...run, wrongStates: 0, creditOff: 0 };
}

async function measureStore(store: StoreReference, ours: OurSystem, messages: number, round: number): Promise<MeasuredRun> {
  const walBefore = await ours.servers.walBytes();
  const seconds = await store.life(messages);
  return {
    subject: "store",
    round,
    messages,
    seconds,
    perSecond: messages / seconds,
    cpuMicrosPerMessage: {},
    walBytesPerMessage: ((await ours.servers.walBytes()) - walBefore) / messages,
    peakRssMib: {},
    lawsBroken: [],
    wrongStates: 0,
    creditOff: 0,
  };
}

async function measureImport(ours: OurSystem, store: StoreReference, file: string, round: number): Promise<ImportRun> {
  await ours.servers.settleDown();
  const { contacts, seconds } = await ours.create(file);
  return { round, contacts, createSeconds: seconds, copySeconds: await store.copy(contacts) };
}
