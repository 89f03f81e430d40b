// Price lists in the model: a new list, and a campaign that is re-priced in steps while it is
// `ready`. (src/credit/prices.ts, src/campaign/pricing/reprice.ts)
import { listsMax } from "./state.ts";
import type { World } from "./world.ts";

export function priceSteps(world: World): void {
  const { now } = world;
  if (now.state.list < listsMax)
    world.chance(
      "newLists",
      () => `ds: price list ${now.state.list + 1}`,
      (next) => void next.state.list++,
    );
  for (let campaign = 0; campaign < world.size.campaigns; campaign++) reprice(world, campaign);
}

/**
 * Somebody accepts the new list: the campaign has no list until all its messages have their new
 * cost, and its own cost follows with each of them. Whoever does it may die between any two steps;
 * the next one who accepts goes on.
 */
function reprice(world: World, campaign: number): void {
  const { now } = world;
  const { status, list, repricing } = now.campaign(campaign);
  const name = `campaign ${campaign + 1}`;
  if (status === "ready" && list > 0 && list < now.state.list)
    world.step(
      () => `${name}: list ${now.state.list} is accepted, re-pricing begins`,
      (next) => {
        Object.assign(next.campaign(campaign), { list: 0, repricing: next.state.list });
      },
    );
  if (repricing === 0 || status !== "ready") return;
  for (let row = 0; row < world.size.messagesPerCampaign; row++) {
    if (now.message(campaign, row).cost === repricing) continue;
    world.step(
      () => `${name}: message ${campaign + 1}.${row + 1} costs ${repricing}`,
      (next) => {
        next.campaign(campaign).cost += repricing - next.message(campaign, row).cost;
        next.message(campaign, row).cost = repricing;
      },
    );
    return;
  }
  world.step(
    () => `${name}: all messages have their cost by list ${repricing}`,
    (next) => {
      Object.assign(next.campaign(campaign), { list: repricing, repricing: 0 });
    },
  );
}
