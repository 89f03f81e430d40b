// Opens the TCP or TLS connection to a carrier.
import { connect, isIP, type Socket } from "node:net";
import { checkServerIdentity, connect as connectTls, type TLSSocket } from "node:tls";
import type { SmppSettings } from "../../contracts/carriers.ts";

export interface OpeningSocket {
  socket: Socket;
  /** Once; with TLS after its handshake. */
  onReady(action: () => void): void;
  /** Whether the failure is of the certificate, so that trying again is in vain. */
  isUntrusted(): boolean;
  /** A failure before `onReady`, with its address and what to do. */
  describe(error: Error): string;
}

export function openSocket({ host, port, tls, tls_name, tls_ca }: SmppSettings): OpeningSocket {
  const at = `${host}:${port}`;
  if (tls === "off") {
    const socket = connect({ host, port });
    return {
      socket,
      onReady: (action) => void socket.once("connect", action),
      isUntrusted: () => false,
      describe: (error) => `${at} cannot be reached: ${reasonOf(error)}`,
    };
  }
  const name = tls_name ?? host;
  const socket: TLSSocket = connectTls({
    host,
    port,
    minVersion: "TLSv1.2",
    // an address is not allowed as a server name (RFC 6066, section 3)
    ...(isIP(name) === 0 ? { servername: name } : {}),
    checkServerIdentity: (_host, certificate) => checkServerIdentity(name, certificate),
    ...(tls_ca === undefined ? {} : { ca: tls_ca }),
  });
  const isUntrusted = (): boolean => socket.authorizationError != null;
  return {
    socket,
    onReady: (action) => void socket.once("secureConnect", action),
    isUntrusted,
    describe: (error) =>
      isUntrusted()
        ? `the certificate of ${at} is not trusted for "${name}" (${reasonOf(error)}): check tls_name and tls_ca`
        : `${at} cannot be reached over TLS: ${reasonOf(error)}`,
  };
}

/** Of several addresses that were tried, the reason of each. */
function reasonOf(error: Error): string {
  if (error instanceof AggregateError && error.errors.length > 0) {
    return [...new Set(error.errors.map((one: unknown) => (one instanceof Error ? one.message : String(one))))].join("; ");
  }
  return error.message;
}
