// The picture of all processes, on a clock of our own.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { ProcessStats } from "../../contracts/topics.ts";
import { createSystemBoard } from "./system_board.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const statsOf = (process: ProcessStats["process"], pid: number, cpu = 0.1): ProcessStats => ({
  process,
  pid,
  instance: `${process}-${pid}`,
  uptime_s: 1,
  cpu,
  rss_bytes: 1,
  heap_bytes: 1,
  loop_delay_p50_ms: 0,
  loop_delay_p99_ms: 0,
  rates: {},
  levels: {},
  silent_ms: 0,
});
const of = (...processes: ProcessStats[]) => ({ processes, version: 1 });

test("the picture has the last word of each process, in order, and how long it has been silent", () => {
  const board = createSystemBoard();
  board.take(of(statsOf("webapi", 20)));
  board.take(of(statsOf("rpc", 31)));
  board.take(of(statsOf("rpc", 9)));
  vi.advanceTimersByTime(1_000);
  board.take(of(statsOf("rpc", 31, 0.9)));
  const picture = board.picture().processes.map(({ process, pid, cpu, silent_ms }) => [process, pid, cpu, silent_ms]);
  expect(picture).toEqual([
    ["rpc", 9, 0.1, 1_000],
    ["rpc", 31, 0.9, 0],
    ["webapi", 20, 0.1, 1_000],
  ]);
});

test("a dead process stays for a minute, then it is forgotten", () => {
  const board = createSystemBoard();
  board.take(of(statsOf("rpc", 9)));
  vi.advanceTimersByTime(60_000);
  expect(board.picture().processes).toMatchObject([{ pid: 9, silent_ms: 60_000 }]);
  vi.advanceTimersByTime(1);
  expect(board.picture().processes).toEqual([]);
});

test("the version grows with each look, also when the clock goes back, and from one webapi to the next", () => {
  const board = createSystemBoard();
  const first = board.picture().version;
  vi.setSystemTime(Date.now() - 3_600_000);
  expect(board.picture().version).toBeGreaterThan(first);
  vi.setSystemTime(Date.now() + 3_700_000);
  expect(createSystemBoard().picture().version).toBeGreaterThan(first);
});
