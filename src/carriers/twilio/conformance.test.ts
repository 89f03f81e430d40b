import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, describe } from "vitest";
import { type ArrivedMessage, type CarrierUnderTest, testConformance } from "../../../testing/carrier_conformance.ts";
import { twilioAccount } from "../../../testing/simulator_node.ts";
import { twilioSettings } from "../../contracts/carriers.ts";
import { fieldOf, formatForm, parseForm } from "../../protocols/twilio/form.ts";
import { signTwilioRequest } from "../../protocols/twilio/signature.ts";
import { formatStatusCallback } from "../../protocols/twilio/status_callback.ts";
import type { LinkEvents } from "../link.ts";
import { tokenParameter } from "./callback_url.ts";
import { readTwilioReceipt } from "./receipts.ts";
import { openTwilioLink } from "./twilio_link.ts";

const { sid: accountSid, token: authToken } = twilioAccount;
const referenceKey = "a key of the test";
const receiptsUrl = "https://sms.example/receipts/twilio";

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

/** Answers as the test says; a connection that is cut takes its answers with it. */
async function startCarrier(): Promise<CarrierUnderTest> {
  const arrived: ArrivedMessage[] = [];
  const sockets = new Set<Socket>();
  const callbacks = new Map<string, { url: string; sid: string }>();
  let events: LinkEvents | null = null;
  const server = createServer(async (request, response) => {
    const form = parseForm(await text(request));
    if (request.method === "GET") return answer(response, 200, { messages: [] });
    const phone = (fieldOf(form, "To") ?? "").slice(1);
    const sid = `SM${String(arrived.length + 1).padStart(32, "0")}`;
    arrived.push({
      phone,
      accept() {
        callbacks.set(phone, { url: fieldOf(form, "StatusCallback") ?? "", sid });
        answer(response, 201, { sid, status: "queued", to: `+${phone}`, date_created: "" });
      },
      reject: () => answer(response, 400, { code: 21211, status: 400, message: "no" }),
      throttle: () => answer(response, 429, { code: 20429, status: 429, message: "no" }),
    });
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const cut = (): void => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  const kill = (): Promise<void> => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    cut();
    return closed;
  };
  stops.push(kill);

  return {
    openLink(heard, { window, clock }) {
      events = heard;
      const settings = twilioSettings.parse({
        ...{ protocol: "twilio", url, account_sid: accountSid, receipts_url: receiptsUrl, window, parts_per_second: 10_000 },
      });
      return openTwilioLink({ settings, authToken, referenceKey, clock }, heard);
    },
    arrived,
    cut,
    /** By the receiver of our receipts, which hands over what it can read: the link has none. */
    async deliverReceipt(phone) {
      const { url: to, sid } = callbacks.get(phone) ?? { url: "", sid: "" };
      const body = formatForm(
        formatStatusCallback({
          ...{ sid, accountSid, status: "delivered", to: `+${phone}`, from: "Uni" },
          ...{ messagingServiceSid: null, errorCode: null, doneAtMs: null },
        }),
      );
      const read = readTwilioReceipt({
        ...{ authTokens: [authToken], accountSid, signature: signTwilioRequest(authToken, to, parseForm(body)), body, receiptsUrl },
        ...{ token: new URL(to).searchParams.get(tokenParameter) ?? "", keys: [referenceKey] },
      });
      if (read.kind !== "receipt" || events === null) return "refused";
      return events.onReceipt(read.receipt).then(
        () => "acknowledged" as const,
        () => "refused" as const,
      );
    },
    kill,
  };
}

/** The first answer counts; one to a connection that is gone reaches nobody. */
function answer(response: ServerResponse, status: number, body: unknown): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

describe("a link to Twilio", () => {
  testConformance({ start: startCarrier, answerTimeoutMs: 60_000, isLateAnswerHeard: true });
});
