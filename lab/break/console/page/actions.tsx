// The actions on the selected node or edge, as buttons: only those that make sense in its state are
// enabled.

import { edges } from "../../../../src/console/system/topology.ts";
import type {
  LabCommand,
  LabLinkMode,
  LabNodeAction,
  LabNodeName,
  LabNodeState,
  LabState,
  LabWeather,
} from "../../../../src/contracts/lab_console.ts";
import { processNames } from "../../../../src/contracts/processes.ts";

interface ActionsProps {
  state: LabState;
  give: (command: LabCommand) => void;
}

interface Action {
  action: LabNodeAction;
  description: string;
  isRepair: boolean;
  when: readonly LabNodeState[];
}

const actions: readonly Action[] = [
  { action: "kill", description: "Kill (-9)", isRepair: false, when: ["up", "starting", "frozen"] },
  { action: "freeze", description: "Freeze", isRepair: false, when: ["up"] },
  { action: "continue", description: "Let it go on", isRepair: true, when: ["frozen"] },
  { action: "restart", description: "Restart well", isRepair: false, when: ["up", "frozen"] },
  { action: "hold_down", description: "Kill and hold down", isRepair: false, when: ["up", "starting"] },
  { action: "bring_back", description: "Bring it back", isRepair: true, when: ["held_down"] },
];

export function NodeActions({ node, state, give }: ActionsProps & { node: LabNodeName }) {
  const isProcess = (processNames as readonly string[]).includes(node);
  const offered = actions.filter(({ action }) => isProcess || action !== "restart");
  return (
    <>
      <div className="actions">
        {offered.map(({ action, description, isRepair, when }) => {
          const isPossible = when.includes(state.nodes[node]);
          return (
            <button
              key={action}
              type="button"
              className={isRepair ? (isPossible ? "primary" : "") : "danger"}
              disabled={!isPossible}
              onClick={() => give({ do: "node", node, action })}
            >
              {description}
            </button>
          );
        })}
      </div>
      {node === "simulator" && <WeatherActions state={state} give={give} />}
    </>
  );
}

const modes: readonly { mode: LabLinkMode; description: string; means: string }[] = [
  { mode: "pass", description: "Whole", means: "everything passes" },
  { mode: "reset", description: "Cut", means: "every connection is reset" },
  { mode: "blackhole", description: "Black hole", means: "bytes vanish, without an error" },
  { mode: "drop_replies", description: "Lose replies", means: "requests take effect, their answers vanish" },
  { mode: "delay", description: "Delay", means: "2.5 s each way" },
  { mode: "slow", description: "Slow", means: "2,000 bytes per second" },
];

export function EdgeActions({ edgeId, state, give }: ActionsProps & { edgeId: string }) {
  const edge = edges.find((one) => one.id === edgeId);
  const links = state.links.filter((link) => edge?.links.includes(link.name));
  return (
    <section className="node-panel" aria-label="about the selected link">
      {links.map((link) => (
        <div key={link.name}>
          <header>
            <h2>{link.name.split("-").join(" → ")}</h2>
            <p className="soft">
              {modes.find(({ mode }) => mode === link.mode)?.means}
              {link.mode !== "pass" && `: ${link.touches} connections affected`}
            </p>
          </header>
          <div className="actions">
            {modes.map(({ mode, description }) => (
              <button
                key={mode}
                type="button"
                aria-pressed={link.mode === mode}
                onClick={() => give({ do: "link", link: link.name, mode })}
              >
                {description}
              </button>
            ))}
          </div>
        </div>
      ))}
    </section>
  );
}

const weathers: readonly { weather: LabWeather; description: string }[] = [
  { weather: "clear", description: "Clear" },
  { weather: "doubled", description: "Duplicate ×5" },
  { weather: "reordered", description: "Out of order" },
  { weather: "lost", description: "A third lost" },
  { weather: "forged", description: "Forged" },
  { weather: "malformed", description: "Malformed" },
  { weather: "replayed", description: "Replayed" },
  { weather: "burst", description: "In bursts" },
  { weather: "storm", description: "Storm" },
];

function WeatherActions({ state, give }: ActionsProps) {
  return (
    <fieldset className="weather">
      <legend>receipt weather</legend>
      <div className="actions">
        {weathers.map(({ weather, description }) => (
          <button key={weather} type="button" aria-pressed={state.weather === weather} onClick={() => give({ do: "weather", weather })}>
            {description}
          </button>
        ))}
      </div>
    </fieldset>
  );
}
