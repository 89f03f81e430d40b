// A callback URL as a caller wishes it: what can be judged without asking anybody. Whether its host
// leads to a public address is judged when it is called. Called by POST /messages.
import { isIP } from "node:net";
import { AppError } from "../../contracts/errors.ts";
import { callbackUrlCharactersMax } from "../../contracts/messages.ts";
import { isPublicAddress } from "../../platform/public_address.ts";

/**
 * The URL as it is called: an address in any spelling (0x7f.1, 2130706433) stands there in its
 * usual one.
 * @throws AppError callback_url_invalid
 */
export function readCallbackUrl(text: string, arePrivateTargetsAllowed: boolean): string {
  if (!URL.canParse(text)) throw invalid("it is not a URL");
  const url = new URL(text);
  if (url.protocol !== "http:" && url.protocol !== "https:") throw invalid("it must begin with https:// or http://");
  if (url.username !== "" || url.password !== "")
    throw invalid("it has a user name or a password in it; put a secret into its path or query");
  url.hash = "";
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (!arePrivateTargetsAllowed && isIP(host) !== 0 && !isPublicAddress(host)) throw invalid(`${host} is not a public address`);
  if (url.href.length > callbackUrlCharactersMax) throw invalid(`it is longer than ${callbackUrlCharactersMax} characters`);
  return url.href;
}

const invalid = (reason: string) => new AppError("callback_url_invalid", `callback_url: ${reason}.`);
