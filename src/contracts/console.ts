// The console's own endpoints of webapi: signing in by a one-time link or an API key, who is signed
// in, and the paths that the pages live under. Read by webapi, by the command line that mints
// links, and by the pages in src/console.
import { z } from "zod";
import { scopes } from "./keys.ts";
import { priceListAnswer } from "./prices.ts";

/** Cookies ignore ports, so salesapi on the same host gets it too. */
export const sessionCookie = "bulksms_session";

/**
 * Paths that webapi answers with the console's index.html: a reload or a link into the middle
 * works. `*` stands for the rest of a path.
 */
export const consolePaths = ["/", "/sign-in", "/send", "/campaigns", "/campaigns/*", "/credit", "/carriers", "/system", "/laws"] as const;

/** Long random words; anything longer is not one. */
const secret = z.string().min(1).max(200);

/**
 * POST /session: what is exchanged for a session, one of both. A key of the whole installation
 * names the workspace that it wants to be in.
 */
export const sessionRequest = z.union([
  z.strictObject({ token: secret.describe("of a one-time link") }),
  z.strictObject({ api_key: secret, workspace_id: z.uuid().optional().describe("only with a key of the whole installation") }),
]);
export type SessionRequest = z.infer<typeof sessionRequest>;

/**
 * 201 of POST /session and 200 of GET /session: who is signed in, and where the pages find the
 * rest.
 */
export const sessionAnswer = z.object({
  workspace_id: z.uuid(),
  workspace_name: z.string(),
  scopes,
  sees_system: z.boolean().describe("may subscribe to system_stats and laws"),
  salesapi_url: z.string().describe("salesapi as the browser reaches it, without a trailing slash"),
  price_list: priceListAnswer.describe("the newest; what a campaign costs is in the answer of POST /create"),
  default_country: z.string().describe("of numbers without a country"),
  text_parts_max: z.number().int().describe("parts that one text may take"),
  expires_at: z.string().describe("RFC 3339"),
});
export type SessionAnswer = z.infer<typeof sessionAnswer>;

/** POST /session/links, with a key of the whole installation. */
/** A sign-in link works once, and no later than this. */
export const linkMinutes = 10;

export const linkRequest = z.strictObject({ workspace_id: z.uuid() });

/**
 * The token goes after the # of /sign-in: a fragment reaches no server and no log. It is shown this
 * once and works once.
 */
export const linkAnswer = z.object({ token: z.string(), path: z.string().describe("/sign-in#token"), expires_at: z.string() });
export type LinkAnswer = z.infer<typeof linkAnswer>;
