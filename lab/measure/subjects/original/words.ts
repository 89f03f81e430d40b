// The types that the original's processes share: settings, the queue and its jobs, the topic.
import { z } from "zod";

export const originalProcessNames = ["webapi", "salesapi", "sales_worker"] as const;
export type OriginalProcessName = (typeof originalProcessNames)[number];

/**
 * All settings of one system; each process takes what it needs. Passed in the environment as one
 * JSON object, `ORIGINAL_SETTINGS`.
 */
export interface OriginalSettings {
  dsUrl: string;
  salesdbUrl: string;
  redisUrl: string;
  webapiPort: number;
  salesapiPort: number;
  simulatorUrl: string;
  simulatorKey: string;
  receiptSecret: string;
  /** Jobs at once in one sales_worker. */
  concurrency: number;
  /** Connections of one sales_worker to each database. */
  connections: number;
}

export const settingsVariable = "ORIGINAL_SETTINGS";

export const queueName = "sales";
export const jobNames = { send: "send_bulksms", update: "update_status" } as const;
/** Redis channel of all credit: each WebSocket client gets all of it. */
export const creditTopic = "workspace_credit";

export const sendJob = z.object({ bulksms_id: z.string(), workspace_id: z.string(), text: z.string() });
export type SendJob = z.infer<typeof sendJob>;

/** One receipt, one job. */
export interface UpdateJob {
  bulksms_id: string;
  workspace_id: string;
  row_no: number;
  status: string;
  error_code: string | null;
}

/** Of one SMS. */
export const creditPerMessage = "0.1";
