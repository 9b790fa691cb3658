import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { dynamoRegistry } from '../adapters/dynamodb/registry.ts';
import { audited } from '../domain/audit/audited.ts';
import { makeKey } from '../domain/identify.ts';
import type { Registry } from '../domain/ports.ts';
import { namesOf } from '../infra/names.ts';
import { readTerritory } from '../infra/territory.ts';
import type { Participant } from '../schemas/participant.ts';
import type { Territory } from '../schemas/territory.ts';
import { command, Trouble } from './say.ts';

const HELP = `Makes a key of the territory's operator, or of its data protection officer, and prints it once.
It is written straight into the registry, under your own AWS rights.

  npm run operator-key -- --territory la-rochelle [--role operator|dpo] [--email you@example.org]
`;

/** The roles that no participant can give. */
export type FirstRole = 'operator' | 'dpo';

/** Makes a key with the role, for the participant of that name, which is made when it is missing; answers its text. */
export async function makeFirstKey(
  registry: Pick<Registry, 'read' | 'write'>,
  role: FirstRole,
  {
    territory,
    email,
    now,
  }: { territory: Pick<Territory, 'id' | 'alarmEmail'>; email?: string | undefined; now: Date },
): Promise<string> {
  const { text, item } = makeKey(role, now, randomBytes, { label: 'made by operator-key', role });
  const known = await registry.read('participant', role);
  const participant: Participant = known ?? {
    id: role,
    name: { operator: 'Operator', dpo: 'Data protection officer' }[role],
    roles: [],
    contact: { name: role, email: email ?? territory.alarmEmail ?? `${role}@${territory.id}.invalid` },
    status: 'active',
    createdAt: now.toISOString(),
  };
  const by = { participant: role, key: item.id, roles: [role] };
  const deed = { by, action: 'key.made-by-deployer' };
  const written = await audited(registry, deed, { now: () => now, random: randomBytes }).write([
    known
      ? { do: 'expect', noun: 'participant', before: known }
      : { do: 'create', noun: 'participant', item: participant },
    { do: 'create', noun: 'key', item },
  ]);
  if (!written)
    throw new Trouble(`The participant ${role} was changed at the same moment. Run the command again.`);
  return text;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      territory: { type: 'string' },
      role: { type: 'string', default: 'operator' },
      email: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return void process.stdout.write(HELP);
  if (!values.territory) throw new Trouble(`Which territory?\n\n${HELP}`);
  if (values.role !== 'operator' && values.role !== 'dpo')
    throw new Trouble(`--role is operator or dpo.\n\n${HELP}`);
  const territory = readTerritory(values.territory);
  const registry = dynamoRegistry({ client: new DynamoDBClient({}), table: namesOf(territory).registry });
  process.stdout.write(
    `${await makeFirstKey(registry, values.role, { territory, email: values.email, now: new Date() })}\n`,
  );
}

if (import.meta.main) await command(main);
