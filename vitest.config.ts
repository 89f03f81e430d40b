// Tests of the whole project: beside the code, on real engines that start once for all files.
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "lab/**/*.test.ts", "testing/**/*.test.ts", "bin/**/*.test.ts"],
    globalSetup: ["testing/engines.ts"],
    // Real processes on a busy machine of two cores: the limit finds what hangs, not what is slow.
    testTimeout: 30_000,
    hookTimeout: 60_000,
    teardownTimeout: 20_000,
    // Whole clusters of processes run in some files, and mostly wait; more at once only take each
    // other's time.
    maxWorkers: 3,
  },
});
