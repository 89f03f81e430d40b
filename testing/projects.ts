// The five projects of vitest.config.ts: which files each runs, and what it may ask for.

interface TestProject {
  name: "pure" | "database" | "system" | "proof" | "foreign";
  include: readonly string[];
  exclude: readonly string[];
  /** Postgres and Redis of testing/engines.ts run before its first file. */
  hasEngines: boolean;
  /** Its clusters start on copies of one data folder (testing/data_folder_template.ts). */
  hasClusters: boolean;
}

const rooms = "{bin,src,lab,testing}";
const kinds = ["database", "system", "proof", "foreign"] as const;

export const testProjects: readonly TestProject[] = [
  {
    name: "pure",
    include: [`${rooms}/**/*.test.ts`],
    exclude: kinds.map((kind) => `**/*.${kind}.test.ts`),
    hasEngines: false,
    hasClusters: false,
  },
  ...kinds.map((kind) => ({
    name: kind,
    include: [`${rooms}/**/*.${kind}.test.ts`],
    exclude: [],
    hasEngines: kind === "database",
    hasClusters: kind === "system" || kind === "proof",
  })),
];

/** @throws Error in a test of the project pure, which promises to be quick and to need nothing */
export function refuseInPure(what: string, kind: "database" | "system"): void {
  if (process.env.TEST_PROJECT !== "pure") return;
  throw new Error(`a pure test asked for ${what}: rename its file to *.${kind}.test.ts`);
}
