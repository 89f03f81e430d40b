// An application that asks to be told what becomes of its texts, and remembers it.
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import type { CallbackBody } from "../../../src/contracts/messages.ts";

export interface Application {
  /** For `callback_url`. */
  url: string;
  /** Versions of a recipient's state in the order in which they were told, by the recipient's id. */
  told: ReadonlyMap<string, readonly number[]>;
  stop(): void;
}

export async function startApplication(): Promise<Application> {
  const told = new Map<string, number[]>();
  const server = createServer(async (request, response) => {
    const { data } = (await json(request)) as CallbackBody;
    told.set(data.id, [...(told.get(data.id) ?? []), data.version]);
    response.writeHead(204).end();
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/texts`,
    told,
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };
}
