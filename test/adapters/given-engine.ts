import { randomUUID } from 'node:crypto';
import { engineEndpoint } from './engine.ts';

/** What AWS SDK clients need to speak to the engine. */
export interface EngineOptions {
  endpoint: string;
  region: string;
  credentials: { accessKeyId: string; secretAccessKey: string };
}

/** The engine that AWS_ENDPOINT_URL names; throws when it names none. */
export const engine = (): EngineOptions => ({
  endpoint: engineEndpoint(),
  region: process.env['AWS_REGION'] ?? 'eu-west-3',
  credentials: {
    accessKeyId: process.env['AWS_ACCESS_KEY_ID'] ?? 'test',
    secretAccessKey: process.env['AWS_SECRET_ACCESS_KEY'] ?? 'test',
  },
});

/** A name that no other run has. */
export const uniqueName = (what: string): string => `test-${what}-${randomUUID().slice(0, 8)}`;

/** Asks until the answer holds, at most `limitMs`; answers the last one. */
export async function eventually<Answer>(
  ask: () => Promise<Answer>,
  holds: (answer: Answer) => boolean,
  limitMs = 10_000,
): Promise<Answer> {
  const end = Date.now() + limitMs;
  let answer = await ask();
  while (!holds(answer) && Date.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    answer = await ask();
  }
  return answer;
}
