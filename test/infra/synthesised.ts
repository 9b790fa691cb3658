import { fileURLToPath } from 'node:url';
import { App, type Environment } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { maille } from '../../infra/maille.ts';
import type { Resources } from '../../infra/price.ts';
import { readTerritory } from '../../infra/territory.ts';
import type { Territory } from '../../schemas/territory.ts';

const EMPTY = fileURLToPath(new URL('empty', import.meta.url));

/** The two stacks of a territory as templates, with functions that do nothing. */
export interface Synthesised {
  app: App;
  ledger: Template;
  mesh: Template;
  /** Of both. */
  resources: Resources;
  /** Everything that is deployed, as text. */
  text: string;
}

/** Synthesises a territory of this repository, changed as given. */
export function synthesised(name: string, change: Partial<Territory> = {}, env?: Environment): Synthesised {
  const app = new App();
  const stacks = maille(app, { ...readTerritory(name), ...change }, { handlers: EMPTY, ...(env && { env }) });
  const ledger = Template.fromStack(stacks.ledger);
  const mesh = Template.fromStack(stacks.mesh);
  // The assertions' JSON is untyped; a template's resources have this shape.
  const resources = { ...ledger.toJSON()['Resources'], ...mesh.toJSON()['Resources'] } as Resources;
  return { app, ledger, mesh, resources, text: JSON.stringify([ledger.toJSON(), mesh.toJSON()]) };
}
