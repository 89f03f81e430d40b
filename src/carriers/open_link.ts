// Opens a link by a carrier's settings. Given to campaign/links by sales_worker.
import type { CarrierSettings } from "../contracts/carriers.ts";
import type { Log } from "../platform/log.ts";
import type { CarrierLink, LinkEvents } from "./link.ts";
import { openSmppLink } from "./smpp/smpp_link.ts";

/** @param secret the password or token, as the operator gave it */
export function openCarrierLink(settings: CarrierSettings, secret: string, log: Log, events: LinkEvents): CarrierLink {
  switch (settings.protocol) {
    case "smpp":
      return openSmppLink({ settings, password: secret, log }, events);
    case "twilio":
      throw new Error("TODO twilio");
  }
}
