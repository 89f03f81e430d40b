// Our link against the carrier that Kannel tests its own client with: another codec, written in C.
import { createServer } from "node:net";
import { expect, it } from "vitest";
import { carrierMessage, watchLink } from "../../../testing/link_watch.ts";
import { requirePeer } from "../../../testing/peers.ts";
import { silentLog, smppSettingsFor } from "../../../testing/smpp_links.ts";
import { waitFor } from "../../../testing/wait_for.ts";
import { spawnBound } from "../../local/engines/bound_process.ts";
import { openSmppLink } from "./smpp_link.ts";

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });

it("takes our binds and submits, and gets an answer to each of its deliveries", async (context) => {
  const program = requirePeer("drive_smpp", context);
  const port = await freePort();
  const carrier = spawnBound(program, ["-v", "1", "-p", String(port), "-m", "5"], "KILL", { stdio: ["ignore", "ignore", "pipe"] });
  try {
    const watch = watchLink();
    const open = () =>
      openSmppLink(
        { settings: smppSettingsFor(port, { system_id: "foo", bind: "transmitter_and_receiver" }), password: "bar", log: silentLog },
        watch.events,
      );
    // it listens a moment after its start
    const link = await waitFor("its listener", async () => {
      const tried = open();
      return (await Promise.race([tried.ended, watch.until(() => watch.states.at(-1)?.kind === "bound")])) === undefined && tried;
    });
    await watch.until(() => link.capacity() > 0);
    link.submit([carrierMessage(1), carrierMessage(2, { text: "a".repeat(200) })], watch.onOutcome);
    await watch.until(() => watch.outcomes.size === 2 && watch.receipts.length === 5);
    // it gives no ids, and marks its messages with a parameter that belongs to receipts
    expect([...watch.outcomes.values()].flat()).toEqual(Array(2).fill({ kind: "accepted", ids: [] }));
    expect(new Set(watch.receipts.map(({ theirId, status }) => `${theirId} ${status}`))).toEqual(new Set(["receipted_message_id null"]));
    await link.close(0);
  } finally {
    carrier.kill("SIGKILL");
  }
});
