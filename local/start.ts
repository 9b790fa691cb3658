import { parseArgs } from 'node:util';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { dynamoRegistry } from '../adapters/dynamodb/registry.ts';
import { namesOf } from '../infra/names.ts';
import { readTerritory } from '../infra/territory.ts';
import { runDemo } from './demo/demo.ts';
import { clientOf, deploy, synthesise } from './deploy.ts';
import { type Engine, enginePort, openEngine, type RunningEngine } from './engine.ts';
import { claimStart, forgetStart, writeMesh } from './mesh-file.ts';
import { makeFirstKey } from './operator-key.ts';
import { command, elapsed, say } from './say.ts';

const TERRITORY = 'la-rochelle.local';
const HELP = `Brings up the mesh of La Rochelle on this machine, with a demonstration, until Ctrl-C.

  npm start                      everything
  npm start -- --no-demo         an empty territory, with the keys of its operator and its data protection officer
  MAILLE_PORT=4567 npm start     on another port than 4566
  npm stop                       stops it from elsewhere

When it is ready, .local/mesh.json holds its address and its keys, and .local/mesh-4566.json too: where several run,
the first is that of the one that was ready last.
`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    allowNegative: true,
    options: { demo: { type: 'boolean', default: true }, help: { type: 'boolean', default: false } },
  });
  if (values.help) return void process.stdout.write(HELP);
  const port = enginePort();
  const stopping = new AbortController();
  let asked = false;
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      asked = true;
      stopping.abort();
    });
  }
  claimStart(port);
  try {
    // Begun at once: it needs no engine, and the engine may have to be installed first.
    const assembly = synthesise(TERRITORY, port, stopping.signal);
    assembly.catch(() => undefined);
    const engine = await openEngine(port, stopping.signal);
    try {
      await Promise.race([
        run(engine, { port, assembly, signal: stopping.signal, withDemo: values.demo }),
        engine.died.then((trouble) => Promise.reject(trouble)),
      ]);
    } finally {
      stopping.abort();
      if (engine.ours) say('stopping');
      await engine.stop();
    }
  } catch (error) {
    // What breaks because everything is being stopped is no news.
    if (!asked) throw error;
  } finally {
    stopping.abort();
    forgetStart(port);
  }
}

async function run(
  engine: RunningEngine,
  {
    port,
    assembly,
    signal,
    withDemo,
  }: { port: number; assembly: Promise<string>; signal: AbortSignal; withDemo: boolean },
): Promise<void> {
  const url = await deploy(TERRITORY, engine, { signal, assembly });
  signal.throwIfAborted();
  const { operator, dpo } = await firstKeys(engine);
  const demo =
    withDemo && (await runDemo({ url, operatorKey: operator, dpoKey: dpo, engine: plain(engine), signal }));
  const keys = { operator, dpo, ...(demo && demo.keys) };
  writeMesh(port, { url, territory: readTerritory(TERRITORY).id, keys, engine: plain(engine) });
  say(`ready after ${elapsed().trim()}: ${url} (keys in .local/mesh.json). Ctrl-C stops it.`);
  await aborted(signal);
  if (demo) await demo.done;
}

async function firstKeys(engine: Engine): Promise<{ operator: string; dpo: string }> {
  const territory = readTerritory(TERRITORY);
  const client = new DynamoDBClient(clientOf(engine));
  const registry = dynamoRegistry({ client, table: namesOf(territory).registry });
  const now = new Date();
  const operator = await makeFirstKey(registry, 'operator', { territory, now });
  const dpo = await makeFirstKey(registry, 'dpo', { territory, now });
  client.destroy();
  return { operator, dpo };
}

const plain = ({ endpoint, region, accessKeyId, secretAccessKey }: Engine): Engine => ({
  endpoint,
  region,
  accessKeyId,
  secretAccessKey,
});

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

if (import.meta.main) await command(main);
