import { createServer, type AddressInfo } from 'node:net';
import type { TestProject } from 'vitest/node';
import { clientOf, deploy, engineVariables } from '../local/deploy.ts';
import { type Engine, localEngine, openEngine } from '../local/engine.ts';
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
    mesh: MeshUnderTest;
  }
}

const TERRITORY = 'test';
/** Whatever the caller's is: the territory names a queue in it. */
const REGION = 'eu-west-3';

/**
 * Deploys the test territory on an engine of this run's own, or on the one that `MAILLE_ENDPOINT` names, and stops what
 * it started.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env['MAILLE_ENDPOINT'];
  process.env['AWS_REGION'] = REGION;
  const running = given ? undefined : await openEngine(await freePort());
  const engine: Engine = running ?? { ...localEngine(4566), endpoint: given ?? '' };
  try {
    for (const [name, value] of Object.entries(engineVariables(engine))) {
      // A variable that is assigned undefined becomes the text "undefined", and a profile of that name wins over keys.
      if (value === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = value;
    }
    const url = await deploy(TERRITORY, engine);
    const territory = readTerritory(TERRITORY);
    const registry = dynamoRegistry({
      client: new DynamoDBClient(clientOf(engine)),
      table: namesOf(territory).registry,
    });
    const key = (role: 'operator' | 'dpo') => makeFirstKey(registry, role, { territory, now: new Date() });
    project.provide('mesh', {
      url,
      territory: TERRITORY,
      keys: { operator: await key('operator'), dpo: await key('dpo') },
      engine: clientOf(engine),
      patienceMs: given ? 240_000 : 15_000,
    });
  } catch (error) {
    await running?.stop();
    throw error;
  }
  return async () => running?.stop();
}

/** A port that nobody listens on, so that a mesh that runs beside the tests is left alone. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
