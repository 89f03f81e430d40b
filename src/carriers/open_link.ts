// Opens a link by a carrier's settings. Given to campaign/links by sales_worker.
import type { CarrierSettings } from "../contracts/carriers.ts";
import type { Log } from "../platform/log.ts";
import type { CarrierLink, CarrierReceipt, LinkEvents } from "./link.ts";
import { openSmppLink } from "./smpp/smpp_link.ts";
import { openTwilioApi } from "./twilio/api.ts";
import { lookUp, pollMessage } from "./twilio/look_up.ts";
import { openTwilioLink } from "./twilio/twilio_link.ts";

/** Asks a carrier about messages. */
export interface CarrierInquirer {
  poll(theirId: string): Promise<CarrierReceipt | null>;
  lookUp(sought: { phone: string; sender: string; text: string; fromMs: number; toMs: number }): Promise<CarrierReceipt | null>;
  close(): Promise<void>;
}

const inquiryTimeoutMs = 10_000;
const inquiryConnections = 4;

/** null: the protocol has no such question that could be answered. */
export function openCarrierInquirer(settings: CarrierSettings, secret: () => string): CarrierInquirer | null {
  if (settings.protocol !== "twilio") return null;
  const { url, account_sid: accountSid, messaging_service_sid: messagingServiceSid } = settings;
  const api = openTwilioApi({ url, accountSid, authToken: secret(), timeoutMs: inquiryTimeoutMs, connections: inquiryConnections });
  return {
    poll: (sid) => pollMessage(api, sid),
    async lookUp(sought) {
      const found = await lookUp(api, { ...sought, messagingServiceSid });
      return found.kind === "found" ? found.receipt : null;
    },
    close: () => api.close(),
  };
}

/**
 * What one link may send. The operator's rate is for all links together, whoever holds them, so
 * each has its fixed share; the window is that of each link.
 */
export const shareOf = <Settings extends CarrierSettings>(settings: Settings): Settings => ({
  ...settings,
  parts_per_second: settings.parts_per_second / settings.links,
});

/** @param secret the password or token, as the operator gave it */
export function openCarrierLink(given: CarrierSettings, secret: string, log: Log, events: LinkEvents): CarrierLink {
  const settings = shareOf(given);
  switch (settings.protocol) {
    case "smpp":
      return openSmppLink({ settings, password: secret, log }, events);
    case "twilio":
      return openTwilioLink({ settings, authToken: secret, referenceKey: secret }, events);
  }
}
