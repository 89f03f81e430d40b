// Answers of webapi about workspaces and their credit. Amounts are decimal strings of credits.
import { z } from "zod";
import { mayBeReplayed } from "./idempotency.ts";
import { workspaceCreditUpdate } from "./topics.ts";

const credits = z.string().describe("credits, a decimal string");

/** 201 of POST /workspaces, 200 of GET /workspaces/{id}. */
export const workspaceAnswer = z.object({
  id: z.uuid(),
  name: z.string(),
  credit: credits.describe("available + held"),
  available: credits,
  held: credits,
  spent: credits,
  version: z.number().int().describe("grows with every change of credit"),
  created_at: z.iso.datetime(),
});
export type WorkspaceAnswer = z.infer<typeof workspaceAnswer>;

/** 201 of POST /workspaces/{id}/credit: the credit after the top-up. */
export const topUpAnswer = workspaceCreditUpdate.extend({ transfer_id: z.uuid(), amount: z.string() }).meta(mayBeReplayed);
export type TopUpAnswer = z.infer<typeof topUpAnswer>;

export const ledgerKinds = ["top_up", "hold", "settle", "release"] as const;

export const ledgerEntry = z.object({
  transfer_id: z.uuid(),
  kind: z.enum(ledgerKinds),
  hold_id: z.uuid().nullable(),
  debit: z.string(),
  credit: z.string(),
  amount: z.string(),
  created_at: z.string(),
});
export type LedgerEntry = z.infer<typeof ledgerEntry>;

/** 200 of GET /workspaces/{id}/ledger: newest first. `next_cursor` null: there are no more. */
export const ledgerAnswer = z.object({ entries: z.array(ledgerEntry), next_cursor: z.string().nullable() });
export type LedgerAnswer = z.infer<typeof ledgerAnswer>;
