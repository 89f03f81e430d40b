// The browser of the console's tests: Debian's Chromium, or the one that is named. Installs
// nothing.
import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

const usualPlaces = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/** @throws Error that says what to install when there is none */
export function launchChromium(): Promise<Browser> {
  const named = process.env.BULKSMS_CHROMIUM;
  const executablePath = named ?? usualPlaces.find((place) => existsSync(place));
  if (executablePath === undefined || !existsSync(executablePath)) {
    throw new Error(
      `NO BROWSER: ${named === undefined ? "Chromium is not installed" : `${named} is not there`}. Install it (Debian: apt-get install chromium), or name one in BULKSMS_CHROMIUM.`,
    );
  }
  // as root, as in most containers, Chromium has no sandbox of its own; the pages are ours
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  return chromium.launch({ executablePath, args });
}
