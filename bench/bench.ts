import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { format } from 'prettier';
import { LOCAL, ROOT } from '../local/paths.ts';
import { command, elapsed, say, Trouble } from '../local/say.ts';
import { openWorld, stopAll, type World } from './processes.ts';
import { type Bench, circumstances, type Row, tableOf, type Told } from './row.ts';
import { bundleSizes } from './rows/bundles.ts';
import { wireCalls } from './rows/calls.ts';
import { coldStarts } from './rows/cold.ts';
import { eventCost } from './rows/cost.ts';
import { deliverCpu, pathCpu, publishCpu } from './rows/cpu.ts';
import { fairness } from './rows/fairness.ts';
import { endToEnd } from './rows/flow.ts';
import { idleBill } from './rows/idle.ts';
import { deliverRate } from './rows/rate.ts';
import { manyRules } from './rows/rules.ts';
import { soak } from './rows/soak.ts';
import { readyTime } from './rows/ready.ts';
import { verdictCpu } from './rows/verdict.ts';

const BENCHES: Bench[] = [
  publishCpu,
  deliverCpu,
  deliverRate,
  pathCpu,
  verdictCpu,
  coldStarts,
  bundleSizes,
  idleBill,
  endToEnd,
  fairness,
  wireCalls,
  manyRules,
  eventCost,
  readyTime,
  soak,
];
const HELP = `Measures what the mesh costs, against floors measured in the same run, and keeps the table in docs/performance.md.

  npm run bench                      everything, some minutes
  npm run bench -- --only publish    one of them, or several (--only publish --only deliver); the table is not kept
  npm run bench -- --events 10000    how many events a soak takes
  npm run bench -- --profile         leaves CPU profiles of both sides in .local/bench/profiles

${BENCHES.map(({ name, tells }) => `  ${name.padEnd(9)} ${tells}`).join('\n')}
`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', multiple: true, default: [] },
      events: { type: 'string' },
      profile: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return void process.stdout.write(HELP);
  if (values.profile) process.env['BENCH_PROFILE'] = '1';
  const unknown = values.only.find((name) => !BENCHES.some((bench) => bench.name === name));
  if (unknown !== undefined) throw new Trouble(`There is no bench ${unknown}.\n\n${HELP}`);
  const events = values.events === undefined ? undefined : Number(values.events);
  if (events !== undefined && !(Number.isInteger(events) && events >= 5000))
    throw new Trouble(
      `--events ${values.events}: give a whole number, at least 5000: with fewer there is too little to see.`,
    );
  const chosen = BENCHES.filter(({ name, onlyNamed = false }) =>
    values.only.length === 0 ? !onlyNamed : values.only.includes(name),
  );
  mkdirSync(join(LOCAL, 'bench'), { recursive: true });
  const rows = await measure(chosen, events);
  console.log(`\n${circumstances(new Date())}\n\n${await format(tableOf(rows), { parser: 'markdown' })}`);
  if (values.only.length === 0) await keep('performance', pageOf(rows));
}

/** Runs the benches, one after the other; what they share is opened when the first of them asks for it. */
async function measure(chosen: Bench[], events: number | undefined): Promise<Told[]> {
  let world: Promise<World> | undefined;
  const context = { world: () => (world ??= openWorld()), events, keep };
  const rows: Told[] = [];
  try {
    for (const { name, run } of chosen) {
      say(`measuring ${name}`);
      const again = `npm run bench -- --only ${name}`;
      // One that breaks must not cost what the others measured.
      for (const row of await run(context).catch((error: unknown) => [broken(name, error)]))
        rows.push({ ...row, again });
    }
    say(`measured in ${elapsed().trim()}`);
    return rows;
  } finally {
    await stopAll();
  }
}

const keep = async (name: string, text: string): Promise<void> =>
  writeFileSync(join(ROOT, `docs/${name}.md`), await format(text, { parser: 'markdown', printWidth: 110 }));

function broken(name: string, error: unknown): Row {
  console.error(error);
  return { what: `${name} could not be measured`, measured: '–', target: '–', met: false };
}

const pageOf = (rows: Told[]): string => `# Performance

Written by \`npm run bench\`: the last whole run, ${circumstances(new Date())}.

${tableOf(rows.map((row) => ({ ...row, again: `\`${row.again}\`` })))}

How to read it:

- CPU is \`process.cpuUsage\` of a process that runs nothing else: user and system time of all its threads. Measured and
  floor run in turn, block by block, and each is the median of its blocks; the ratio is the median of the ratios of
  neighbours, since what disturbs one block disturbs the next. AWS and the webhooks are other processes.
- The floor of \`publish\` and \`deliver\` is in \`bench/floors/\`: a bare script that must do the same parsing, validating,
  digesting, signing, requests and writes with the same clients, and asks nobody whether it may. It is bundled as the
  functions are.
- The floor of \`rate\` is a loop that posts what it is given over kept connections, in \`bench/bare/\`: it reads, judges,
  signs and records nothing.
- The verdict runs in the bench's own process; its floor is \`JSON.parse\` and \`JSON.stringify\` of the same events. Vehicles
  come again, riders do not, so that their pseudonyms are made anew.
- The whole path counts what Lambda's runtime does too: it parses each invocation and writes each answer.
- A cold start is a fresh process that loads the bundle and invokes it once with nothing to do. Its floor, in
  \`bench/empty/\`, makes the same SDK clients and nothing else.
- AWS calls are counted by a proxy between each function and the local engine.
- With more rules, the engine matches each event against all of them in the process that answers everything else too; on
  AWS neither the publisher's request nor the ledger meets a rule.
- The flow runs on the local engine, which takes most of the CPU there; its floor is what a thin spike of the same flow
  reached on the same engine. Waiting times count from when an event should have been sent.
`;

await command(main);
