// Tests of the whole project, beside the code that they hold. A file's name says what it needs:
//   *.test.ts           pure: neither engine nor system; all of them end within seconds
//   *.database.test.ts  a real Postgres and a real Redis, which start once for all files
//   *.system.test.ts    whole processes, on data folders and engines of their own
//   *.proof.test.ts     the lab's proofs and measurements in small, files of the largest size:
//                       minutes of CPU (npm run test:proofs)
//   *.foreign.test.ts   peers from Debian and npm, which may be missing (testing/peers.ts)
import { defineConfig } from "vitest/config";
import { LongFilesFirst } from "./testing/long_files_first.ts";
import { testProjects } from "./testing/projects.ts";
import { runsFactor } from "./testing/random_runs.ts";

export default defineConfig({
  test: {
    // Whole clusters run in some files, and mostly wait; more at once only take each other's time.
    maxWorkers: 3,
    sequence: { sequencer: LongFilesFirst },
    teardownTimeout: 20_000,
    projects: testProjects.map(({ name, include, exclude, hasEngines, hasClusters }) => ({
      test: {
        name,
        include: [...include],
        exclude: [...exclude],
        globalSetup: [...(hasEngines ? ["testing/engines.ts"] : []), ...(hasClusters ? ["testing/data_folder_template.ts"] : [])],
        env: { TEST_PROJECT: name },
        // Loading the same modules anew for each file took more than half of the CPU. What a file
        // changes for the whole process (environment, globals), it puts back.
        isolate: hasClusters || name === "foreign",
        // The limit finds what hangs on a busy machine of two cores, not what is slow.
        testTimeout: 30_000 * runsFactor,
        hookTimeout: 60_000,
        // processes, servers and a network on two busy cores: once more where nobody watches
        retry: process.env.CI && name !== "pure" ? 1 : 0,
      },
    })),
  },
});
