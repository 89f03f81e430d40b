// The results of one run of one subject: the types shared by the subjects, the plan of a benchmark
// and its summary.

/** What is measured, one after another in each round. */
export const subjectNames = ["batched", "single", "original", "store"] as const;
export type SubjectName = (typeof subjectNames)[number];

export interface MeasuredRun {
  subject: SubjectName;
  /** From 1. */
  round: number;
  messages: number;
  /** From the run's request (store: from its first byte) to the last effect. */
  seconds: number;
  perSecond: number;
  /** By process and engine, user and system. */
  cpuMicrosPerMessage: Readonly<Record<string, number>>;
  /** Of all databases. */
  walBytesPerMessage: number;
  peakRssMib: Readonly<Record<string, number>>;
  /** Of the run's campaign; always empty for the original and the store, which have no laws. */
  lawsBroken: readonly string[];
  /** Messages whose stored final state is not the real one (the original). */
  wrongStates: number;
  /** Credits charged too much or too little (the original). */
  creditOff: number;
}

/** Sum over all processes. */
export function cpuOf(run: MeasuredRun): number {
  return Object.values(run.cpuMicrosPerMessage).reduce((sum, micros) => sum + micros, 0);
}

/** Every total divided by the number of messages. */
export function perMessage(totals: Readonly<Record<string, number>>, messages: number): Record<string, number> {
  return Object.fromEntries(Object.entries(totals).map(([name, total]) => [name, total / messages]));
}
