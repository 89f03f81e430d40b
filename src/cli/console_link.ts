// The console's one-time link, minted with the installation's key. Used by `up`, `demo` and
// `console`.
import type { LinkAnswer } from "../contracts/console.ts";
import { openConnection } from "./connection.ts";

/**
 * A link that signs in once, within linkMinutes. Its token stands after the #, so it reaches no
 * server's log. @throws Failure, AppError
 */
export async function mintConsoleLink(system: { webapiUrl: string; adminKey: string; workspaceId: string }): Promise<string> {
  const { webapiUrl, adminKey, workspaceId } = system;
  const admin = openConnection({ webapiUrl, salesapiUrl: webapiUrl, apiKey: adminKey });
  const body = { workspace_id: workspaceId };
  const { path } = await admin.callWebapi<LinkAnswer>("no link was made", "POST", "/session/links", body).finally(admin.close);
  return new URL(path, webapiUrl).href;
}
