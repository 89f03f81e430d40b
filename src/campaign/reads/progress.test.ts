import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import { type TopicUpdates, topicUpdates } from "../../contracts/topics.ts";
import type { CampaignProgress } from "../lifecycle/move_messages.ts";
import { openProgressPublisher } from "./progress.ts";

const progressOf = (bulksmsId: string, version: bigint): CampaignProgress => ({
  bulksmsId,
  workspaceId: randomUUID(),
  status: "running",
  contacts: 10,
  partsSent: version,
  chargedMilli: 100n * version,
  counts: { pending: 0, unknown: 0, queued: 10, sent: 0, failed: 0, undelivered: 0, delivered: 0, expired: 0, canceled: 0 },
  version,
});

function openTest() {
  const published: { channel: string; version: number; atMs: number }[] = [];
  const progress = openProgressPublisher({
    publish(_topic, channel, update) {
      const { version } = topicUpdates.bulksms_progress.parse(update) as TopicUpdates["bulksms_progress"];
      published.push({ channel, version, atMs: performance.now() });
    },
    isConnected: () => true,
    hasReaders: async () => true,
    close: () => {},
  });
  return { published, progress };
}

describe("the progress of a campaign", () => {
  it("is told at once, then at most ten times a second, and the last change always", async () => {
    const { published, progress } = openTest();
    const id = randomUUID();
    for (let version = 1n; version <= 100n; version++) progress.changed(progressOf(id, version));
    expect(published).toHaveLength(1);
    await expect.poll(() => published.length).toBe(2);
    expect(published.map(({ version }) => version)).toEqual([1, 100]);
    expect((published[1]?.atMs ?? 0) - (published[0]?.atMs ?? 0)).toBeGreaterThan(90);
  });

  it("of one campaign does not hold back another's, and never goes back", async () => {
    const { published, progress } = openTest();
    const [first, second] = [randomUUID(), randomUUID()];
    progress.changed(progressOf(first, 5n));
    progress.changed(progressOf(second, 1n));
    progress.changed(progressOf(first, 8n));
    progress.changed(progressOf(first, 7n));
    expect(published.map(({ channel }) => channel)).toEqual([first, second]);
    progress.close(); // what waits is told
    expect(published.at(-1)).toMatchObject({ channel: first, version: 8 });
  });
});
