// The hub with recording listeners, on a fake clock.
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { TopicUpdates } from "../contracts/topics.ts";
import { type BroadcastHub, createBroadcastHub, type Listener } from "./broadcast_hub.ts";

const channel = "0198c0de-0000-7000-8000-000000000001";
const name = { topic: "workspace_credit" as const, channel };
const update = (version: number): TopicUpdates["workspace_credit"] => ({
  workspace_id: channel,
  credit: `${version}.0`,
  available: `${version}.0`,
  held: "0.0",
  spent: "0.0",
  version,
});

class Remembering implements Listener {
  heard: { is_snapshot: boolean; update: { version: number } }[] = [];
  waitingBytes = 0;
  isDropped = false;
  send(text: string) {
    this.heard.push(JSON.parse(text));
  }
  bufferedBytes() {
    return this.waitingBytes;
  }
  dropAsSlow() {
    this.isDropped = true;
  }
  versions() {
    return this.heard.map((message) => message.update.version);
  }
}

let hub: BroadcastHub;
let watches: string[];
beforeEach(() => {
  vi.useFakeTimers();
  watches = [];
  hub = createBroadcastHub({
    updateIntervalMs: 100,
    bufferedBytesMax: 1_000,
    onWatch: (topic, id) => watches.push(`+${topic}:${id}`),
    onUnwatch: (topic, id) => watches.push(`-${topic}:${id}`),
  });
});
afterEach(() => {
  hub.close();
  vi.useRealTimers();
});

function join(): Remembering {
  const listener = new Remembering();
  hub.wait(listener, name);
  hub.begin(listener, name, update(1));
  return listener;
}

describe("a listener", () => {
  test("hears nothing before its snapshot, and the snapshot is not older than what others have heard", () => {
    const first = join();
    const second = new Remembering();
    hub.wait(second, name);
    vi.advanceTimersByTime(1_000);
    hub.offer("workspace_credit", channel, update(5));
    expect([first.versions(), second.versions()]).toEqual([[1, 5], []]);
    hub.begin(second, name, update(4));
    expect(second.heard).toMatchObject([{ is_snapshot: true, topic: "workspace_credit", channel, update: { version: 5 } }]);
  });

  test("never hears a version fall, whatever comes in whatever order", () => {
    const listener = join();
    for (const version of [3, 2, 9, 9, 1, 8, 10, 7]) {
      hub.offer("workspace_credit", channel, update(version));
      vi.advanceTimersByTime(150);
    }
    expect(listener.versions()).toEqual([1, 3, 9, 10]);
  });

  test("hears at most ten updates a second, and the last one always", () => {
    const listener = join();
    for (let version = 2; version <= 1_001; version++) {
      hub.offer("workspace_credit", channel, update(version));
      vi.advanceTimersByTime(1);
    }
    vi.advanceTimersByTime(100);
    expect(listener.heard.length).toBeLessThanOrEqual(12);
    expect(listener.versions().at(-1)).toBe(1_001);
  });

  test("that subscribes twice hears once, and after unsubscribing nothing", () => {
    const listener = join();
    expect(hub.wait(listener, name)).toBe(false);
    hub.offer("workspace_credit", channel, update(2));
    vi.advanceTimersByTime(200);
    hub.unsubscribe(listener, name);
    hub.offer("workspace_credit", channel, update(3));
    hub.begin(listener, name, update(4));
    vi.advanceTimersByTime(200);
    expect(listener.versions()).toEqual([1, 2]);
    expect(hub.channelsOf(listener)).toBe(0);
  });

  test("that does not read is dropped from all its channels, and the others go on", () => {
    const [slow, quick] = [join(), join()];
    hub.wait(slow, { ...name, channel: "0198c0de-0000-7000-8000-000000000002" });
    slow.waitingBytes = 1_001;
    vi.advanceTimersByTime(200);
    hub.offer("workspace_credit", channel, update(2));
    vi.advanceTimersByTime(200);
    expect([slow.isDropped, slow.versions(), hub.channelsOf(slow)]).toEqual([true, [1], 0]);
    expect([quick.isDropped, quick.versions()]).toEqual([false, [1, 2]]);
  });
});

test("a channel is watched from its first listener to its last", () => {
  const [one, two] = [join(), join()];
  expect(hub.watched("workspace_credit")).toEqual([channel]);
  expect(hub.watched("bulksms_progress")).toEqual([]);
  hub.leave(one);
  expect(watches).toEqual([`+workspace_credit:${channel}`]);
  hub.leave(two);
  expect(watches).toEqual([`+workspace_credit:${channel}`, `-workspace_credit:${channel}`]);
  hub.offer("workspace_credit", channel, update(9));
  // a listener that joins later starts from its own snapshot
  expect(join().versions()).toEqual([1]);
});
