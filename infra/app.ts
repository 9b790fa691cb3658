import { App } from 'aws-cdk-lib';
import { maille } from './maille.ts';
import { readTerritory, TerritoryError } from './territory.ts';

/** The territory that is deployed when none is named: `-c territory=la-rochelle`. */
const DEFAULT = 'la-rochelle';

try {
  const app = new App();
  const named: unknown = app.node.tryGetContext('territory');
  maille(app, readTerritory(typeof named === 'string' ? named : DEFAULT));
  app.synth();
} catch (error) {
  if (!(error instanceof TerritoryError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
