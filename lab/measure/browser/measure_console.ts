// How fast the console is in a real browser on the real system: first load, a file of 200 MB, a
// table of 100,000 rows. A benchmark, not a test.
import { statSync } from "node:fs";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { mintConsoleLink } from "../../../src/cli/console_link.ts";
import { launchChromium } from "../../../testing/chromium.ts";
import type { Cluster } from "../../../testing/cluster.ts";
import { type ContactFiles, openContactFiles } from "../subjects/contact_files.ts";
import { type OurSystem, startOurs } from "../subjects/ours.ts";

export interface ConsoleFigures {
  /**
   * Milliseconds from the navigation, with nothing cached, until the page shows the campaigns and
   * responds to a click; one per load.
   */
  interactiveMs: number[];
  preview: {
    bytes: number;
    contacts: number;
    /** From the choice of the file until its columns and first rows are visible. */
    firstSightMs: number;
    /** Until every row is checked. */
    judgedMs: number;
    /** Longest time meanwhile in which the page drew nothing: how long it was unresponsive. */
    longestStallMs: number;
  };
  table: { contacts: number; frames: number; frameP95Ms: number; longestFrameMs: number; endsWithRow: number };
}

const loads = 7;
const previewBytes = 200_000_000;
/** About 27 bytes each. */
const previewContacts = 7_400_000;
const tableContacts = 100_000;
const scrollSteps = 120;
const wheelPx = 900;
const judgedMaxMs = 300_000;

/**
 * Starts a system and a browser, measures, and stops both. Calls `onBegin` before each step.
 * @throws when there is no browser
 */
export async function measureConsole(onBegin: (what: string) => void): Promise<ConsoleFigures> {
  onBegin("starting the browser and the system");
  const browser = await launchChromium();
  const files = openContactFiles();
  let ours: OurSystem | null = null;
  try {
    ours = await startOurs();
    const { cluster } = ours;
    const context = await signIn(browser, cluster);
    onBegin("loading the first page");
    const interactiveMs = await measureLoads(browser, context, cluster);
    const page = await context.newPage();
    onBegin("writing and choosing a file of 200 MB");
    const preview = await measurePreview(page, cluster, files);
    onBegin("scrolling through 100,000 rows");
    const table = await measureTable(page, ours, files);
    return { interactiveMs, preview, table };
  } finally {
    await browser.close();
    await ours?.stop();
    files.remove();
  }
}

async function signIn(browser: Browser, cluster: Cluster): Promise<BrowserContext> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  const { adminKey, workspaceId } = cluster;
  await page.goto(await mintConsoleLink({ webapiUrl: cluster.urls.webapi as string, adminKey, workspaceId }));
  await page.getByRole("heading", { name: "Campaigns" }).waitFor();
  await page.close();
  return context;
}

/** Each in a context of its own: same cookie, empty cache. */
async function measureLoads(browser: Browser, signedIn: BrowserContext, cluster: Cluster): Promise<number[]> {
  const measured: number[] = [];
  for (let load = 0; load < loads; load++) {
    const context = await browser.newContext({ storageState: await signedIn.storageState() });
    const page = await context.newPage();
    await page.goto(`${cluster.urls.webapi}/campaigns`, { waitUntil: "commit" });
    await page
      .getByRole("link", { name: /New campaign|Text your first people/ })
      .first()
      .click({ trial: true });
    measured.push(await page.evaluate<number>("performance.now()"));
    await context.close();
  }
  return measured;
}

async function measurePreview(page: Page, cluster: Cluster, files: ContactFiles): Promise<ConsoleFigures["preview"]> {
  const file = files.of(previewContacts);
  const { size: bytes } = statSync(file);
  if (bytes < previewBytes) throw new Error(`the file has ${bytes} bytes only`);
  await page.goto(`${cluster.urls.webapi}/send`);
  await page.getByText("Drop a CSV file here").waitFor();
  await beginFrames(page);
  const startedAt = performance.now();
  await page.setInputFiles("#contacts", file);
  await page.getByText("the file's first rows").waitFor({ state: "attached" });
  const firstSightMs = performance.now() - startedAt;
  await page.getByText(/ of .* read$/).waitFor({ state: "hidden", timeout: judgedMaxMs });
  const judgedMs = performance.now() - startedAt;
  const gaps = await endFrames(page);
  const contacts = Number((await page.locator(".verdict-line .figure").innerText()).replaceAll(",", ""));
  return { bytes, contacts, firstSightMs, judgedMs, longestStallMs: Math.max(...gaps) };
}

/** The campaign is created and never run: its rows do not change while the table scrolls. */
async function measureTable(page: Page, { cluster, create }: OurSystem, files: ContactFiles): Promise<ConsoleFigures["table"]> {
  const { id, contacts } = await create(files.of(tableContacts));
  await page.goto(`${cluster.urls.webapi}/campaigns/${id}`);
  const rows = page.locator(".message-scroll");
  await rows.getByRole("link", { name: "1", exact: true }).waitFor();
  await rows.hover();
  await beginFrames(page);
  for (let step = 0; step < scrollSteps; step++) await page.mouse.wheel(0, wheelPx);
  const gaps = (await endFrames(page)).toSorted((a, b) => a - b);
  await rows.press("End");
  await rows.getByRole("link", { name: contacts.toLocaleString("en-US"), exact: true }).waitFor();
  const frameP95Ms = gaps[Math.floor(gaps.length * 0.95)] as number;
  return { contacts, frames: gaps.length, frameP95Ms, longestFrameMs: gaps.at(-1) as number, endsWithRow: contacts };
}

/** Records the time between each frame that the page draws and the next one. */
async function beginFrames(page: Page): Promise<void> {
  await page.evaluate(`(() => {
    const gaps = (window.frameGaps = []);
    let last = performance.now();
    requestAnimationFrame(function tick() {
      const now = performance.now();
      gaps.push(now - last);
      last = now;
      if (window.frameGaps === gaps) requestAnimationFrame(tick);
    });
  })()`);
}

async function endFrames(page: Page): Promise<number[]> {
  return page.evaluate<number[]>("(() => { const gaps = window.frameGaps; window.frameGaps = null; return gaps; })()");
}
