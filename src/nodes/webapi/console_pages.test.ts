import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterEach, expect, test } from "vitest";
import { consolePaths } from "../../contracts/console.ts";
import { createHttpServer } from "../../platform/http.ts";
import { createMetrics } from "../../platform/metrics.ts";
import { addConsolePages } from "./console_pages.ts";

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function serve({ isBuilt = true, salesapiPublicUrl = "" } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "bulksms-pages-"));
  closing.push(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, "secret.txt"), "not for the web");
  if (isBuilt) {
    mkdirSync(join(folder, "assets"));
    writeFileSync(join(folder, "index.html"), "<title>the page</title>");
    writeFileSync(join(folder, "favicon.svg"), "<svg/>");
    writeFileSync(join(folder, "assets", "index-abc.js"), "1");
  }
  const app = await createHttpServer({
    name: "webapi",
    description: "pages",
    log: pino({ level: "silent" }),
    metrics: createMetrics("webapi"),
    checks: {},
    host: "127.0.0.1",
    allowedHosts: [],
    requestsPerMinute: 2,
  });
  closing.push(() => app.close());
  await addConsolePages(app, { salesapiUrl: "http://10.0.0.5:8002", salesapiPublicUrl }, folder);
  return (url: string, host = "localhost:8000") => app.inject({ method: "GET", url, headers: { host } });
}

test("every path of the console has the page, so a reload in the middle works; other paths have none", async () => {
  const get = await serve();
  for (const path of consolePaths) {
    const answer = await get(path.replace("*", "0198/12"));
    expect([answer.statusCode, answer.body, answer.headers["cache-control"]], path).toEqual([200, "<title>the page</title>", "no-cache"]);
  }
  expect((await get("/nowhere")).json()).toMatchObject({ code: "not_found" });
});

test("a page may run and fetch nothing but its own, and ask salesapi by the name that the browser knows", async () => {
  const get = await serve();
  const policy = String((await get("/", "127.0.0.1:8000")).headers["content-security-policy"]);
  expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self';");
  expect(policy).toContain("connect-src 'self' ws://127.0.0.1:8000 wss://127.0.0.1:8000 http://127.0.0.1:8002;");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).not.toContain("unsafe");
  const elsewhere = await serve({ salesapiPublicUrl: "https://sales.example" });
  expect(String((await elsewhere("/")).headers["content-security-policy"])).toContain(" https://sales.example;");
});

test("an asset is kept forever, and nothing outside the assets can be had", async () => {
  const get = await serve();
  const asset = await get("/assets/index-abc.js");
  expect([asset.statusCode, asset.headers["cache-control"]]).toEqual([200, "public, max-age=31536000, immutable"]);
  expect((await get("/favicon.ico")).headers["content-type"]).toContain("image/svg+xml");
  for (const path of ["/assets/../secret.txt", "/assets/..%2fsecret.txt", "/assets/%2e%2e/secret.txt", "/assets/", "/secret.txt"]) {
    expect((await get(path)).body, path).not.toContain("not for the web");
  }
});

test("without a build there is no page, and the rest of webapi is there", async () => {
  const get = await serve({ isBuilt: false });
  expect((await get("/")).statusCode).toBe(404);
  expect((await get("/health")).statusCode).toBe(200);
});
