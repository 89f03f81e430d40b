// One connection to a receiver of webhooks, over undici's client: a body out, its status back. Used
// by sender.ts, which signs and repeats.
import type { Socket } from "node:net";
import { buildConnector, Client } from "undici";

/**
 * A receiver that commits before it answers may be frozen for seconds; holding the request is then
 * the cheapest wait.
 */
export const attemptTimeoutMs = 15_000;
const connectTimeoutMs = 3_000;

export interface ReceiverAnswer {
  /** 0: no answer. */
  status: number;
  /** The header as it came. */
  retryAfter: string | null;
}

export interface ReceiverClient {
  /**
   * `headers` with the content type. Never throws. Several at once go out one behind the other
   * (HTTP/1.1 pipelining), up to `pipelining`.
   * @param path with its query; that of the URL if not given
   */
  post(headers: Readonly<Record<string, string>>, body: Buffer, path?: string): Promise<ReceiverAnswer>;
  close(): Promise<void>;
}

export function openReceiverClient(url: string, pipelining: number): ReceiverClient {
  const { pathname, search, origin } = new URL(url);
  const connector = buildConnector({ timeout: connectTimeoutMs });
  let socket: Socket | null = null;
  const client = new Client(origin, {
    pipelining,
    headersTimeout: attemptTimeoutMs,
    bodyTimeout: attemptTimeoutMs,
    connect(options, callback) {
      connector(options, (...result) => {
        socket = result[1] ?? null; // nothing at all after a refusal
        callback(...result);
      });
    },
  });
  return {
    // `dispatch`, not `request`: no stream and no promise of a body that nobody reads
    post: (headers, body, path = pathname + search) =>
      new Promise((resolve) => {
        const answer: ReceiverAnswer = { status: 0, retryAfter: null };
        if (pipelining > 1 && socket !== null && !socket.destroyed) gatherWrites(socket);
        client.dispatch(
          // a body may be repeated, so it may stand behind others that are not answered yet
          { method: "POST", path, headers, body, idempotent: true, blocking: false },
          {
            onRequestStart() {},
            onResponseStart(_controller, status, { "retry-after": retryAfter }) {
              answer.status = status;
              if (typeof retryAfter === "string") answer.retryAfter = retryAfter;
            },
            onResponseData() {},
            onResponseEnd: () => resolve(answer),
            onResponseError: () => resolve({ status: 0, retryAfter: null }),
          },
        );
      }),
    close: () => client.destroy(),
  };
}

/**
 * What is written to the socket until the end of this turn goes out as one packet: each packet is a
 * system call, and wakes the reader.
 */
function gatherWrites(socket: Socket): void {
  if (socket.writableCorked > 0) return;
  socket.cork();
  setImmediate(() => socket.uncork());
}
