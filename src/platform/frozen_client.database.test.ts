// A process that freezes inside a transaction: its locks must not outlive the limits of its role,
// whatever it was about to send.
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestDatabase } from "../../testing/engines.ts";
import { closePostgres, openPostgres, type Sql } from "./postgres.ts";

let database: Awaited<ReturnType<typeof createTestDatabase>>;
let owner: Sql;
let proxy: Server;
const sockets = new Set<Socket>();
/** Packets from the client that still get through. */
let packetsLeft = Number.POSITIVE_INFINITY;

beforeAll(async () => {
  database = await createTestDatabase("salesdb");
  owner = openPostgres(database.ownerUrl, { applicationName: "test", connections: 1 });
  const { hostname, port } = new URL(database.ownerUrl);
  proxy = createServer((client) => {
    const server = connect(Number(port), hostname);
    client.on("data", (data) => packetsLeft-- > 0 && server.write(data));
    server.pipe(client);
    for (const socket of [client, server]) sockets.add(socket.on("error", () => {}));
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
});
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  proxy.close();
  await closePostgres(owner);
  await database.drop();
});

/** Connects as sales_worker, through the proxy. */
function openWorker(): Sql {
  const url = new URL(database.urls.sales_worker ?? "");
  url.port = String((proxy.address() as AddressInfo).port);
  return openPostgres(url.href, { applicationName: "frozen", connections: 1 });
}

test("every writing role has a limit for whole transactions", async () => {
  const worker = openWorker();
  expect(await worker`show transaction_timeout`).toEqual([{ transaction_timeout: "10s" }]);
  await worker.end();
});

test("a process frozen between a statement's preparation and its execution loses its locks", async () => {
  await owner`
    insert into bulksms (workspace_id, name, sender, text, country, deadline_s, price) values (gen_random_uuid(), 'a', 'b', 'c', 'FI', 10, 100)`;
  // lowered so that the test need not wait ten seconds; the real limit is checked above
  await owner.unsafe(`alter role sales_worker in database ${new URL(database.ownerUrl).pathname.slice(1)} set transaction_timeout = '1s'`);
  const worker = openWorker();
  let lock = () => {};
  const isLocked = new Promise<void>((resolve) => {
    lock = resolve;
  });
  const frozen = worker
    .begin(async (transaction) => {
      await transaction`select from bulksms for no key update`;
      // the next packet prepares a statement that is new to this connection; the packet that would
      // execute it never arrives
      packetsLeft = 1;
      lock();
      await transaction`update bulksms set version = version + 1 where name = ${"a"}`;
    })
    .catch((error: unknown) => error);
  await isLocked;
  await owner`set lock_timeout = '20s'`;
  await owner`update bulksms set name = 'free' where name = 'a'`;
  expect(await owner`select name, version from bulksms`).toEqual([{ name: "free", version: 0n }]);
  packetsLeft = Number.POSITIVE_INFINITY;
  for (const socket of sockets) socket.destroy();
  await frozen;
  await worker.end({ timeout: 1 });
});
