// The order of test files: the projects with the longest ones first, and in each the longest first,
// so that no worker is left alone with minutes of work while the others have none. vitest itself
// goes by the projects' names, and on a machine that has no results yet by the files' sizes.
import { relative } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

const projectOrder = ["proof", "foreign", "system", "database", "pure"];

/** Those of more than some five seconds, longest first, as vitest's JSON reporter has them. */
export const longFiles = [
  "lab/measure/benchmark/benchmark.proof.test.ts",
  "lab/break/verify/verify.proof.test.ts",
  "testing/interrupted_imports.proof.test.ts",
  "testing/large_workbook.proof.test.ts",
  "lab/break/compose/interrupted.proof.test.ts",
  "lab/prove/model/guards.proof.test.ts",
  "lab/prove/model/model.proof.test.ts",
  "lab/prove/model/doubt/doubt_model.proof.test.ts",
  "src/cli/commands.system.test.ts",
  "testing/up.system.test.ts",
  "testing/end_to_end.system.test.ts",
  "testing/carriers.system.test.ts",
  "bin/build_if_changed.system.test.ts",
  "testing/upgrade.system.test.ts",
  "src/laws/check_laws.database.test.ts",
  "src/nodes/salesapi/create_files.database.test.ts",
  "src/nodes/sales_worker/campaign_flow.database.test.ts",
  "testing/upgrade_schema.database.test.ts",
  "src/campaign/import/import_campaign.database.test.ts",
  "src/campaign/links/link_loop.database.test.ts",
  "src/cli/check_watch.database.test.ts",
  "src/nodes/webapi/sockets.database.test.ts",
  "src/accounts/authenticator.database.test.ts",
  "src/simulator/simulator.test.ts",
  "src/simulator/dialects/smpp.test.ts",
  "src/simulator/dialects/smpp_link.test.ts",
  "src/simulator/dialects/twilio.test.ts",
  "src/carriers/smpp/conformance.test.ts",
  "src/contacts/xlsx/workbook_reader.test.ts",
  "src/simulator/weather.test.ts",
  "src/webhooks/sender.test.ts",
];

export class LongFilesFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const places = new Map(sorted.map((file) => [file, this.placeOf(file)]));
    // the sort is stable: within a place the order of vitest remains
    return sorted.sort((a, b) => (places.get(a) ?? 0) - (places.get(b) ?? 0));
  }

  private placeOf(file: TestSpecification): number {
    const long = longFiles.indexOf(relative(this.ctx.config.root, file.moduleId).replaceAll("\\", "/"));
    const within = long === -1 ? longFiles.length : long;
    return projectOrder.indexOf(file.project.name) * (longFiles.length + 1) + within;
  }
}
