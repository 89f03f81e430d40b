// Group commit: items that were touched are written together, one write at a time. Callers that
// come while one is under way form the next, so a slow disk makes writes larger, not slower. Used
// by journal.ts.

/** Lazy items wait at most this long for a write of their own. */
const lazyCommitMs = 100;

export interface GroupCommit<Item> {
  /** The item is part of the next write; `isLazy`: it is in no hurry. */
  touch(item: Item, isLazy: boolean): void;
  /** It has nothing to write any more. */
  forget(item: Item): void;
  /** Resolves when everything touched before is written. */
  commit(): Promise<void>;
  isWriting(): boolean;
  /** Writes what is left. */
  close(): Promise<void>;
}

/**
 * @param write must take what it writes before it waits for anything: a later change belongs to the
 * next write
 * @param onFatal called when `write` fails; nothing is written after that
 */
export function createGroupCommit<Item>(
  write: (items: readonly Item[]) => Promise<void>,
  onFatal: (error: unknown) => void,
): GroupCommit<Item> {
  let touched = new Set<Item>();
  let waiting: (() => void)[] = [];
  let writing: Promise<void> | null = null;
  let lazyTimer: NodeJS.Timeout | null = null;
  /** Lazy items have waited their time: the next write follows the one under way. */
  let isLazyDue = false;

  function commit(): Promise<void> {
    if (touched.size === 0 && writing === null) return Promise.resolve();
    return new Promise((resolve) => {
      waiting.push(resolve);
      start();
    });
  }

  function start(): void {
    if (writing !== null) return;
    writing = writeAll().then(
      () => {
        writing = null;
        if (waiting.length > 0 || isLazyDue) start();
      },
      (error: unknown) => onFatal(error),
    );
  }

  async function writeAll(): Promise<void> {
    const items = [...touched];
    const released = waiting;
    touched = new Set();
    waiting = [];
    isLazyDue = false;
    await write(items);
    for (const release of released) release();
  }

  return {
    touch(item, isLazy) {
      touched.add(item);
      if (!isLazy || lazyTimer !== null) return;
      lazyTimer = setTimeout(() => {
        lazyTimer = null;
        isLazyDue = true;
        start();
      }, lazyCommitMs);
    },
    forget: (item) => void touched.delete(item),
    commit,
    isWriting: () => writing !== null,
    async close() {
      if (lazyTimer !== null) clearTimeout(lazyTimer);
      await commit();
    },
  };
}
