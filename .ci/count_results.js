// Adds up the results that vitest left as *.result.json in a folder, one file per run. Prints
// "N passed, N failed"; exit 0 only when every run was well. Called by .ci/run.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const folder = process.argv[2];
const names = readdirSync(folder).filter((name) => name.endsWith(".result.json"));
const results = names.map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")));
const sum = (read) => results.reduce((total, result) => total + read(result), 0);

// A file that could not even be loaded has no tests to count: it counts as one that failed.
const hasFailedTest = ({ assertionResults }) => assertionResults.some(({ status }) => status === "failed");
const broken = results.flatMap(({ testResults }) => testResults).filter((file) => file.status === "failed" && !hasFailedTest(file));
for (const { name, message } of broken) console.error(`failed: ${name}: ${message ?? ""}`.trim());

const skipped = sum(({ numPendingTests, numTodoTests }) => numPendingTests + (numTodoTests ?? 0));
if (skipped > 0) console.error(`skipped: ${skipped}`);

const failures = sum(({ numFailedTests }) => numFailedTests) + broken.length;
const isWell = names.includes("main.result.json") && results.every(({ numPassedTests, success }) => numPassedTests > 0 && success);
console.log(`${sum(({ numPassedTests }) => numPassedTests)} passed, ${failures} failed`);
process.exitCode = failures === 0 && isWell ? 0 : 1;
