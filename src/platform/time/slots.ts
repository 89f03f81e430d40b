// Bounded concurrency: at most so many tasks at once. Runs in processes and in the browser.

export interface Slots {
  inUse(): number;
  isFull(): boolean;
  /**
   * Starts a task in a free slot, within this call. The task handles its own errors: a rejection
   * here is unhandled, and ends the process.
   * @throws Error when all slots are in use: ask `isFull` first
   */
  start(task: () => Promise<void>): void;
  /**
   * Runs work in a slot, and passes its outcome on; while all are in use, in the order in which it
   * was asked for.
   */
  run<T>(work: () => Promise<T>): Promise<T>;
  /** Resolves when a slot is free: at once, or when the next task ends. */
  freed(): Promise<void>;
  /** Resolves when no slot is in use, tasks that began meanwhile included. */
  idle(): Promise<void>;
}

/**
 * @param count at least 1
 * @param onFreed called whenever a task has ended and its slot is free
 */
export function createSlots(count: number, onFreed: () => void = () => {}): Slots {
  const tasks = new Set<Promise<void>>();
  /** Those who wait for a free slot. */
  const waiting: (() => void)[] = [];
  /** Work that waits for its slot, in order. */
  const queue: (() => void)[] = [];
  function start(task: () => Promise<void>): void {
    if (tasks.size >= count) throw new Error(`all ${count} slots are in use`);
    const running = task().finally(() => {
      tasks.delete(running);
      queue.shift()?.();
      for (const wake of waiting.splice(0)) wake();
      onFreed();
    });
    tasks.add(running);
  }
  return {
    inUse: () => tasks.size,
    isFull: () => tasks.size >= count,
    start,
    run: (work) =>
      new Promise((resolve, reject) => {
        const begin = (): void => start(() => work().then(resolve, reject));
        if (tasks.size >= count) queue.push(begin);
        else begin();
      }),
    async freed() {
      while (tasks.size >= count) await new Promise<void>((resolve) => waiting.push(resolve));
    },
    async idle() {
      while (tasks.size > 0) await Promise.all(tasks);
    },
  };
}

/**
 * Runs `task` over all items, at most `atOnce` of them at a time (at least one), in order of their
 * beginning.
 * @throws what the first failing task throws, at once: no further item begins, and those under way
 * go on unwatched
 */
export async function eachInSlots<T>(items: readonly T[], atOnce: number, task: (item: T) => Promise<unknown>): Promise<void> {
  let next = 0;
  let hasFailed = false;
  const lane = async (): Promise<void> => {
    while (next < items.length && !hasFailed) await task(items[next++] as T);
  };
  const lanes = Array.from({ length: Math.min(Math.max(1, atOnce), items.length) }, lane);
  await Promise.all(lanes).catch((error: unknown) => {
    hasFailed = true;
    throw error;
  });
}
