// Tests of the console in a real browser, on the real system: `npm run test:browser`. Needs
// Chromium (BULKSMS_CHROMIUM, else the usual places), and says so.
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["lab/**/*.browser.ts", "testing/**/*.browser.ts"],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    teardownTimeout: 20_000,
    fileParallelism: false,
    // a browser, six processes and two servers on two busy cores: once more where nobody watches
    retry: process.env.CI ? 1 : 0,
  },
});
