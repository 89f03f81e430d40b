// API keys over HTTP: their scopes, and the answers of webapi's /keys.
import { z } from "zod";

/**
 * What a key or a session may do; each includes those after it. The columns `scopes` of ds take no
 * other (a check of its migrations).
 */
export const keyScopes = ["admin", "send", "read"] as const;
export type KeyScope = (typeof keyScopes)[number];

/** Each scope at most once. */
export const scopes = z.array(z.enum(keyScopes));

export const keyAnswer = z.object({
  id: z.uuid(),
  name: z.string(),
  scopes,
  workspace_id: z.uuid().nullable().describe("null: a key of the whole installation"),
  created_at: z.iso.datetime(),
});
export type KeyAnswer = z.infer<typeof keyAnswer>;

/** 201 of POST /keys: the only time that the key itself is shown. */
export const createdKeyAnswer = keyAnswer.extend({ key: z.string() });
export type CreatedKeyAnswer = z.infer<typeof createdKeyAnswer>;

/** 200 of GET /keys: the live ones, all of them. */
export const keysAnswer = z.object({ keys: z.array(keyAnswer) });
export type KeysAnswer = z.infer<typeof keysAnswer>;
