// Connections to hosts that a customer has named: only to public addresses. What DNS answers is
// judged where the connection is made, and that very address is connected to: an answer that
// changes between two questions (DNS rebinding) leads nowhere else.
import { type LookupAddress, type LookupOptions, lookup as lookupInDns } from "node:dns";
import { isIP, type LookupFunction } from "node:net";
import { buildConnector } from "undici";
import { isPublicAddress } from "../platform/public_address.ts";

/** The host has an address that is no public one. */
export class AddressRefused extends Error {
  constructor() {
    super("the host has no public address");
    this.name = "AddressRefused";
  }
}

/** As `lookup` of node:dns, for all addresses. */
export type LookupAll = (
  hostname: string,
  options: LookupOptions & { all: true },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/**
 * A connector for undici. Its errors are AddressRefused, and those of the socket.
 * @param timeoutMs for DNS, TCP and TLS together
 */
export function publicConnector(timeoutMs: number, lookup: LookupAll = lookupInDns): buildConnector.connector {
  const connect = buildConnector({ timeout: timeoutMs, lookup: publicLookup(lookup) });
  return (options, callback) => {
    // an address is not looked up
    const host = options.hostname.replace(/^\[|\]$/g, "");
    if (isIP(host) !== 0 && !isPublicAddress(host)) queueMicrotask(() => callback(new AddressRefused(), null));
    else connect(options, callback);
  };
}

/** One address that is not public among several is enough: nobody means such a host in earnest. */
function publicLookup(lookup: LookupAll): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      const [first] = addresses ?? [];
      if (error !== null) callback(error, "");
      else if (first === undefined || addresses.some(({ address }) => !isPublicAddress(address))) callback(new AddressRefused(), "");
      else if (options.all === true) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };
}
