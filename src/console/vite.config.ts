// Builds the console's pages into dist/console, which webapi serves. Called by `npm run build`.
import { join } from "node:path";
import { defineConfig } from "vite";

const here = import.meta.dirname;

export default defineConfig({
  root: here,
  base: "/",
  logLevel: "warn",
  oxc: { jsx: { runtime: "automatic" } },
  resolve: {
    alias: [
      // the import's reader decodes bytes with Node's buffers; a browser has TextDecoder
      { find: /^\.\/csv_text\.ts$/, replacement: join(here, "send", "csv_text.ts") },
    ],
  },
  worker: { format: "es" },
  build: {
    outDir: join(here, "..", "..", "dist", "console"),
    emptyOutDir: true,
    // the content security policy allows no data: but for images
    assetsInlineLimit: 0,
    target: "es2022",
    reportCompressedSize: false,
  },
});
