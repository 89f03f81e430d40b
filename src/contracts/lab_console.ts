// The contract of the console and the lab's listener (npm run lab -- console): what can be broken,
// what is broken, and the verdict. Used on POST /lab/enter, GET /lab/state and POST /lab/do, which
// only that listener serves; writer lab/console, reader console/lab.
import { z } from "zod";
import { databaseNames, processNames } from "./processes.ts";

/** What can be killed, frozen and held down. */
export const labNodeNames = [...processNames, ...databaseNames, "redis"] as const;
export type LabNodeName = (typeof labNodeNames)[number];

/**
 * `restart` is for processes alone: as an operator does it, with a SIGTERM. `hold_down` kills and
 * keeps it down until `bring_back`.
 */
export const labNodeActions = ["kill", "freeze", "continue", "restart", "hold_down", "bring_back"] as const;
export type LabNodeAction = (typeof labNodeActions)[number];

/** Of a link's proxy (testing/links/proxy.ts). */
export const labLinkModes = ["pass", "reset", "blackhole", "drop_replies", "delay", "slow"] as const;
export type LabLinkMode = (typeof labLinkModes)[number];

export const labWeathers = ["clear", "doubled", "reordered", "lost", "forged", "malformed", "replayed", "burst", "storm"] as const;
export type LabWeather = (typeof labWeathers)[number];

export const labCommand = z.discriminatedUnion("do", [
  z.strictObject({ do: z.literal("node"), node: z.enum(labNodeNames), action: z.enum(labNodeActions) }),
  z.strictObject({ do: z.literal("link"), link: z.string().max(64), mode: z.enum(labLinkModes) }),
  z.strictObject({ do: z.literal("weather"), weather: z.enum(labWeathers) }),
  /** Something to break: one more campaign. */
  z.strictObject({ do: z.literal("campaign"), contacts: z.number().int().min(1).max(800) }),
  /** Everything that was broken is repaired. */
  z.strictObject({ do: z.literal("repair") }),
]);
export type LabCommand = z.infer<typeof labCommand>;

/** Body of POST /lab/enter: the secret of the link that the lab printed, good for one visit. */
export const labEntry = z.strictObject({ secret: z.string().max(100) });

/** up: answers. starting: was started and does not answer yet. */
export const labNodeStates = ["up", "starting", "frozen", "held_down", "down"] as const;
export type LabNodeState = (typeof labNodeStates)[number];

const count = z.number().int().nonnegative();

/**
 * forming: something is under way, nothing is broken so far. unknown: a database does not answer,
 * so nothing can be checked.
 */
export const labVerdicts = ["holds", "forming", "broken", "unknown"] as const;

export const labState = z.object({
  nodes: z.record(z.enum(labNodeNames), z.enum(labNodeStates)),
  links: z.array(z.object({ name: z.string(), mode: z.enum(labLinkModes), touches: count })),
  weather: z.enum(labWeathers),
  verdict: z.object({
    is: z.enum(labVerdicts),
    laws: z.array(
      z.object({
        law: z.string(),
        title: z.string(),
        verdict: z.enum(["held", "broken", "nothing_to_check"]),
        rows_compared: count,
        broken: z.array(z.object({ row: z.string(), description: z.string() })),
      }),
    ),
    rows_compared: count,
    /** All that were run since the lab began. */
    campaigns: z.object({ ended: count, running: count }),
    messages: z.object({ ended: count, all: count }),
    /**
     * Faults that were put on since the lab began: a verdict of an untouched system proves nothing.
     */
    faults: count,
    checked_at: z.string().nullable(),
  }),
  /** Newest last. */
  timeline: z.array(z.object({ at: z.string(), what: z.string() })),
});
export type LabState = z.infer<typeof labState>;
