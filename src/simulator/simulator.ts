// The simulated network: takes batches (submit_batch.ts), sends their messages into a network of
// plans (message_steps.ts), tells receipts (receipts_out.ts). Here: its start, its end, and what
// can be asked of it. Called by nodes/simulator.
import type { SubmitResponse } from "../contracts/receipts.ts";
import type { SimulatedMessageAnswer } from "../contracts/simulator_answers.ts";
import type { SimulatorWeather } from "../contracts/simulator_weather.ts";
import { type AccountNetwork, createAccountNetwork } from "./account_network.ts";
import type { AccountCounts } from "./account_weather.ts";
import { tickMs } from "./event_wheel.ts";
import { lockFolder } from "./folder_lock.ts";
import { resumeSegment } from "./message_steps.ts";
import { createNetwork, type Network, type SimulatorCounts, type SimulatorOptions } from "./network.ts";
import { type BatchStatistics, batchStatistics, messageFate } from "./reads.ts";
import { openReceiptSender } from "./receipts_out.ts";
import { createSubmitBatch } from "./submit_batch.ts";
import { createTurns } from "./turns.ts";
import { openWeather, type WeatherCounts } from "./weather.ts";
import type { StrayCounts } from "./weather_stray_sender.ts";
import { openStrays } from "./weather_strays.ts";

export type { SimulatorCounts, SimulatorOptions } from "./network.ts";

export interface Simulator {
  /** Takes up every unfinished message of the journal. */
  start(): Promise<void>;
  /**
   * Journals the verdicts, then answers.
   * @throws AppError rate_limited, overloaded, draining, or of readSubmit: without effect.
   */
  submit(body: unknown): Promise<SubmitResponse>;
  /** For the dialects of other carriers. */
  accounts: AccountNetwork;
  /** @throws AppError message_not_found */
  message(reference: string): Promise<SimulatedMessageAnswer>;
  /** From the journal: everything that was ever said of the batch. */
  batch(batchId: string): Promise<BatchStatistics>;
  /**
   * Receipt weather (contracts/simulator_weather.ts): what is set, and what it has done since the
   * process started.
   */
  weather(): { weather: SimulatorWeather; happened: WeatherCounts; happened_to_accounts: AccountCounts; strays: StrayCounts };
  /** On disk when it resolves, so that it outlives a crash. */
  setWeather(next: SimulatorWeather): Promise<void>;
  counts(): SimulatorCounts;
  gauges(): { unfinished: number; steps: number; receipts_pending: number; segments_in_memory: number };
  stop(): Promise<void>;
}

export function createSimulator(options: SimulatorOptions): Simulator {
  const network: Network = createNetwork(options, (open) => resumeSegment(network, open));
  const { journal, wheel, told } = network;
  const sender = openReceiptSender(network);
  network.sender = sender;
  const turns = createTurns(network);
  const accounts = createAccountNetwork(network, turns);
  let turnTimer: NodeJS.Timeout | null = null;
  let unlock: (() => Promise<void>) | null = null;

  return {
    async start() {
      unlock = await lockFolder(options.folder);
      network.weather = await openWeather(options.folder);
      network.strays = openStrays({
        folder: options.folder,
        weather: network.weather,
        url: options.receiptsUrl,
        secret: options.receiptSecret,
        nowMs: network.clock.wallMs,
        onFatal: options.onFatal,
      });
      await network.accounts.open();
      await journal.open();
      turnTimer = setInterval(turns.begin, tickMs);
    },
    submit: createSubmitBatch(network, turns),
    accounts,
    message: (reference) => messageFate(journal, reference),
    batch: (batchId) => batchStatistics(journal, batchId),
    weather: () => ({
      weather: network.weather.read(),
      happened: { ...network.weather.counts },
      happened_to_accounts: accounts.weather.counts(),
      strays: network.strays.counts(),
    }),
    setWeather: (next) => network.weather.set(next),
    counts: () => ({ ...network.counts }),
    gauges: () => ({
      unfinished: journal.unfinished(),
      steps: wheel.size(),
      receipts_pending: told.size() + network.weather.held() + sender.pending() + network.accounts.pending(),
      segments_in_memory: journal.segmentsInMemory(),
    }),
    async stop() {
      network.isDraining = true;
      if (turnTimer !== null) clearInterval(turnTimer);
      await turns.idle();
      await Promise.all([sender.stop(), network.strays.stop(), network.accounts.stop()]);
      await journal.close();
      await unlock?.();
    },
  };
}
