// How often a random test draws: as often as its file says while one works, TEST_RUNS times as
// often in a long search (CONTRIBUTING.md). A failure prints its seed; TEST_SEED repeats it.

/** @throws Error unless it is a whole number from 1 to 99,999 */
export function runsFactorOf(text: string | undefined): number {
  if (text === undefined) return 1;
  if (!/^[1-9]\d{0,4}$/.test(text)) throw new Error(`TEST_RUNS=${text}: a whole number from 1 to 99999 is needed`);
  return Number(text);
}

export const runsFactor = runsFactorOf(process.env.TEST_RUNS);

/** The runs of a property whose file says `count`. */
export const randomRuns = (count: number): number => count * runsFactor;
