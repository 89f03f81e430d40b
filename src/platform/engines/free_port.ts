// Finds a TCP port that nobody listens on. Used for engines, doors of the six processes and tests.
import { createServer } from "node:net";

/** `preferred` when it is free on `host`, else one that the system hands out. */
export async function freePort(host: string, preferred: number, taken: ReadonlySet<number> = new Set()): Promise<number> {
  if (preferred !== 0 && !taken.has(preferred) && (await tryListen(host, preferred)) !== null) return preferred;
  // The system cycles through its range, so a port that we handed out a moment ago is not met twice in a row.
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const port = await tryListen(host, 0);
    if (port !== null && !taken.has(port)) return port;
  }
  throw new Error(`no free TCP port on ${host}`);
}

function tryListen(host: string, port: number): Promise<number | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(null));
    server.listen({ host, port, exclusive: true }, () => {
      const address = server.address();
      const found = typeof address === "object" && address !== null ? address.port : null;
      server.close(() => resolve(found));
    });
  });
}
