// `bulksms sales_worker start --join`: adds a process by hand to those of `bulksms up`, with the
// settings of its data folder.
import { resolve } from "node:path";
import { type ProcessName, processes } from "../contracts/processes.ts";
import { settings } from "../contracts/settings.ts";
import { isSystemRunning, readDataFolderSettings } from "../local/data_folder.ts";
import { EngineError } from "../local/engines/engine_error.ts";
import { portsOf, settingsOf } from "../local/system_settings.ts";

/**
 * Fills the environment before the process reads its settings from it. Existing values stay; ports
 * are replaced by free ones.
 * @throws EngineError when nothing runs there
 */
export function joinSystem(name: ProcessName, folder: string | undefined): void {
  const path = resolve(folder ?? (process.env.BULKSMS_DATA || settings.BULKSMS_DATA.default));
  if (!isSystemRunning(path)) {
    throw new EngineError(
      `no system runs in ${path}`,
      "there is nothing to join",
      "start one with `npx bulksms up`, or name its folder: --join DIR",
    );
  }
  for (const [setting, value] of Object.entries(joinSettings(name, readDataFolderSettings(path)))) process.env[setting] ??= value;
}

/**
 * Settings of an additional process of this name: those of the first, but with ports of its own.
 */
export function joinSettings(name: ProcessName, all: Readonly<Record<string, string>>): Record<string, string> {
  const ownPorts = portsOf(processes[name]).map(({ portSetting }) => [portSetting, "0"]);
  return { ...settingsOf(name, all), ...Object.fromEntries(ownPorts) };
}
