// Runs the benchmark: our system and the original's design side by side on this machine, each idle
// while the other is measured, round by round.
import { type BareHttpRun, measureBareHttp } from "./bare_http.ts";
import { openContactFiles } from "./contact_files.ts";
import { type LatencyRun, measureLatency } from "./latency.ts";
import { type MeasuredRun, type SubjectName, subjectNames } from "./measured_run.ts";
import { openMeasuredOriginal } from "./original_run.ts";
import { inBodies, type OurSystem, type SimulatorMode, singly, singlyUnpipelined, startOurs } from "./ours.ts";
import { orderOf, type Sizes } from "./plan.ts";
import { measureScaling, type ScalingRun } from "./scaling.ts";
import { openStoreReference, type StoreReference } from "./store_reference.ts";
import { median } from "./summary.ts";

export interface ImportRun {
  round: number;
  contacts: number;
  createSeconds: number;
  copySeconds: number;
}

export interface BenchmarkRuns {
  runs: MeasuredRun[];
  imports: ImportRun[];
  bareHttp: BareHttpRun[];
  /** Null where it was not measured, like the others below. */
  unpipelined: MeasuredRun | null;
  latency: LatencyRun | null;
  scaling: ScalingRun | null;
  memory: MemoryRun | null;
}

/** The largest process of one small campaign, before any large one. */
export interface MemoryRun {
  messages: number;
  peakRssMib: Readonly<Record<string, number>>;
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
  const startedAt = performance.now();
  try {
    options.onBegin("starting our system");
    const ours = await startOurs();
    closing.push(ours.stop);
    const store = await openStoreReference(ours.salesdbOwnerUrl);
    closing.push(store.close);
    const original = subjects.includes("original") ? await openMeasuredOriginal() : null;
    if (original !== null) closing.push(original.stop);
    const done: BenchmarkRuns = { runs: [], imports: [], bareHttp: [], unpipelined: null, latency: null, scaling: null, memory: null };
    if (sizes.extras !== null) {
      options.onBegin("memory of a small campaign");
      const { peakRssMib } = await ours.run(await ours.create(files.of(sizes.extras.smallMessages)));
      done.memory = { messages: sizes.extras.smallMessages, peakRssMib };
    }
    for (let round = 1; round <= sizes.rounds && !isOverBudget(startedAt, round, sizes); round += 1) {
      for (const subject of orderOf(round)) {
        if (!subjects.includes(subject)) continue;
        const messages = sizes.messages[subject];
        options.onBegin(`round ${round} of ${sizes.rounds}: ${subject}`);
        if (subject === "original") done.runs.push(await (original as NonNullable<typeof original>).measure(messages, round));
        else if (subject === "store") done.runs.push(await measureStore(store, ours, messages, round));
        else
          done.runs.push(await measureOurs(ours, files.of, { subject, round, messages, mode: subject === "batched" ? inBodies : singly }));
        options.onRun(done.runs.at(-1) as MeasuredRun);
      }
      options.onBegin(`round ${round} of ${sizes.rounds}: import`);
      done.imports.push(await measureImport(ours, store, files.of(sizes.created), round));
      options.onImport(done.imports.at(-1) as ImportRun);
    }
    options.onBegin("bare HTTP");
    done.bareHttp = await measureBareHttp();
    const batched = median(done.runs.filter(({ subject }) => subject === "batched").map(({ perSecond }) => perSecond));
    if (sizes.extras !== null && batched !== null) {
      options.onBegin("single receipts, not pipelined");
      done.unpipelined = await measureOurs(ours, files.of, {
        ...{ subject: "single", round: sizes.rounds, messages: sizes.messages.single, mode: singlyUnpipelined },
      });
      options.onBegin("latency at 70 % load");
      done.latency = await measureLatency(ours, batched, files.of);
      options.onBegin("two of each worker");
      done.scaling = await measureScaling(ours, files.of(sizes.extras.smallMessages));
    }
    return done;
  } finally {
    for (const close of closing.reverse()) await close();
    files.remove();
  }
}

/**
 * Whether another round as long as the previous ones would end too late; the first one always runs.
 */
function isOverBudget(startedAt: number, round: number, { budgetMs }: Sizes): boolean {
  if (budgetMs === null || round === 1) return false;
  const passedMs = performance.now() - startedAt;
  return passedMs + passedMs / (round - 1) > budgetMs;
}

/**
 * Messages of an unmeasured campaign, so that a carrier that was just started has compiled its code
 * like the others.
 */
const warmUpMessages = 20_000;

interface OurMeasure {
  subject: "batched" | "single";
  round: number;
  messages: number;
  mode: SimulatorMode;
}

async function measureOurs(
  ours: OurSystem,
  fileOf: (contacts: number) => string,
  { subject, round, messages, mode }: OurMeasure,
): Promise<MeasuredRun> {
  if ((await ours.setSimulator(mode)) || round === 1) await ours.send(await ours.create(fileOf(Math.min(warmUpMessages, messages))));
  const created = await ours.create(fileOf(messages));
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
