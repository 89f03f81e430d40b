// The lab's page: break the system from the picture, and read the verdict under it.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launchChromium } from "../../../testing/chromium.ts";
import { type LabConsole, openLabConsole } from "./lab_console.ts";

let browser: Browser;
let lab: LabConsole;
let page: Page;
const faults: string[] = [];

beforeAll(async () => {
  browser = await launchChromium();
  lab = await openLabConsole();
  page = await browser.newPage({ viewport: { width: 1280, height: 1000 } });
  page.on("pageerror", (error) => faults.push(error.message));
});
afterAll(async () => {
  await browser?.close();
  await lab?.close();
});

const verdict = () => page.getByRole("region", { name: "verdict" });
const press = (name: string | RegExp) => page.getByRole("button", { name }).first().click();

test("a killed worker and lost replies, from the picture, end in a verdict that holds", async () => {
  await page.goto(lab.link());
  await page.getByRole("heading", { name: "Break it" }).waitFor();
  expect(new URL(page.url()).hash).toBe("");
  await press("Text 400 people");
  await verdict().getByText("1 campaigns under way").waitFor();
  // a line's middle is not on the line, so use the keyboard, which must work as well
  await page.getByRole("button", { name: /^sales_worker to simulator/ }).focus();
  await page.keyboard.press("Enter");
  await press("Lose replies");
  await expect.poll(() => page.getByRole("button", { name: "Lose replies" }).getAttribute("aria-pressed")).toBe("true");
  await press(/^sales_worker, alive/);
  await press("Kill (-9)");
  await page
    .getByRole("region", { name: "what happened" })
    .getByText(/sales_worker/)
    .first()
    .waitFor();
  const folder = process.env.BULKSMS_SCREENSHOTS;
  if (folder !== undefined) {
    mkdirSync(folder, { recursive: true });
    await page.screenshot({ path: join(folder, "lab.png"), fullPage: true });
  }
  await press("Make all whole");
  await verdict().getByText("Every promise held").waitFor({ timeout: 90_000 });
  await verdict().getByText("400 of 400 messages ended").waitFor();
  expect(faults).toEqual([]);
}, 150_000);
