// Answers of /health and /ready, which every process with a listener has.
import { z } from "zod";

/** 200 of GET /health. */
export const healthAnswer = z.object({ status: z.literal("alive"), process: z.string(), pid: z.number().int() });

/** 200 (ready) and 503 (not ready) of GET /ready: what the process depends on, by name. */
export const readyAnswer = z.object({
  status: z.enum(["ready", "not ready"]),
  process: z.string(),
  pid: z.number().int(),
  checks: z.record(z.string(), z.enum(["ok", "silent"])),
});
