// A `docker` for tests of what is done when the proof is interrupted: a script that writes down
// each call, knows whether its stack is up, and hangs where it is told to. Nothing of it is real.
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

export interface FakeDocker {
  /** The environment's PATH with it in front. */
  path: string;
  /** Each call's words, in order. */
  calls(): string[];
  remove(): void;
}

export interface FakeOptions {
  /** Calls that begin with these words (without those that name the project) never end. */
  hangsAt?: string;
  /** `compose down` fails, and a volume stays. */
  cannotRemove?: boolean;
}

const container = JSON.stringify([
  {
    Id: "c1",
    Name: "/redis",
    RestartCount: 0,
    Config: { Labels: { "com.docker.compose.service": "redis", "com.docker.compose.container-number": "1" } },
    State: { Status: "running", StartedAt: "2026-01-01T00:00:00Z", ExitCode: 0, Health: { Status: "starting" } },
  },
]);

export function makeFakeDocker({ hangsAt = "nothing", cannotRemove = false }: FakeOptions = {}): FakeDocker {
  const folder = mkdtempSync(join(tmpdir(), "bulksms-fake-docker-"));
  const bin = join(folder, "bin");
  mkdirSync(bin);
  writeFileSync(join(folder, "calls"), "");
  writeFileSync(join(folder, "container.json"), container);
  // a child of its own for what hangs, as Compose is one of docker
  const script = `#!/bin/sh
cd ${folder}
words=$(printf '%s ' "$@" | sed -e 's/--project-name .*override.json //' -e 's/ $//')
echo "$words" >> calls
case "$words" in "${hangsAt}"*) sleep 600; exit 1 ;; esac
case "$words" in
  version*) echo 27.0.0 ;;
  "compose version"*) echo 2.30.0 ;;
  "image inspect --format"*) echo 1000000 ;;
  "run --rm"*) echo BULKSMS_ADMIN_KEY=only-for-this-test ;;
  "compose up"*) touch up ;;
  "compose --profile check down"*) ${cannotRemove ? "echo no permission >&2; exit 1" : "rm -f up"} ;;
  "ps "*) [ -f up ] && echo c1 ;;
  "inspect c1") cat container.json ;;
  "volume ls"*) [ -f up ] && echo v1 ;;
esac
exit 0
`;
  writeFileSync(join(bin, "docker"), script);
  chmodSync(join(bin, "docker"), 0o755);
  return {
    path: `${bin}${delimiter}${process.env.PATH}`,
    calls: () => readFileSync(join(folder, "calls"), "utf8").split("\n").slice(0, -1),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
