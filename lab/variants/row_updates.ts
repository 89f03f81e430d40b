// In place of src/campaign/move_messages.ts: the same statement, once for each message. Right, and slow.
import { type MovedMessages, moveMessages as moveTogether, type Verdict } from "../../src/campaign/move_messages.ts";
import type { TransactionSql } from "../../src/platform/postgres.ts";

export * from "../../src/campaign/move_messages.ts";

export async function moveMessages(transaction: TransactionSql, bulksmsId: string, verdicts: Verdict[]): Promise<MovedMessages> {
  const moved: MovedMessages = { progress: null, partsCharged: 0n, unmoved: [] };
  for (const verdict of verdicts) {
    const one = await moveTogether(transaction, bulksmsId, [verdict]);
    moved.progress = one.progress ?? moved.progress;
    moved.partsCharged += one.partsCharged;
    moved.unmoved.push(...one.unmoved);
  }
  return moved;
}
