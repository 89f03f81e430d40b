// Receipt weather as a fault: what the simulated carrier does to its receipts
// (src/contracts/simulator_weather.ts), set over HTTP while it runs.
import type { z } from "zod";
import type { SimulatorWeather, simulatorWeather, WeatherKind } from "../../../src/contracts/simulator_weather.ts";
import type { Cluster } from "../../../testing/cluster.ts";
import type { Fault, Stage } from "../stage/scenario.ts";

/** The options of `PUT /weather`; those left out get their defaults. */
export type WeatherInput = z.input<typeof simulatorWeather>;

export interface WeatherReport {
  weather: SimulatorWeather;
  happened: Record<WeatherKind, number>;
  strays: Record<string, number>;
}

/**
 * Sets this weather, then clears it; with `untilEnded`, not before that share of the messages (0 to
 * 1) has ended. Touches: the receipts, messages and bodies that it affected.
 */
export function weatherFault(weather: WeatherInput, { untilEnded = 0 } = {}): Fault {
  const kinds = Object.keys(weather).filter((kind): kind is WeatherKind => kind !== "accounts");
  return {
    name: `weather ${kinds.join(", ")}`,
    async begin({ cluster, ...stage }) {
      const before = await setWeather(cluster, weather);
      return async () => {
        await stage.untilEnded(untilEnded);
        const after = await setWeather(cluster, {});
        // a restarted carrier counts from zero
        const happened = (kind: WeatherKind) => after.happened[kind] - Math.min(before.happened[kind], after.happened[kind]);
        return { touches: kinds.reduce((sum, kind) => sum + happened(kind), 0) };
      };
    },
  };
}

/** Retried while the carrier is away. */
export function setWeather(cluster: Cluster, weather: WeatherInput): Promise<WeatherReport> {
  return cluster.waitFor("the carrier to accept the weather", () => askSimulator<WeatherReport>(cluster, "PUT", "/weather", weather));
}

/**
 * Resolves when the carrier has no receipt and nothing forged left to send: late ones come after
 * their campaign has ended.
 */
export async function untilAllEmitted({ cluster }: Pick<Stage, "cluster">): Promise<void> {
  await cluster.waitFor("the carrier to have sent every receipt", async () => {
    const { unfinished, receipts_pending } = await askSimulator<Record<string, number>>(cluster, "GET", "/statistics");
    const { strays } = await askSimulator<WeatherReport>(cluster, "GET", "/weather");
    if (unfinished === 0 && receipts_pending === 0 && strays.waiting === 0) return true;
    throw new Error(JSON.stringify({ unfinished, receipts_pending, waiting: strays.waiting }));
  });
}

async function askSimulator<T>(cluster: Cluster, method: string, path: string, body?: unknown): Promise<T> {
  const response = await fetch(`${cluster.urls.simulator}${path}`, {
    method,
    headers: { authorization: `Bearer ${cluster.settings.BULKSMS_SIMULATOR_KEY}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(5_000),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${path} of the carrier answered ${response.status}: ${text}`);
  return JSON.parse(text) as T;
}
