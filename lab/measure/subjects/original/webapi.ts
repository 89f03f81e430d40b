// The original's webapi: the credit on demand, and every change of every workspace's credit to
// every WebSocket client.
import { createServer } from "node:http";
import { WebSocketServer } from "ws";
import { openPostgres } from "../../../../src/platform/postgres.ts";
import { openRedis } from "../../../../src/platform/redis.ts";
import { creditTopic, type OriginalSettings } from "./words.ts";

export async function startWebapi(settings: OriginalSettings): Promise<void> {
  const ds = openPostgres(settings.dsUrl, { applicationName: "original webapi", connections: 4 });
  const server = createServer(async (request, response) => {
    const id = request.url?.split("/").at(-1) ?? "";
    const [workspace] = await ds<{ credit: string }[]>`select credit::text as credit from workspace where id = ${id}`;
    response.writeHead(workspace === undefined ? 404 : 200, { "content-type": "application/json" }).end(JSON.stringify(workspace ?? {}));
  });
  const sockets = new WebSocketServer({ server });
  const redis = openRedis(settings.redisUrl, { connectionName: "original webapi", isBlocking: true });
  redis.on("message", (_topic: string, text: string) => {
    for (const socket of sockets.clients) socket.send(text);
  });
  await redis.subscribe(creditTopic);
  await new Promise<void>((resolve) => server.listen(settings.webapiPort, "127.0.0.1", resolve));
}
