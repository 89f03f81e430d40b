// What a campaign costs over each kind of carrier, and how fast it goes, with Kannel beside: one
// system, its simulator's dialects, round by round, each idle while another is measured.
import { checkLaws } from "../../../src/laws/check_laws.ts";
import { askHttp, bodyOf } from "../../../testing/api_client.ts";
import { lawSourcesOf } from "../../../testing/campaigns.ts";
import { addSmppCarrier, addTwilioCarrier, dialectSettings, newAccountSid, smppPassword } from "../../../testing/carriers.ts";
import { findPeer } from "../../../testing/peers.ts";
import { cpuOf, isSimulator, rateOf } from "../benchmark/figures.ts";
import { measureRun } from "../benchmark/measure_run.ts";
import type { Run } from "../benchmark/results.ts";
import { openDatabases } from "../sampling/databases.ts";
import { openContactFiles } from "../subjects/contact_files.ts";
import { nominalWorkMs, startFixedWork } from "../subjects/fixed_work.ts";
import { type OurSystem, startOurs } from "../subjects/ours.ts";
import { type MedianInterval, medianInterval } from "../summary/median.ts";
import { type KannelSubject, startKannelSubject } from "./kannel_subject.ts";

export const carrierSubjects = ["own", "smpp", "kannel", "twilio"] as const;
export type CarrierSubject = (typeof carrierSubjects)[number];

export interface MeasureOptions {
  messages: number;
  rounds: number;
  subjects: readonly CarrierSubject[];
  onRun(subject: CarrierSubject, round: number, run: Run): void;
}

export interface CarrierFigures {
  subject: CarrierSubject;
  messagesPerSecond: MedianInterval;
  /** Microseconds per message, scaled by the fixed work: of all processes, of the simulator. */
  cpu: MedianInterval;
  simulatorCpu: MedianInterval;
  /** Medians of each process. */
  cpuByProcess: Record<string, number>;
}

export interface MeasuredCarriers {
  figures: CarrierFigures[];
  /** Rates of rounds side by side; null: one of them was not measured. */
  smppToKannel: MedianInterval | null;
  lawsBroken: string[];
}

const window = 100;
const partsPerSecond = 10_000;

export async function measureCarriers(options: MeasureOptions): Promise<MeasuredCarriers> {
  const accountSid = newAccountSid();
  const dialects = await dialectSettings(["ours", "kannel"], [accountSid]);
  const limits = { BULKSMS_SIMULATOR_SMPP_WINDOW: String(window), BULKSMS_SIMULATOR_SMPP_RECEIPT_WINDOW: String(window) };
  const ours = await startOurs({ settings: { ...dialects, ...limits } });
  const files = openContactFiles();
  const fixedWork = await startFixedWork();
  const databases = openDatabases(ours.ownerUrls);
  let kannel: KannelSubject | null = null;
  try {
    const rate = { window, parts_per_second: partsPerSecond };
    const smpp = await addSmppCarrier(ours.cluster, "ours", rate);
    const twilio = await addTwilioCarrier(ours.cluster, accountSid, rate);
    if (options.subjects.includes("kannel")) kannel = await startKannelBeside(ours, Number(dialects.BULKSMS_SIMULATOR_SMPP_PORT));
    const file = files.of(options.messages);
    const sendThrough = (carrier?: string) => async () => {
      const created = await ours.create(file, { text: "Hello", ...(carrier === undefined ? {} : { carrier }) });
      const { startedMs, endedMs } = await ours.send(created);
      return (endedMs - startedMs) / 1_000;
    };
    const works: Record<CarrierSubject, (() => Promise<number>) | null> = {
      own: sendThrough(),
      smpp: sendThrough(smpp.name),
      twilio: sendThrough(twilio.name),
      kannel: kannel === null ? null : () => (kannel as KannelSubject).send(options.messages),
    };
    const pids = () => ({ ...ours.pids(), ...kannel?.pids });
    const runs = new Map<CarrierSubject, Run[]>();
    // the first round compiles
    for (let round = 0; round <= options.rounds; round += 1) {
      for (const subject of options.subjects) {
        const work = works[subject];
        if (work === null) continue;
        const run = await measureRun({ messages: options.messages, fixedWork, pids, databases, work });
        if (round === 0) continue;
        runs.set(subject, [...(runs.get(subject) ?? []), run]);
        options.onRun(subject, round, run);
      }
    }
    const laws = await checkLaws(lawSourcesOf(ours.cluster));
    const lawsBroken = laws.laws.filter(({ verdict }) => verdict === "broken").map(({ law }) => law);
    return { figures: [...runs].map(([subject, all]) => figuresOf(subject, all)), smppToKannel: ratioOf(runs), lawsBroken };
  } finally {
    await kannel?.stop();
    await databases.close();
    await fixedWork.stop();
    await ours.stop();
    files.remove();
  }
}

/** Null, after a line that says so, where Kannel is not installed. */
async function startKannelBeside(ours: OurSystem, port: number): Promise<KannelSubject | null> {
  const [bearerbox, smsbox] = [findPeer("bearerbox"), findPeer("smsbox")];
  if (bearerbox === null || smsbox === null) return null;
  const { cluster } = ours;
  const isBound = async () => {
    const { accounts } = bodyOf(
      await askHttp<{ accounts: Record<string, { binds: number }> }>("GET", `${cluster.urls.simulator}/statistics`, {
        key: cluster.settings.BULKSMS_SIMULATOR_KEY ?? null,
      }),
    );
    return (accounts["smpp:kannel"]?.binds ?? 0) > 0;
  };
  return startKannelSubject({
    programs: { bearerbox, smsbox },
    smsc: { port, systemId: "kannel", password: smppPassword },
    window,
    isBound,
  });
}

function figuresOf(subject: CarrierSubject, runs: readonly Run[]): CarrierFigures {
  const interval = (read: (run: Run) => number) => medianInterval(runs.map(read)) as MedianInterval;
  const scaled = (micros: number, { fixedWorkMs }: Run) => (micros * nominalWorkMs) / fixedWorkMs;
  return {
    subject,
    messagesPerSecond: interval(rateOf),
    cpu: interval((run) => scaled(cpuOf(run), run)),
    simulatorCpu: interval((run) => scaled(cpuOf(run, isSimulator), run)),
    cpuByProcess: Object.fromEntries(
      [...new Set(runs.flatMap(({ cpuMicros }) => Object.keys(cpuMicros)))].map((name) => [
        name,
        interval((run) => scaled(run.cpuMicros[name] ?? 0, run)).median,
      ]),
    ),
  };
}

function ratioOf(runs: ReadonlyMap<CarrierSubject, Run[]>): MedianInterval | null {
  const [smpp, kannel] = [runs.get("smpp"), runs.get("kannel")];
  if (smpp === undefined || kannel === undefined) return null;
  return medianInterval(smpp.map((run, round) => rateOf(run) / rateOf(kannel[round] as Run)));
}
