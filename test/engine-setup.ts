import { cpSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import type { TestProject } from 'vitest/node';
import { clientOf, deploy, engineVariables, portOf, synthesise } from '../local/deploy.ts';
import { type Engine, localEngine, openEngine, type RunningEngine } from '../local/engine.ts';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { dynamoRegistry } from '../adapters/dynamodb/registry.ts';
import { namesOf } from '../infra/names.ts';
import { readTerritory } from '../infra/territory.ts';
import { makeFirstKey } from '../local/operator-key.ts';

/** What the tests on an engine are told. */
export interface MeshUnderTest {
  url: string;
  territory: string;
  keys: { operator: string; dpo: string };
  /** As AWS SDK clients take it. */
  engine: ReturnType<typeof clientOf>;
  /** How long a journey waits for what should happen at once: engines differ in speed. */
  patienceMs: number;
}

declare module 'vitest' {
  interface ProvidedContext {
    /** One for each worker. */
    meshes: MeshUnderTest[];
  }
}

const TERRITORY = 'test';
/** Whatever the caller's is: the territory names a queue in it. */
const REGION = 'eu-west-3';

/**
 * Deploys the test territory on engines of this run's own, one for each worker, or on the one that `MAILLE_ENDPOINT`
 * names, and stops what it started.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env['MAILLE_ENDPOINT'];
  process.env['AWS_REGION'] = REGION;
  const running: RunningEngine[] = [];
  const stop = async () => void (await Promise.all(running.map((engine) => engine.stop())));
  try {
    // The first installs what they run on, and each has taken its port before the next one's is sought.
    while (!given && running.length < project.config.maxWorkers)
      running.push(await openEngine(await freePort()));
    const engines = given ? [{ ...localEngine(4566), endpoint: given }] : running;
    for (const [name, value] of Object.entries(engineVariables(engines[0]!))) {
      // A variable that is assigned undefined becomes the text "undefined", and a profile of that name wins over keys.
      if (value === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = value;
    }
    const patienceMs = given ? 240_000 : 15_000;
    project.provide(
      'meshes',
      (await deployed(engines)).map((mesh) => ({ ...mesh, patienceMs })),
    );
  } catch (error) {
    await stop();
    throw error;
  }
  return stop;
}

/** Deploys to all engines at once what is bundled once. */
async function deployed(engines: Engine[]): Promise<Omit<MeshUnderTest, 'patienceMs'>[]> {
  const bundled = synthesise(TERRITORY, portOf(engines[0]!));
  const meshes = await Promise.all(engines.map((engine) => meshOn(engine, copyOf(bundled, engine))));
  rmSync(await bundled, { recursive: true });
  return meshes;
}

/** A deployment removes what it deployed: a copy of it. */
async function copyOf(bundled: Promise<string>, engine: Engine): Promise<string> {
  const copy = `${await bundled}-for-${portOf(engine)}`;
  cpSync(await bundled, copy, { recursive: true });
  return copy;
}

/** Deploys to an engine, and makes the keys of who runs the territory. */
async function meshOn(engine: Engine, assembly: Promise<string>): Promise<Omit<MeshUnderTest, 'patienceMs'>> {
  const url = await deploy(TERRITORY, engine, { assembly });
  const territory = readTerritory(TERRITORY);
  const client = new DynamoDBClient(clientOf(engine));
  const registry = dynamoRegistry({ client, table: namesOf(territory).registry });
  const key = (role: 'operator' | 'dpo') => makeFirstKey(registry, role, { territory, now: new Date() });
  const keys = { operator: await key('operator'), dpo: await key('dpo') };
  return { url, territory: TERRITORY, keys, engine: clientOf(engine) };
}

/** A port that nobody listens on, so that a mesh that runs beside the tests is left alone. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
