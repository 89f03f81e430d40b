// What the databases do for one message in its whole life, import included: WAL, pages, row updates
// and the share of them that touch no index. Counted once, since counts do not change with the
// weather of the machine, in campaigns that also warm what is measured afterwards.
import { type Databases, type DatabaseWork, untilCounted, workBetween } from "../sampling/databases.ts";
import { originalMaxMs, type Subjects } from "./measured_subjects.ts";
import type { Sizes } from "./plan.ts";
import type { CountedWork, SubjectName } from "./results.ts";

type Counted = Partial<Record<SubjectName, CountedWork>>;

/** @param fileOf a CSV file of this many contacts */
export async function countWork(
  { ours, original, store }: Subjects,
  { counted }: Pick<Sizes, "counted">,
  fileOf: (contacts: number) => string,
): Promise<Counted> {
  const counting: { subject: SubjectName; messages: number; databases: Databases; before: DatabaseWork }[] = [];
  const begin = async (subject: SubjectName, messages: number, databases: Databases): Promise<void> => {
    counting.push({ subject, messages, databases, before: await databases.work() });
  };
  await begin("batched", counted.batched, ours.databases);
  await ours.system.send(await ours.system.create(fileOf(counted.batched)));
  await begin("store", counted.store, store.databases);
  await store.system.live(await store.system.prepare(counted.store));
  if (original !== null) {
    await begin("original", counted.original, original.databases);
    const campaign = await original.system.create(counted.original);
    await original.system.run(campaign);
    await original.system.untilQuiet(campaign, originalMaxMs(counted.original));
  }
  await untilCounted(performance.now());
  const found: Counted = {};
  for (const { subject, messages, databases, before } of counting) {
    found[subject] = { messages, ...workBetween(before, await databases.work(), messages) };
  }
  return found;
}
