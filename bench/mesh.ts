import { type AddressInfo, createServer } from 'node:net';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { dynamoRegistry } from '../adapters/dynamodb/registry.ts';
import { namesOf } from '../infra/names.ts';
import { readTerritory } from '../infra/territory.ts';
import { co2Ecoles } from '../local/demo/datasets/co2-ecoles.ts';
import { clientOf, deploy } from '../local/deploy.ts';
import { openEngine } from '../local/engine.ts';
import { makeFirstKey } from '../local/operator-key.ts';

const TERRITORY = 'test';
const DATASET = 'bench-air';

/** A mesh on a local engine of its own, with one provider and one consumer under contract. */
export interface Mesh {
  url: string;
  engine: ReturnType<typeof clientOf>;
  names: ReturnType<typeof namesOf>;
  provider: Party;
  consumer: Party;
  contract: string;
  /** Subscribes to the events whose subject is one of these. */
  subscribe: (webhook: string, subjects: string[]) => Promise<void>;
  /** Runs the clock, as if so many seconds had passed. */
  tick: (seconds: number) => Promise<void>;
  close: () => Promise<void>;
}

/** A participant with its key. */
export interface Party {
  id: string;
  key: string;
}

/** Starts an engine on a free port, deploys the test territory, and admits who is needed. */
export async function openMesh(): Promise<Mesh> {
  const running = await openEngine(await freePort());
  try {
    const url = await deploy(TERRITORY, running);
    const territory = readTerritory(TERRITORY);
    const names = namesOf(territory);
    const engine = clientOf(running);
    const registry = dynamoRegistry({ client: new DynamoDBClient(engine), table: names.registry });
    const operator = await makeFirstKey(registry, 'operator', { territory, now: new Date() });
    const [provider, consumer] = [
      await admit(url, operator, 'atmo', 'provider'),
      await admit(url, operator, 'app', 'consumer'),
    ];
    const contract = await agree(url, provider, consumer);
    const lambda = new LambdaClient(engine);
    return {
      url,
      engine,
      names,
      provider,
      consumer,
      contract,
      subscribe: async (webhook, subjects) =>
        void (await call(url, consumer.key, 'POST', '/v1/subscriptions', {
          contract,
          filter: { subject: subjects },
          destination: { kind: 'webhook', url: webhook },
        })),
      async tick(seconds) {
        const Payload = JSON.stringify({ now: new Date(Date.now() + seconds * 1000).toISOString() });
        await lambda.send(new InvokeCommand({ FunctionName: names.function('clock'), Payload }));
      },
      close: () => running.stop(),
    };
  } catch (error) {
    await running.stop();
    throw error;
  }
}

/** Does something in a mesh that no other bench has left anything in, or will find anything in. */
export async function inOwnMesh<Result>(work: (mesh: Mesh) => Promise<Result>): Promise<Result> {
  const mesh = await openMesh();
  try {
    return await work(mesh);
  } finally {
    await mesh.close();
  }
}

/** Asks the mesh; throws on anything but success. */
export async function call(
  url: string,
  key: string,
  method: string,
  path: string,
  body?: object,
): Promise<Record<string, unknown>> {
  const answer = await fetch(url + path, {
    method,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return JSON.parse(text || '{}') as Record<string, unknown>;
}

async function admit(url: string, operator: string, id: string, role: string): Promise<Party> {
  const contact = { name: id, email: `${id}@example.org` };
  const { key } = await call(url, operator, 'POST', '/v1/participants', {
    id,
    name: id,
    roles: [role],
    contact,
  });
  return { id, key: String(key) };
}

/** The demonstration's dataset, offered to whoever asks and without anything to minimise. */
async function agree(url: string, provider: Party, consumer: Party): Promise<string> {
  const offer = { purposes: ['airing'], minimisation: [], approval: 'automatic' };
  const request = { ...co2Ecoles, personalData: false, offer };
  await call(url, provider.key, 'PUT', `/v1/datasets/${DATASET}`, request);
  const made = await call(url, consumer.key, 'POST', '/v1/contracts', {
    dataset: DATASET,
    purpose: 'airing',
  });
  return String(made['id']);
}

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
