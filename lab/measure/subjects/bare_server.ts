// The least that an HTTP server in Node can do with receipts: read the body, parse it, answer; at
// /signed it checks the signature first. Started by bare_http.ts with the secret in its
// environment; prints its port on standard output.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { verifyWebhook } from "../../../src/protocols/standard_webhooks/webhook_signature.ts";

const secrets = [process.env.BARE_SECRET ?? ""];

const server = createServer((request, response) => {
  const pieces: Buffer[] = [];
  request.on("data", (piece: Buffer) => pieces.push(piece));
  request.on("end", () => {
    const body = Buffer.concat(pieces);
    const isSigned = request.url === "/signed";
    if (isSigned && !verifyWebhook({ secrets, headers: request.headers, body, nowS: Date.now() / 1_000 })) {
      response.writeHead(401).end();
      return;
    }
    JSON.parse(body.toString());
    response.writeHead(200, { "content-type": "application/json" }).end('{"committed":1}');
  });
});
server.listen(0, "127.0.0.1", () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`));
