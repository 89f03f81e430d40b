// The cost of a message in each process and the memory of each, as one table for the terminal and
// the report.
import type { SubjectName } from "./measured_run.ts";
import type { BenchmarkSummary } from "./summary.ts";

export interface ProcessRow {
  name: string;
  /** CPU per message in microseconds; null where the subject has no such process. */
  cpuMicros: Record<Exclude<SubjectName, "store">, number | null>;
  /** Highest of our runs; null for engines that only the original has. */
  peakMib: number | null;
  /** In the preceding small campaign; null: not measured. */
  smallPeakMib: number | null;
}

export function processRows(summary: BenchmarkSummary): ProcessRow[] {
  const cpu = { batched: summary.batched_cpu_us, single: summary.single_cpu_us, original: summary.original_cpu_us };
  const names = [...new Set(Object.values(cpu).flatMap((byProcess) => Object.keys(byProcess)))];
  return names.map((name) => ({
    name,
    cpuMicros: { batched: cpu.batched[name] ?? null, single: cpu.single[name] ?? null, original: cpu.original[name] ?? null },
    peakMib: summary.peak_rss_mib_by_process[name] ?? null,
    smallPeakMib: summary.small_peak_rss_mib_by_process[name] ?? null,
  }));
}
