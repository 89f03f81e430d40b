// Prometheus metrics of one process, served at /metrics.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { failpointHits } from "./failpoint.ts";

export interface Metrics {
  registry: Registry;
  counter<L extends string = never>(name: string, help: string, labels?: readonly L[]): Counter<L>;
  /** `read` is called at each scrape, so a gauge needs no timer. */
  gauge(name: string, help: string, read: () => number | Promise<number>): Gauge;
  histogram<L extends string = never>(name: string, help: string, buckets: number[], labels?: readonly L[]): Histogram<L>;
}

/** In seconds, from a millisecond to the longest wait that we allow. */
export const secondsBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
export const rowsBuckets = [1, 10, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000];

/** Prefix of all metrics of our own; the others are prom-client's process metrics. */
export const ourMetricPrefix = "bulksms_";

export function createMetrics(processName: string): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ process: processName });
  collectDefaultMetrics({ register: registry });
  const prefix = ourMetricPrefix;
  if (failpointHits() !== null) addFailpointHits(registry, prefix);
  return {
    registry,
    counter: (name, help, labels = []) => new Counter({ name: prefix + name, help, labelNames: [...labels], registers: [registry] }),
    gauge: (name, help, read) =>
      new Gauge({
        name: prefix + name,
        help,
        registers: [registry],
        async collect() {
          try {
            this.set(await read());
          } catch {
            this.set(Number.NaN); // what is read is away; a scrape must not fail for it
          }
        },
      }),
    histogram: (name, help, buckets, labels = []) =>
      new Histogram({ name: prefix + name, help, buckets, labelNames: [...labels], registers: [registry] }),
  };
}

/** For experiments: which places an armed process has reached before it dies at one of them. */
function addFailpointHits(registry: Registry, prefix: string): void {
  new Counter({
    name: `${prefix}failpoint_hits_total`,
    help: "Hits of each crash point since the process was armed",
    labelNames: ["name"],
    registers: [registry],
    collect() {
      this.reset();
      for (const [name, hits] of failpointHits() ?? []) this.inc({ name }, hits);
    },
  });
}
