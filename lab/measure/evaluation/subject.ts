// What is evaluated: a system that texts a number of contacts and reports its progress. Our system
// and the original's design are two of them.
import type { Percentiles } from "../summary/lags.ts";

export interface Subject {
  name: SubjectName;
  /** One line: what it is and how it was set up. */
  description: string;
  /** Of every process and engine, by name. */
  pids(): Readonly<Record<string, number | null>>;
  /** Stores the contacts; nothing is sent yet. */
  create(contacts: number): Promise<SubjectCampaign>;
  stop(): Promise<void>;
}

export const subjectNames = ["ours", "original"] as const;
export type SubjectName = (typeof subjectNames)[number];

export interface SubjectCampaign {
  createMs: number;
  run(): Promise<void>;
  /** Resolves when every message has its end and nothing waits any more. Call it before `run`. */
  untilEnded(limitMs: number): Promise<void>;
  progress(): Promise<Progress>;
  /** Examines everything stored of the campaign. Called once, after the run has been measured. */
  conclude(): Promise<Conclusion>;
}

export interface Progress {
  /** Jobs in Redis, waiting and active. */
  queueDepth: number;
  /** SMS charged according to the credit that a client sees. */
  charged: number;
  /** Receipts that the carrier got a 2xx for. */
  receiptsAnswered: number;
}

/** What was right and what was not, and how long things took. */
export interface Conclusion {
  isCorrect: boolean;
  /** `all 9 laws hold`, `3 wrong final states` */
  verdict: string;
  /** One thing that was wrong, in words; null when nothing was. */
  example: string | null;
  /** The report's notes explain why a latency is null. */
  latencies: Readonly<Record<LatencyName, Percentiles | null>>;
}

export const latencyNames = ["submit_to_sent", "receipt_to_commit", "sent_to_credit"] as const;
export type LatencyName = (typeof latencyNames)[number];
