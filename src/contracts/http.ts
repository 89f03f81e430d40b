// Answers over HTTP that another process or the command line reads: their fields, once. (Requests are schemas beside their route; /docs shows them.)
import type { BulksmsStatus, MessageStatus, RejectReason } from "./states.ts";

/** One campaign: GET /bulksms/{id}, and each entry of GET /bulksms. Money is decimal strings of credits, times are RFC 3339. */
export interface BulksmsAnswer {
  id: string;
  name: string;
  sender: string;
  text: string;
  country: string;
  status: BulksmsStatus;
  contacts: number;
  rejected: number;
  rejects: Partial<Record<RejectReason, number>>;
  parts: number;
  parts_sent: number;
  /** Of one part. */
  price: string;
  cost: string;
  charged: string;
  counts: Record<MessageStatus, number>;
  last_error: string | null;
  hold_id: string | null;
  deadline_s: number;
  created_at: string;
  started_at: string | null;
  ended_at: string | null;
  /** Grows with every change. */
  version: number;
}
