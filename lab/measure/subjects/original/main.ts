// Entry point of each of the original's processes: `tsx lab/measure/subjects/original/main.ts
// NAME`. Started by original_system.ts alone.
import { startSalesWorker } from "./sales_worker.ts";
import { startSalesapi } from "./salesapi.ts";
import { startWebapi } from "./webapi.ts";
import { type OriginalProcessName, type OriginalSettings, settingsVariable } from "./words.ts";

const starts: Record<OriginalProcessName, (settings: OriginalSettings) => Promise<void>> = {
  webapi: startWebapi,
  salesapi: startSalesapi,
  sales_worker: startSalesWorker,
};

const name = process.argv[2] as OriginalProcessName;
await starts[name](JSON.parse(process.env[settingsVariable] ?? "{}") as OriginalSettings);
// the one who started it waits for this line
process.stdout.write("ready\n");
