// Somebody who receives Twilio's status callbacks in a test: a real HTTP server that keeps each
// form and whether its signature holds, and answers as the test says.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { waitUntil } from "../src/platform/time/wait_until.ts";
import { type FormFields, parseForm } from "../src/protocols/twilio/form.ts";
import { signatureHeader, verifyTwilioRequest } from "../src/protocols/twilio/signature.ts";
import { parseStatusCallback, type StatusCallback } from "../src/protocols/twilio/status_callback.ts";

export interface ReceivedCallback {
  callback: StatusCallback;
  fields: FormFields;
  /** Path and query that it came to. */
  path: string;
  signature: string;
  isSigned: boolean;
}

export interface CallbackReceiver {
  /** Without a path. */
  url: string;
  received: ReceivedCallback[];
  statusesOf(sid: string): string[];
  /** What each request is answered; null: its connection is cut. */
  answerWith(answer: (requestNo: number) => number | null): void;
  /** Requests so far, those that were cut included. */
  requests(): number;
  until(condition: () => boolean): Promise<void>;
  close(): Promise<void>;
}

export async function startCallbackReceiver(token: string): Promise<CallbackReceiver> {
  const received: ReceivedCallback[] = [];
  let requests = 0;
  let answer: (requestNo: number) => number | null = () => 204;
  let url = "";
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const fields = parseForm(await text(request));
    const status = answer(requests++);
    if (status === null) {
      request.socket.destroy();
      return;
    }
    const signature = String(request.headers[signatureHeader]);
    const callback = parseStatusCallback(fields);
    if (callback === null) throw new Error("not a status callback");
    const path = request.url ?? "";
    received.push({ callback, fields, path, signature, isSigned: verifyTwilioRequest(token, signature, url + path, fields) });
    response.writeHead(status).end();
  };
  const server = createServer((request, response) => void handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    received,
    statusesOf: (sid) => received.filter(({ callback }) => callback.sid === sid).map(({ callback }) => callback.status),
    answerWith(next) {
      answer = next;
    },
    requests: () => requests,
    async until(condition) {
      if (!(await waitUntil(condition, 20_000, 10))) throw new Error(`not in time: ${condition}`);
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
