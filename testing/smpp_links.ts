// Links over SMPP to a carrier of the test, with a clock that stands still.
import { openSmppLink } from "../src/carriers/smpp/smpp_link.ts";
import { type SmppSettings, smppSettings } from "../src/contracts/carriers.ts";
import { createLog } from "../src/platform/log.ts";
import { watchLink } from "./link_watch.ts";
import { createManualClock } from "./manual_clock.ts";
import type { PeerConnection, SmppPeer } from "./smpp_peer.ts";

export const silentLog = createLog("test", { level: "silent", format: "json" });

/** The rate is higher than any test sends, unless it says otherwise. */
export function smppSettingsFor(port: number, fields: Partial<SmppSettings> = {}): SmppSettings {
  return smppSettings.parse({ protocol: "smpp", host: "127.0.0.1", port, system_id: "uni", parts_per_second: 10_000, ...fields });
}

/** A link that has not bound yet. Its first second of the rate is still to pass. */
export function startLink(port: number, fields: Partial<SmppSettings> = {}) {
  const clock = createManualClock();
  const watch = watchLink();
  const link = openSmppLink({ settings: smppSettingsFor(port, fields), password: "secret", log: silentLog, clock }, watch.events);
  return { link, watch, clock };
}

/** A link that is bound and may submit, and the carrier's end of its first connection. */
export async function startBoundLink(peer: SmppPeer, fields: Partial<SmppSettings> = {}) {
  const started = startLink(peer.port, fields);
  const connections: PeerConnection[] = [await peer.nextConnection()];
  if (fields.bind === "transmitter_and_receiver") connections.push(await peer.nextConnection());
  await started.watch.until(() => started.watch.states.at(-1)?.kind === "bound");
  started.clock.advance(1_000);
  return { ...started, carrier: connections[0] as PeerConnection, connections };
}
