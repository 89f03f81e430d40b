// One process at a time on a journal: a local socket named after the folder, which the system frees
// when its holder dies, however it dies. A second simulator on the same folder is refused instead
// of mixing its records in.
import { createHash } from "node:crypto";
import { mkdir, realpath, rm } from "node:fs/promises";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** @returns the release. @throws Error when another process has the folder */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  await mkdir(folder, { recursive: true });
  const name = createHash("sha256")
    .update(await realpath(folder))
    .digest("hex")
    .slice(0, 24);
  // Linux has socket names outside the file system; elsewhere a file is left behind by a crash and
  // must be looked at
  const isAbstract = process.platform === "linux";
  const path = isAbstract ? `\0bulksms-carrier-${name}` : join(tmpdir(), `bulksms-carrier-${name}.sock`);
  let server = await listenOn(path);
  if (server === null && !isAbstract && !(await isAnswered(path))) {
    await rm(path, { force: true });
    server = await listenOn(path);
  }
  if (server === null) throw new Error(`another simulator works on ${folder}; stop it, or set BULKSMS_SIMULATOR_DATA to another folder`);
  const held = server;
  held.unref();
  return () => new Promise((resolve) => held.close(() => resolve()));
}

function listenOn(path: string): Promise<Server | null> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", (error: NodeJS.ErrnoException) => (error.code === "EADDRINUSE" ? resolve(null) : reject(error)));
    server.listen(path, () => resolve(server));
  });
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
