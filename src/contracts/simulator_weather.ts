// Receipt weather: what the simulated network does to its receipts when it is told to, and the file
// in which it writes down what it made up. Set over HTTP (PUT /weather of the simulator), read by
// simulator, laws (L11), lab.
import { z } from "zod";
import { accountName } from "./simulator_accounts.ts";

/** Copies of a duplicate receipt follow within this. */
export const copyWithinMs = 1_500;
/** The answer to an account's submit waits for receipts that are to come first at most so long. */
export const earlyHoldMs = 2_000;

const share = z.number().min(0).max(1);
const ms = (max: number) => z.number().int().min(0).max(max);

/** Nobody holds receipts of one system longer in memory than this. */
const holdMsMax = 600_000;
const lateMsMax = 24 * 3_600_000;

/**
 * What happens to one account's messages (simulator_accounts.ts) on the way of its own protocol.
 * Shares are of its submits; `wrong_bind` of its receipts. None of it happens unless it is set:
 * common clients lose messages in some of it.
 */
const accountWeather = z.strictObject({
  cut_before_answer: z
    .strictObject({ share })
    .optional()
    .describe("the message is accepted, and the connection is cut instead of an answer"),
  no_answer: z.strictObject({ share }).optional().describe("the message is accepted, and its answer never comes"),
  late_answer: z
    .strictObject({ share, after_ms: ms(holdMsMax).default(1_000) })
    .optional()
    .describe("the answer comes `after_ms` later than it would"),
  throttled: z.strictObject({ share }).optional().describe("refused for its rate, without effect: 0x58, HTTP 429"),
  early: z
    .strictObject({ share })
    .optional()
    .describe(`receipts come before the answer, which waits for them, ${earlyHoldMs / 1_000} s at most`),
  wrong_bind: z
    .strictObject({ share })
    .optional()
    .describe("SMPP: the receipt goes to another bind than that of its message, if there is one"),
  hex_ids: z.literal(true).optional().describe("SMPP: the answer has the id in hexadecimal, receipts in decimal"),
  no_sub_dlvrd: z.literal(true).optional().describe("SMPP: the text of receipts lacks `sub` and `dlvrd`"),
  tlv_only: z.literal(true).optional().describe("SMPP: receipts have no text, only the TLVs 0x001E and 0x0427"),
});
export type AccountWeather = z.infer<typeof accountWeather>;
export type AccountWeatherKind = keyof AccountWeather;
export const accountWeatherKinds = Object.keys(accountWeather.shape) as AccountWeatherKind[];

/**
 * Each kind of weather by its share of receipts (of messages: `early`; of bodies: `replayed`). A
 * kind that is left out does not happen; `{}` is clear weather. Which receipts are meant is drawn
 * from the simulator's seed and the message's reference, so the same campaign under the same
 * weather meets the same.
 */
export const simulatorWeather = z.strictObject({
  doubled: z
    .strictObject({ share, times: z.number().int().min(2).max(5).default(2) })
    .optional()
    .describe(`sent \`times\` times in all, the copies up to ${copyWithinMs / 1_000} s later`),
  reordered: z
    .strictObject({ share, within_ms: ms(holdMsMax).default(2_000) })
    .optional()
    .describe("sent up to `within_ms` after it happened, so that later ones overtake it"),
  lost: z.strictObject({ share }).optional().describe("never sent; the journal records it"),
  early: z.strictObject({ share }).optional().describe("the first receipt comes before the answer to its submit"),
  late: z
    .strictObject({ share, after_ms: ms(lateMsMax).default(1_000) })
    .optional()
    .describe("sent `after_ms` after the message's deadline and the receipt horizon: its row has expired, its campaign may have closed"),
  forged: z
    .strictObject({ share })
    .optional()
    .describe(
      "beside a receipt, one that claims another end, signed with a wrong secret, over another body, ten days ago, or not at all: wants 401",
    ),
  malformed: z
    .strictObject({ share })
    .optional()
    .describe(
      "beside a receipt, a well signed one that no message can take: unknown status word, unknown reference, wrong type, broken JSON, or a contradiction after the end",
    ),
  replayed: z.strictObject({ share }).optional().describe("a body that was answered 2xx comes again with its old signature"),
  burst: z
    .strictObject({ hold_ms: ms(holdMsMax).default(5_000), factor: z.number().min(1).max(100).default(10) })
    .optional()
    .describe("receipts are held back for `hold_ms`, then let out at `factor` times their rate, again and again"),
  accounts: z
    .record(accountName, accountWeather)
    .optional()
    .describe("beside all that, by account (`smpp:<system_id>`, `twilio:<AccountSid>`): what its own protocol meets"),
});
export type SimulatorWeather = z.infer<typeof simulatorWeather>;
export type WeatherKind = Exclude<keyof SimulatorWeather, "accounts">;
export const weatherKinds = (Object.keys(simulatorWeather.shape) as (keyof SimulatorWeather)[]).filter((kind) => kind !== "accounts");

/** What a made-up receipt must become at the receiver. */
export const strayKinds = [
  "unknown_status",
  "unknown_reference",
  "malformed",
  "contradiction",
  "broken_json",
  "forged",
  "replayed",
] as const;
export type StrayKind = (typeof strayKinds)[number];
/** Those that the receiver answers 2xx and keeps as an anomaly. */
export const injectedKinds = ["unknown_status", "unknown_reference", "malformed", "contradiction"] as const satisfies readonly StrayKind[];
export type InjectedKind = (typeof injectedKinds)[number];

/**
 * Below the simulator's data folder: the weather that is set, and the file of what was injected.
 */
export const weatherFile = "weather/weather.json";
export const injectionsFile = "weather/injections.jsonl";

/**
 * One line of the injections file, appended before (`injected`) or after (`answered`, `taken`) the
 * receipt is on its way. A kill can leave a receipt injected and not answered: it may stand among
 * the anomalies, or not.
 */
export type InjectionLine =
  /**
   * `id` of the receipt; it begins with the reference of the message beside which it was made up.
   */
  | { injected: string; kind: InjectedKind }
  /** It got its 2xx: it must stand among the anomalies. */
  | { answered: string }
  /** A forged or broken one got a 2xx, which no receiver may ever give. */
  | { taken: string; kind: StrayKind };

export interface Injections {
  kinds: ReadonlyMap<string, InjectedKind>;
  answered: ReadonlySet<string>;
  taken: readonly { id: string; kind: StrayKind }[];
}

/**
 * Reads the file's text; a last line without its end is one that is being written, or that a crash
 * has cut.
 */
export function parseInjections(text: string): Injections {
  const kinds = new Map<string, InjectedKind>();
  const answered = new Set<string>();
  const taken: { id: string; kind: StrayKind }[] = [];
  for (const line of text.slice(0, text.lastIndexOf("\n") + 1).split("\n")) {
    const entry = parseLine(line);
    if (entry === null) continue;
    if ("injected" in entry) kinds.set(entry.injected, entry.kind);
    else if ("answered" in entry) answered.add(entry.answered);
    else taken.push({ id: entry.taken, kind: entry.kind });
  }
  return { kinds, answered, taken };
}

/** null: empty, or cut by a crash before another line followed. */
function parseLine(line: string): InjectionLine | null {
  try {
    return line === "" ? null : (JSON.parse(line) as InjectionLine);
  } catch {
    return null;
  }
}

const count = z.number().int().nonnegative();
const counts = <K extends string>(names: readonly K[]) =>
  z.object(Object.fromEntries(names.map((name) => [name, count])) as Record<K, typeof count>);

/** 200 of GET and PUT /weather: the weather, and what it has done. */
export const weatherAnswer = z.object({
  weather: simulatorWeather,
  happened: counts<WeatherKind>(weatherKinds).describe(
    "since the process started: receipts (early: messages; forged, malformed, replayed: bodies that were answered)",
  ),
  happened_to_accounts: z
    .record(z.string(), z.partialRecord(z.enum(accountWeatherKinds as [AccountWeatherKind, ...AccountWeatherKind[]]), count))
    .describe("since the process started, by account: how often each kind that has a share happened"),
  strays: counts([...strayKinds, "wrongly_taken", "dropped", "waiting"] as const).describe(
    "made-up bodies by kind. wrongly_taken: forged or broken, and answered 2xx all the same, which no receiver should ever do",
  ),
});
