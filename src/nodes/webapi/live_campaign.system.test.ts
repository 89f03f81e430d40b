// What a WebSocket client sees of a real campaign that goes through all six processes (law L12).
import { once } from "node:events";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { WebSocket } from "ws";
import { createCampaign, csvOf, readCredit, runCampaign, waitUntilFinished } from "../../../testing/campaigns.ts";
import { type Cluster, startCluster } from "../../../testing/cluster.ts";
import type { SocketUpdate } from "../../contracts/topics.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster?.stop());

test("a client follows credit and progress to their ends: versions never fall, the last is the database's", async () => {
  const { id } = await createCampaign(cluster, csvOf(300));
  const socket = new WebSocket(`${cluster.urls.webapi?.replace("http", "ws")}/ws`, {
    headers: { authorization: `Bearer ${cluster.apiKey}` },
  });
  const heard: SocketUpdate[] = [];
  socket.on("message", (data) => heard.push(JSON.parse(String(data))));
  await once(socket, "open");
  const { workspaceId } = cluster;
  socket.send(
    JSON.stringify({
      subscribe: [
        { topic: "workspace_credit", channel: workspaceId },
        { topic: "bulksms_progress", channel: id },
      ],
    }),
  );
  const of = (topic: SocketUpdate["topic"]) => heard.filter((update) => update.topic === topic);
  await expect.poll(() => [of("workspace_credit").length, of("bulksms_progress").length], { timeout: 10_000 }).toEqual([1, 1]);
  expect(heard.every((update) => update.is_snapshot)).toBe(true);
  await runCampaign(cluster, id);
  const ended = await waitUntilFinished(cluster, id);
  const after = await readCredit(cluster);
  // within the re-read of 2 s, should the last publish have been lost
  await expect.poll(() => of("workspace_credit").at(-1)?.update, { timeout: 10_000 }).toMatchObject({ spent: ended.charged, held: "0.0" });
  expect(of("workspace_credit").at(-1)?.update).toMatchObject(after);
  await expect.poll(() => of("bulksms_progress").at(-1)?.update, { timeout: 10_000 }).toMatchObject({ status: "finished" });
  expect(of("bulksms_progress").at(-1)?.update).toMatchObject({ counts: ended.counts, parts_sent: ended.parts_sent });
  for (const topic of ["workspace_credit", "bulksms_progress"] as const) {
    const versions = of(topic).map((update) => update.update.version);
    expect(versions).toEqual([...versions].sort((a, b) => a - b));
    expect(versions.length).toBeGreaterThan(2);
  }
  socket.close();
});
