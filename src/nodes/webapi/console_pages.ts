// The console's built pages (dist/console): the one index.html at every path that a page lives
// under, its assets, and the content security policy.
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import fastifyStatic from "@fastify/static";
import type { FastifyReply, FastifyRequest } from "fastify";
import { consolePaths } from "../../contracts/console.ts";
import type { HttpServer } from "../../platform/http.ts";
import { type SalesapiAddress, salesapiSeenBy } from "./session_routes.ts";

/** From src as from dist three folders up. */
const builtFolder = join(import.meta.dirname, "..", "..", "..", "dist", "console");

export async function addConsolePages(app: HttpServer, salesapi: SalesapiAddress, folder: string = builtFolder): Promise<void> {
  // lab and tests run from sources: without a build there is an API and no console
  if (!existsSync(join(folder, "index.html"))) return;
  const options = { config: { rateLimit: false }, schema: { hide: true } } as const;
  // read each time: a build under a running system has new assets
  const sendPage = async (request: FastifyRequest, reply: FastifyReply) =>
    reply
      .type("text/html; charset=utf-8")
      .header("cache-control", "no-cache")
      .header("content-security-policy", policyFor(request, salesapi))
      .send(await readFile(join(folder, "index.html")));
  for (const path of consolePaths) app.get(path, options, sendPage);
  // their names carry a hash of what is in them
  await app.register(fastifyStatic, {
    root: join(folder, "assets"),
    prefix: "/assets/",
    decorateReply: false,
    index: false,
    immutable: true,
    maxAge: "365d",
    schemaHide: true,
  });
  const sendIcon = async (_request: FastifyRequest, reply: FastifyReply) =>
    reply
      .type("image/svg+xml")
      .header("cache-control", "max-age=86400")
      .send(await readFile(join(folder, "favicon.svg")));
  for (const path of ["/favicon.svg", "/favicon.ico"]) app.get(path, options, sendIcon);
}

/**
 * Nothing but our own: scripts and styles in files, requests to this listener, its WebSocket and
 * salesapi.
 */
function policyFor(request: FastifyRequest, address: SalesapiAddress): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "worker-src 'self'",
    `connect-src 'self' ws://${request.host} wss://${request.host} ${salesapiSeenBy(request, address)}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
}
