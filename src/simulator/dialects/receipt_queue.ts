// What waits, oldest first. Taking the first of a long array would move all others each time.

export interface ReceiptQueue<T> {
  push(item: T): void;
  /** Before all others, in their order. */
  putBack(items: readonly T[]): void;
  /** The oldest. */
  take(): T | undefined;
  size(): number;
}

/** What was taken is cut off once it is so much, and half of all. */
const takenMax = 1_000;

export function openReceiptQueue<T>(): ReceiptQueue<T> {
  let items: T[] = [];
  let taken = 0;
  return {
    push: (item) => void items.push(item),
    putBack(earlier) {
      items = [...earlier, ...items.slice(taken)];
      taken = 0;
    },
    take() {
      if (taken === items.length) return undefined;
      const item = items[taken];
      taken += 1;
      if (taken > takenMax && taken * 2 > items.length) {
        items = items.slice(taken);
        taken = 0;
      }
      return item;
    },
    size: () => items.length - taken,
  };
}
