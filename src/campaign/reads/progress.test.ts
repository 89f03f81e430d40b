import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
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
  unconfirmed: 0,
  version,
});

function openTest() {
  const published: { channel: string; version: number }[] = [];
  const progress = openProgressPublisher({
    publish(_topic, channel, update) {
      const { version } = topicUpdates.bulksms_progress.parse(update) as TopicUpdates["bulksms_progress"];
      published.push({ channel, version });
    },
    isConnected: () => true,
    hasReaders: async () => true,
    close: () => {},
  });
  return { published, progress };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("the progress of a campaign", () => {
  it("is told at once, then at most ten times a second, and the last change always", () => {
    const { published, progress } = openTest();
    const id = randomUUID();
    for (let version = 1n; version <= 100n; version++) progress.changed(progressOf(id, version));
    expect(published).toHaveLength(1);
    vi.advanceTimersByTime(99);
    expect(published).toHaveLength(1);
    vi.advanceTimersByTime(1);
    expect(published.map(({ version }) => version)).toEqual([1, 100]);
  });

  it("of one campaign does not hold back another's, and never goes back", () => {
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

  it("of more campaigns than it remembers is told without a pause", () => {
    const { published, progress } = openTest();
    for (let campaign = 0; campaign < 10_000; campaign++) progress.changed(progressOf(randomUUID(), 1n));
    const id = randomUUID();
    for (let version = 1n; version <= 3n; version++) progress.changed(progressOf(id, version));
    expect(published).toHaveLength(10_003);
  });

  it("that has rested for an interval is told at once again", () => {
    const { published, progress } = openTest();
    const id = randomUUID();
    progress.changed(progressOf(id, 1n));
    vi.advanceTimersByTime(100);
    expect(vi.getTimerCount()).toBe(0);
    progress.changed(progressOf(id, 2n));
    expect(published.map(({ version }) => version)).toEqual([1, 2]);
  });
});
