import fc from "fast-check";
import { expect, test } from "vitest";
import { type Container, isBack, isDone, isHealthy, parseContainers, restartedUnasked } from "./containers.ts";

interface Given {
  id?: string;
  service?: string;
  number?: number;
  oneOff?: string;
  status?: string;
  health?: string | null;
  restarts?: number;
  startedAt?: string;
  exitCode?: number;
}

/** As `docker inspect` prints one, without what nobody reads. */
function inspected({ id = "0a1b", service = "rpc", number = 1, oneOff = "False", health = "healthy", ...state }: Given = {}) {
  return {
    Id: id,
    Name: `/bulksms_${service}_${number}`,
    RestartCount: state.restarts ?? 0,
    Config: {
      Labels: {
        "com.docker.compose.project": "bulksms",
        "com.docker.compose.service": service,
        "com.docker.compose.container-number": String(number),
        "com.docker.compose.oneoff": oneOff,
      },
    },
    State: {
      Status: state.status ?? "running",
      StartedAt: state.startedAt ?? "2026-01-01T00:00:00.000000001Z",
      ExitCode: state.exitCode ?? 0,
      ...(health === null ? {} : { Health: { Status: health, FailingStreak: 0, Log: [] } }),
    },
  };
}

const parseOne = (given: Given = {}): Container => parseContainers(JSON.stringify([inspected(given)]))[0] as Container;

test("containers come sorted by service and number, each with its state", () => {
  const given = [inspected({ service: "sales_worker", number: 10 }), inspected({ service: "sales_worker", number: 2 }), inspected()];
  expect(parseContainers(JSON.stringify(given)).map(({ name }) => name)).toEqual(["rpc 1", "sales_worker 2", "sales_worker 10"]);
  expect(parseOne({ restarts: 3, status: "exited", exitCode: 137, health: "unhealthy" })).toEqual({
    id: "0a1b",
    name: "rpc 1",
    service: "rpc",
    status: "exited",
    health: "unhealthy",
    restarts: 3,
    startedAt: "2026-01-01T00:00:00.000000001Z",
    exitCode: 137,
  });
});

test("a one-off container of `compose run` is left out, as both forms of Compose mark it", () => {
  for (const oneOff of ["True", "true"]) expect(parseContainers(JSON.stringify([inspected({ oneOff })]))).toEqual([]);
  for (const oneOff of ["False", "false"]) expect(parseContainers(JSON.stringify([inspected({ oneOff })]))).toHaveLength(1);
});

test("what is not the output of docker inspect is refused", () => {
  for (const text of ["", "{}", "[{}]", '[{"Id":"0a1b"}]', "Error: No such object"]) expect(() => parseContainers(text)).toThrow();
});

test("healthy is only what runs and says so; done is only what ended with 0", () => {
  expect(isHealthy(parseOne())).toBe(true);
  for (const health of ["starting", "unhealthy", null]) expect(isHealthy(parseOne({ health }))).toBe(false);
  for (const status of ["created", "restarting", "exited", "dead", "paused"]) expect(isHealthy(parseOne({ status }))).toBe(false);
  expect(isDone(parseOne({ status: "exited" }))).toBe(true);
  expect(isDone(parseOne({ status: "exited", exitCode: 1 }))).toBe(false);
  expect(isDone(parseOne())).toBe(false);
});

test("a container is back only when it was restarted, by the same id, and is healthy since", () => {
  const before = parseOne();
  const later = "2026-01-01T00:01:00Z";
  expect(isBack(before, parseOne({ restarts: 1, startedAt: later }))).toBe(true);
  // the moment after the kill, when the engine has not noticed yet
  expect(isBack(before, parseOne())).toBe(false);
  expect(isBack(before, undefined)).toBe(false);
  expect(isBack(before, parseOne({ restarts: 1, startedAt: later, health: "starting" }))).toBe(false);
  expect(isBack(before, parseOne({ restarts: 1, startedAt: later, status: "restarting" }))).toBe(false);
  expect(isBack(before, parseOne({ id: "ffff", restarts: 1, startedAt: later }))).toBe(false);
});

test("exactly those that restarted more often than they were killed are named", () => {
  const container = fc.record({ id: fc.uuid(), restarts: fc.nat(3), killed: fc.nat(3) });
  fc.assert(
    fc.property(fc.uniqueArray(container, { selector: ({ id }) => id }), (all) => {
      const containers = all.map(({ id, restarts }) => parseOne({ id, restarts }));
      const kills = new Map(all.filter(({ killed }) => killed > 0).map(({ id, killed }) => [id, killed]));
      const named = restartedUnasked(containers, kills).map(({ id }) => id);
      expect(named).toEqual(all.filter(({ restarts, killed }) => restarts > killed).map(({ id }) => id));
    }),
  );
});
