// Replaces src/campaign/lifecycle/move_messages.ts: the same statement, once per message. Correct,
// and slow.
import {
  emptyVerdicts,
  type MovedMessages,
  moveMessages as moveTogether,
  setVerdict,
  type Verdict,
  type Verdicts,
} from "../../../src/campaign/lifecycle/move_messages.ts";
import type { TransactionSql } from "../../../src/platform/postgres.ts";

export * from "../../../src/campaign/lifecycle/move_messages.ts";

export async function moveMessages(transaction: TransactionSql, bulksmsId: string, verdicts: Verdicts): Promise<MovedMessages> {
  const moved: MovedMessages = { progress: null, partsCharged: 0n, unmoved: [] };
  for (const [rowNo, kind] of verdicts.kindOf) {
    const single = emptyVerdicts();
    setVerdict(single, rowNo, verdicts.kinds[kind] as Verdict);
    const one = await moveTogether(transaction, bulksmsId, single);
    moved.progress = one.progress ?? moved.progress;
    moved.partsCharged += one.partsCharged;
    moved.unmoved.push(...one.unmoved);
  }
  return moved;
}
