import { type App, type Environment, Tags, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import type { Territory } from '../schemas/territory.ts';
import { LedgerStack } from './ledger-stack.ts';
import { MeshStack } from './mesh-stack.ts';

/** A territory's two stacks; cdk-nag judges the app that they are in. */
export interface Maille {
  ledger: LedgerStack;
  mesh: MeshStack;
}

/** Makes the stacks of a territory in `app`. Without `env` they deploy to whatever account and region the caller has. */
export function maille(
  app: App,
  territory: Territory,
  { env, handlers }: { env?: Environment; handlers?: string } = {},
): Maille {
  const place = env ? { env } : {};
  const ledger = new LedgerStack(app, territory, place);
  const mesh = new MeshStack(app, territory, ledger.stores, { ...place, handlers });
  mesh.addStackDependency(ledger);
  Tags.of(app).add('maille:territory', territory.id);
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  return { ledger, mesh };
}
