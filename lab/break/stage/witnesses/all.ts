// The witnesses of every run (lab/break/stage/run_scenario.ts), beside the laws of `bulksms check`.
// They conclude one after another, in this order: the last one wipes Redis.
import type { OpenWitness } from "../scenario.ts";
import { finalStates } from "./final_states.ts";
import { logReader } from "./log_reader.ts";
import { socketClient } from "./socket_client.ts";
import { wipedRedis } from "./wiped_redis.ts";

export const witnesses: readonly OpenWitness[] = [finalStates, socketClient, logReader, wipedRedis];
