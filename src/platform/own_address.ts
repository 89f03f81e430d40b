// Whether BULKSMS_HOST is an address that this machine can listen on, which its syntax cannot tell.
// Checked by each process and by `bulksms up` before anything is opened.
import { createServer } from "node:net";
import { ConfigError } from "./config.ts";

/**
 * Listens there for a moment, on a free port.
 * @throws ConfigError naming BULKSMS_HOST if the name is unknown or the address does not belong to
 * this machine
 */
export async function requireOwnAddress(host: string): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen({ host: withoutBrackets(host), port: 0 }, resolve);
  }).catch((error: NodeJS.ErrnoException) => {
    const reason = reasons[error.code ?? ""];
    // other errors (say, no file handles left) are not about the address
    if (reason === undefined) throw error;
    throw new ConfigError([`BULKSMS_HOST: "${host}" ${reason}`]);
  });
  await new Promise<void>((resolve) => server.close(() => resolve()));
}

const unknownName = "is not a name that this machine can resolve";
const otherMachine = "is not an address of this machine";
const reasons: Readonly<Record<string, string>> = {
  ENOTFOUND: unknownName,
  EAI_AGAIN: unknownName,
  EAI_NONAME: unknownName,
  EADDRNOTAVAIL: otherMachine,
  EAFNOSUPPORT: otherMachine,
  EINVAL: otherMachine,
  ENETUNREACH: otherMachine,
};

/** [::1] -> ::1, the form that sockets expect. */
export function withoutBrackets(host: string): string {
  return host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host;
}
