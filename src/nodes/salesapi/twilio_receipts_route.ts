// POST /receipts/twilio/{carrier}: what Twilio reports of our messages, and messages from phones.
// The signature is checked over the address in the carrier's settings, because behind a proxy the
// request does not have it. Answered 2xx only after the commit.
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { commitCarrierReceipts } from "../../campaign/links/carrier_receipts.ts";
import { keepInbound } from "../../campaign/links/inbound.ts";
import { openReceiptGroup, type ReceiptGroup } from "../../campaign/links/receipt_group.ts";
import type { CommittedReceipts } from "../../campaign/receipts/receipts.ts";
import { tokenParameter } from "../../carriers/twilio/callback_url.ts";
import { readTwilioInbound, readTwilioReceipt } from "../../carriers/twilio/receipts.ts";
import { isCarrierName, type TwilioSettings } from "../../contracts/carriers.ts";
import { AppError } from "../../contracts/errors.ts";
import type { HttpServer } from "../../platform/http.ts";
import type { Sql } from "../../platform/postgres.ts";
import { signatureHeader } from "../../protocols/twilio/signature.ts";

/** A status has some 500 bytes; a text from a phone at most a few thousand. */
const bodyBytesMax = 64 * 1024;
/** How long a carrier's row is believed. */
const carrierAgeMaxMs = 2_000;

export interface TwilioReceiptsDependencies {
  sql: Sql;
  /** @throws Error when the secret cannot be read */
  openSecret(sealed: Buffer, carrierId: string): string;
  onCommitted(committed: CommittedReceipts): void;
}

interface TwilioCarrier {
  carrierId: string;
  settings: TwilioSettings;
  authToken: string;
}

const noReply = '<?xml version="1.0" encoding="UTF-8"?><Response/>';

export async function twilioReceiptsRoute(app: HttpServer, deps: TwilioReceiptsDependencies): Promise<void> {
  const find = createCarrierReader(deps);
  const groupOf = createGroups(deps);
  await app.register(async (scope: FastifyInstance) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      "application/x-www-form-urlencoded",
      { parseAs: "string", bodyLimit: bodyBytesMax },
      (_request, body, done) => done(null, body),
    );
    scope.post(
      "/receipts/twilio/:carrier",
      {
        bodyLimit: bodyBytesMax,
        helmet: false, // headers for browsers: no carrier reads them
        config: { rateLimit: false },
        schema: {
          tags: ["receipts"],
          summary: "What Twilio reports",
          description: "A status callback of a message, or a message from a phone, with its X-Twilio-Signature. 2xx: it is committed.",
          security: [],
          params: z.object({ carrier: z.string() }),
        },
      },
      async (request, reply) => {
        const carrier = await find((request.params as { carrier: string }).carrier);
        const signature = request.headers[signatureHeader];
        const query = new URL(request.url, "http://localhost").searchParams;
        const post = {
          authTokens: [carrier.authToken],
          accountSid: carrier.settings.account_sid,
          signature: typeof signature === "string" ? signature : undefined,
          body: typeof request.body === "string" ? request.body : "",
        };
        const token = query.get(tokenParameter);
        if (token === null) await takeInbound(deps, carrier, post);
        else await takeReceipt(groupOf(carrier.carrierId), carrier, { ...post, token });
        return reply.status(200).header("content-type", "text/xml").send(noReply);
      },
    );
  });
}

type Post = { authTokens: string[]; accountSid: string; signature: string | undefined; body: string };

function createGroups({ sql, onCommitted }: TwilioReceiptsDependencies): (carrierId: string) => ReceiptGroup {
  const groups = new Map<string, ReceiptGroup>();
  return (carrierId) => {
    const group =
      groups.get(carrierId) ?? openReceiptGroup(async (receipts) => onCommitted(await commitCarrierReceipts(sql, carrierId, receipts)));
    groups.set(carrierId, group);
    return group;
  };
}

async function takeReceipt(group: ReceiptGroup, carrier: TwilioCarrier, post: Post & { token: string }): Promise<void> {
  const read = readTwilioReceipt({ ...post, receiptsUrl: carrier.settings.receipts_url as string, keys: [carrier.authToken] });
  if (read.kind === "forged") throw forged();
  if (read.kind === "malformed") throw new AppError("receipts_invalid", `It is signed, but ${read.reason}.`);
  await group.add(read.receipt);
}

async function takeInbound(deps: TwilioReceiptsDependencies, carrier: TwilioCarrier, post: Post): Promise<void> {
  const read = readTwilioInbound({ ...post, url: carrier.settings.receipts_url as string });
  if (read.kind === "forged") throw forged();
  if (read.kind === "malformed") throw new AppError("receipts_invalid", `It is signed, but ${read.reason}.`);
  await keepInbound(deps.sql, carrier.carrierId, read.message);
}

const forged = () =>
  new AppError("signature_invalid", "The signature was not made by the account of this carrier over this address and body.");

const unknownCarrier = () => new AppError("carrier_not_found", "No carrier of that name may call back.");

/** @throws AppError carrier_not_found */
function createCarrierReader({ sql, openSecret }: TwilioReceiptsDependencies): (name: string) => Promise<TwilioCarrier> {
  const known = new Map<string, { carrier: TwilioCarrier; readAtMs: number }>();
  return async (name) => {
    const cached = known.get(name);
    if (cached !== undefined && performance.now() - cached.readAtMs < carrierAgeMaxMs) return cached.carrier;
    if (!isCarrierName(name)) throw unknownCarrier();
    const [row] = await sql<{ carrierId: string; settings: TwilioSettings; sealed: Buffer }[]>`
      select id as "carrierId", settings, sealed_secret as sealed from carrier
      where name = ${name} and state <> 'removed' and settings ->> 'protocol' = 'twilio' and settings ->> 'receipts_url' is not null`;
    if (row === undefined) throw unknownCarrier();
    const carrier = { carrierId: row.carrierId, settings: row.settings, authToken: openSecret(row.sealed, row.carrierId) };
    known.set(name, { carrier, readAtMs: performance.now() });
    return carrier;
  };
}
