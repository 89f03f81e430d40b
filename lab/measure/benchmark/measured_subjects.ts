// The subjects of a benchmark, started, and how a run of each is measured. All run on one machine,
// each idle while another is measured.
import { checkLaws } from "../../../src/laws/check_laws.ts";
import { lawSourcesOf } from "../../../testing/campaigns.ts";
import { type Databases, openDatabases } from "../sampling/databases.ts";
import { type BareHttp, startBareHttp } from "../subjects/bare_http.ts";
import { type BareStore, type Prepared, startBareStore } from "../subjects/bare_store.ts";
import type { ContactFiles } from "../subjects/contact_files.ts";
import { measureDiskSync } from "../subjects/disk_sync.ts";
import { type FixedWork, startFixedWork } from "../subjects/fixed_work.ts";
import { type OriginalSystem, startOriginal } from "../subjects/original/original_system.ts";
import { readTruth } from "../subjects/original/wrong_states.ts";
import { type Created, lawsNotHeld } from "../subjects/our_campaigns.ts";
import { inBodies, type OurSystem, type SimulatorMode, singly, singlyUnpipelined, startOurs } from "../subjects/ours.ts";
import { measureRun } from "./measure_run.ts";
import type { Sizes } from "./plan.ts";
import type { Run, SubjectName } from "./results.ts";

/** The original is never this slow, even on a busy machine. */
const originalMessageMaxMs = 50;
export const originalMaxMs = (messages: number): number => 30_000 + messages * originalMessageMaxMs;

/** So that both ends have compiled their code. */
const httpWarmUpMs = 250;

/** One that is measured, with its databases. */
interface Started<T> {
  system: T;
  databases: Databases;
}

/** What is enough to measure ours. */
export type OurSubjects = Pick<Subjects, "ours" | "fixedWork">;

export interface Subjects {
  /** Campaigns that an import made and nobody has run yet: the next run takes one of its size. */
  imported: Created[];
  ours: Started<OurSystem>;
  /** Null: not wanted. */
  original: Started<OriginalSystem> | null;
  store: Started<BareStore>;
  http: BareHttp;
  fixedWork: FixedWork;
  stop(): Promise<void>;
}

export async function startSubjects(wanted: readonly SubjectName[], onBegin: (what: string) => void): Promise<Subjects> {
  const closing: (() => Promise<void>)[] = [];
  const started = async <T extends { stop(): Promise<void> }>(system: T, urls: readonly string[]): Promise<Started<T>> => {
    closing.push(system.stop);
    const databases = openDatabases(urls);
    closing.push(databases.close);
    return { system, databases };
  };
  const stop = async (): Promise<void> => {
    for (const close of closing.reverse()) await close();
  };
  try {
    onBegin("starting our system");
    const ours = await startOurs();
    const startedOurs = await started(ours, ours.ownerUrls);
    onBegin("starting the bare store");
    const store = await startBareStore();
    const startedStore = await started(store, [store.url]);
    onBegin("starting the original's way");
    const original = wanted.includes("original") ? await startOriginal() : null;
    const startedOriginal = original === null ? null : await started(original, original.ownerUrls);
    onBegin("starting the yardsticks");
    const http = await startBareHttp();
    closing.push(http.stop);
    for (const mode of [inBodies, singly])
      for (const isSigned of [false, true]) await http.measure(mode, { isSigned, runMs: httpWarmUpMs });
    const fixedWork = await startFixedWork();
    closing.push(fixedWork.stop);
    return { imported: [], ours: startedOurs, original: startedOriginal, store: startedStore, http, fixedWork, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

export interface RoundOptions {
  sizes: Sizes;
  files: ContactFiles;
}

export async function measureSubject(subjects: Subjects, subject: SubjectName, options: RoundOptions): Promise<Run> {
  const { sizes, files } = options;
  switch (subject) {
    case "batched":
      return measureBatched(subjects, options);
    case "single":
      return measureOurs(subjects, { mode: singly, file: files.of(sizes.messages.single), warmUp: files.of(sizes.warmUp.single) });
    case "unpipelined":
      return measureOurs(subjects, {
        ...{ mode: singlyUnpipelined, file: files.of(sizes.messages.unpipelined), warmUp: files.of(sizes.warmUp.single) },
      });
    case "original":
      return measureOriginal(subjects, sizes.messages.original);
    case "store":
      return measureStore(subjects, sizes.messages.store, (prepared) => subjects.store.system.live(prepared));
    case "copy":
      return measureStore(subjects, sizes.messages.copy, (prepared) => subjects.store.system.copy(prepared));
    case "import":
      return measureImport(subjects, files.of(sizes.messages.import), sizes.messages.import);
    case "http_bodies":
      return measureHttp(subjects, inBodies, { isSigned: false, runMs: sizes.yardstickMs });
    case "http_bodies_signed":
      return measureHttp(subjects, inBodies, { isSigned: true, runMs: sizes.yardstickMs });
    case "http_single":
      return measureHttp(subjects, singly, { isSigned: false, runMs: sizes.yardstickMs });
    case "http_single_signed":
      return measureHttp(subjects, singly, { isSigned: true, runMs: sizes.yardstickMs });
    case "disk_sync":
      return measureDisk(subjects, sizes.yardstickMs);
    default:
      return subject satisfies never;
  }
}

export interface OurMeasure {
  mode: SimulatorMode;
  file: string;
  warmUp: string;
}

/** Runs a campaign of the file's contacts to its end, measured, and checks its laws. */
export async function measureOurs(subjects: OurSubjects, { mode, file, warmUp }: OurMeasure): Promise<Run> {
  await warmSimulator(subjects, mode, warmUp);
  return await measureCampaign(subjects, await subjects.ours.system.create(file));
}

/**
 * A simulator that had to be restarted for its mode gets this campaign first, so that it has
 * compiled its code like the others.
 */
export async function warmSimulator({ ours: { system } }: OurSubjects, mode: SimulatorMode, file: string): Promise<void> {
  if (await system.setSimulator(mode)) await system.send(await system.create(file));
}

/** @param others further processes that work for this campaign, by name */
export async function measureCampaign(
  { ours: { system, databases }, fixedWork }: OurSubjects,
  created: Pick<Created, "id" | "contacts">,
  others: Readonly<Record<string, number>> = {},
): Promise<Run> {
  const run = await measureRun({
    ...{ messages: created.contacts, fixedWork, databases },
    pids: () => ({ ...system.pids(), ...others }),
    async work() {
      const { startedMs, endedMs } = await system.send(created);
      return (endedMs - startedMs) / 1_000;
    },
  });
  return { ...run, lawsBroken: lawsNotHeld(await checkLaws(lawSourcesOf(system.cluster), { bulksmsId: created.id })) };
}

/** Runs what an import has made, so that not every round leaves two large campaigns on the disk. */
async function measureBatched(subjects: Subjects, { sizes, files }: RoundOptions): Promise<Run> {
  await warmSimulator(subjects, inBodies, files.of(sizes.warmUp.batched));
  const at = subjects.imported.findIndex(({ contacts }) => contacts === sizes.messages.batched);
  const [created = await subjects.ours.system.create(files.of(sizes.messages.batched))] = at === -1 ? [] : subjects.imported.splice(at, 1);
  return await measureCampaign(subjects, created);
}

async function measureImport({ ours: { system, databases }, fixedWork, imported }: Subjects, file: string, messages: number): Promise<Run> {
  return await measureRun({
    ...{ messages, fixedWork, databases, pids: system.pids },
    async work() {
      const created = await system.create(file);
      imported.push(created);
      return created.seconds;
    },
  });
}

async function measureOriginal({ original, fixedWork }: Subjects, messages: number): Promise<Run> {
  if (original === null) throw new Error("the original's way was not started");
  const { system, databases } = original;
  const campaign = await system.create(messages);
  const run = await measureRun({
    ...{ messages, fixedWork, databases, pids: system.pids },
    work: () =>
      timed(async () => {
        await system.run(campaign);
        await system.untilQuiet(campaign, originalMaxMs(messages));
      }),
  });
  const { wrongStates, creditOff } = await readTruth(system, campaign);
  return { ...run, wrongStates, creditOff };
}

/**
 * Its CPU is that of its client, which is this program, of its session, and of the rest of its
 * server.
 */
async function measureStore({ store, fixedWork }: Subjects, rows: number, work: (prepared: Prepared) => Promise<void>): Promise<Run> {
  const { system, databases } = store;
  const prepared = await system.prepare(rows);
  const run = await measureRun({
    ...{ messages: rows, fixedWork, databases, ownName: "client" },
    pids: () => ({ backend: prepared.backendPid, server: system.serverPid }),
    work: () => timed(() => work(prepared)),
  });
  const { client = 0, backend = 0, server = 0 } = run.cpuMicros;
  return { ...run, cpuMicros: { client, backend, "rest of server": Math.max(0, server - backend) } };
}

async function measureHttp(
  { http, fixedWork }: Subjects,
  mode: SimulatorMode,
  options: { isSigned: boolean; runMs: number },
): Promise<Run> {
  let receipts = 1;
  const run = await measureRun({
    ...{ messages: 1, fixedWork, databases: null, ownName: "client", pids: () => ({ server: http.pid }) },
    async work() {
      const { receipts: sent, seconds } = await http.measure(mode, options);
      receipts = sent;
      return seconds;
    },
  });
  return perUnit(run, receipts);
}

async function measureDisk({ fixedWork }: Subjects, runMs: number): Promise<Run> {
  let done = 1;
  const run = await measureRun({
    ...{ messages: 1, fixedWork, databases: null, ownName: "client", pids: () => ({}) },
    async work() {
      const { writes, seconds } = measureDiskSync(runMs);
      done = writes;
      return seconds;
    },
  });
  return perUnit(run, done);
}

/** Of a run that lasted a time: only at its end is it known of how many. */
const perUnit = (run: Run, messages: number): Run => ({
  ...run,
  messages,
  cpuMicros: Object.fromEntries(Object.entries(run.cpuMicros).map(([name, micros]) => [name, micros / messages])),
});

async function timed(work: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return (performance.now() - startedAt) / 1_000;
}
