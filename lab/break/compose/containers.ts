// Containers of one Compose project as `docker inspect` describes them. Pure; the same for both
// forms of Compose, whose own lists differ.
import { z } from "zod";

const inspected = z.array(
  z.object({
    Id: z.string(),
    Name: z.string(),
    RestartCount: z.number(),
    Config: z.object({ Labels: z.record(z.string(), z.string()) }),
    State: z.object({
      Status: z.string(),
      StartedAt: z.string(),
      ExitCode: z.number(),
      Health: z.object({ Status: z.string() }).nullish(),
    }),
  }),
);

export interface Container {
  id: string;
  /** Without the project: `sales_worker 2`. */
  name: string;
  service: string;
  /** created, running, restarting, exited, ... */
  status: string;
  /** null: it has no health check. */
  health: string | null;
  /** Since it was created, by the engine's restart policy. */
  restarts: number;
  startedAt: string;
  exitCode: number;
}

/** Sorted by service and number, without those of `compose run`. @throws ZodError, SyntaxError */
export function parseContainers(inspectJson: string): Container[] {
  const containers = inspected
    .parse(JSON.parse(inspectJson))
    .filter(({ Config }) => Config.Labels["com.docker.compose.oneoff"]?.toLowerCase() !== "true")
    .map(({ Id, RestartCount, Config, State }) => ({
      id: Id,
      name: `${Config.Labels["com.docker.compose.service"]} ${Config.Labels["com.docker.compose.container-number"]}`,
      service: Config.Labels["com.docker.compose.service"] ?? "",
      status: State.Status,
      health: State.Health?.Status ?? null,
      restarts: RestartCount,
      startedAt: State.StartedAt,
      exitCode: State.ExitCode,
    }));
  return containers.sort((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }));
}

/** It runs and its health check passes; without a health check it never is. */
export function isHealthy({ status, health }: Container): boolean {
  return status === "running" && health === "healthy";
}

/** Ended by itself and well: what a service that runs once looks like. */
export function isDone({ status, exitCode }: Container): boolean {
  return status === "exited" && exitCode === 0;
}

/** Died, was started anew by the engine's restart policy, and is healthy again. */
export function isBack(before: Container, now: Container | undefined): boolean {
  if (now === undefined || now.id !== before.id) return false;
  return now.restarts > before.restarts && now.startedAt !== before.startedAt && isHealthy(now);
}

/** Those restarted more often than they were killed. @param kills how often each was, by id */
export function restartedUnasked(containers: readonly Container[], kills: ReadonlyMap<string, number>): Container[] {
  return containers.filter(({ id, restarts }) => restarts > (kills.get(id) ?? 0));
}
