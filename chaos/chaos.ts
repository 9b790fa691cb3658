import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { format } from 'prettier';
import { circumstances } from '../bench/row.ts';
import { ROOT } from '../local/paths.ts';
import { command, elapsed, say, Trouble } from '../local/say.ts';
import { pageOf, type Told, tableOf } from './report.ts';
import type { Scenario } from './scenario.ts';
import { crashes } from './scenarios/crashes.ts';
import { fetching } from './scenarios/fetching.ts';
import { operations } from './scenarios/operations.ts';
import { receivers } from './scenarios/receivers.ts';
import { stream } from './scenarios/stream.ts';
import { trouble } from './scenarios/trouble.ts';
import { addUp, endStory, storyOf } from './story.ts';
import { openWorld, type World } from './world.ts';

const SCENARIOS: Scenario[] = [...crashes, ...stream, ...trouble, ...fetching, ...receivers, ...operations];
const KEPT = join(ROOT, 'docs/chaos.md');
const EVENTS = 200;
const HELP = `Breaks the mesh on a local engine of its own, and adds up: what was accepted is delivered or parked, for each
subscription, and came twice only under the same webhook-id. Keeps the table in docs/chaos.md.

  npm run chaos                      everything, some 16 minutes
  npm run chaos -- --only poison     one of them, or several by the beginning of their names; nothing is kept
  npm run chaos -- --events 1000     how many events each sends (${EVENTS})

${SCENARIOS.map(({ name, what }) => `  ${name.padEnd(26)} ${what.replaceAll('`', '')}`).join('\n')}
`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', multiple: true, default: [] },
      events: { type: 'string', default: String(EVENTS) },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return void process.stdout.write(HELP);
  const events = Number(values.events);
  if (!Number.isInteger(events) || events < 20)
    throw new Trouble(`--events ${values.events}: give a whole number, at least 20.`);
  const chosen = SCENARIOS.filter(
    ({ name }) => values.only.length === 0 || values.only.some((beginning) => name.startsWith(beginning)),
  );
  if (chosen.length === 0) throw new Trouble(`There is no scenario ${values.only.join(', ')}.\n\n${HELP}`);
  const told = await breakAll(chosen, events);
  console.log(`\n${circumstances(new Date())}\n\n${await format(tableOf(told), { parser: 'markdown' })}`);
  if (values.only.length === 0)
    writeFileSync(KEPT, await format(pageOf(told), { parser: 'markdown', printWidth: 110 }));
  const broken = told.filter(({ faults }) => faults.length > 0);
  for (const { name, faults } of broken) console.log(`${name}: ${faults.join('; ')}`);
  if (broken.length > 0) throw new Trouble(`The sum does not hold in ${broken.length} of ${told.length}.`);
  say(`every sum holds, after ${elapsed().trim()}`);
}

async function breakAll(chosen: Scenario[], events: number): Promise<Told[]> {
  const world = await openWorld();
  const told: Told[] = [];
  try {
    for (const scenario of chosen) {
      say(`${scenario.name}: ${scenario.what.replaceAll('`', '')}`);
      told.push(await breakOne(world, scenario, events));
    }
    return told;
  } finally {
    await world.close();
  }
}

async function breakOne(world: World, { name, what, run }: Scenario, events: number): Promise<Told> {
  const story = storyOf(world, events);
  const begun = Date.now();
  try {
    await run(story);
  } catch (error) {
    console.error(error);
    story.faults.push(`it broke off: ${error instanceof Error ? error.message : String(error)}`);
  }
  world.proxy.inject();
  const sums = await addUp(story);
  await endStory(story);
  for (const sum of sums) {
    story.expect(sum.lost.length === 0, `${sum.lost.length} lost for what ${sum.called}`);
    story.expect(sum.waiting === 0, `${sum.waiting} still waiting for what ${sum.called}`);
    story.expect(sum.twoIds === 0, `${sum.twoIds} events came under two ids to what ${sum.called}`);
    story.expect(sum.invented === 0, `${sum.invented} deliveries to what ${sum.called} never were`);
  }
  const { accepted, sent, refused, notes, faults } = story;
  const told = { name, what, sent: sent.size, accepted: accepted.size, refused, sums, notes, faults };
  say(
    `  ${faults.length === 0 ? 'holds' : faults.join('; ')}, ${((Date.now() - begun) / 1000).toFixed(0)} s`,
  );
  return told;
}

await command(main);
