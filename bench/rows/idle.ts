import { App, type Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { maille } from '../../infra/maille.ts';
import { idlePrice, type Resources, sum, USD_PER_EUR } from '../../infra/price.ts';
import { readTerritory } from '../../infra/territory.ts';
import type { Bench } from '../row.ts';

/** What a territory costs in a month in which nothing happens; `npm run price` tells it item by item. */
export const idleBill: Bench = {
  name: 'idle',
  tells: 'the price of the synthesised template for a month in which nothing happens, without free tiers',
  run() {
    const { ledger, mesh } = maille(new App(), readTerritory('la-rochelle'));
    // The assertions' JSON is untyped; a template's resources have this shape.
    const of = (stack: Stack) => Template.fromStack(stack).toJSON()['Resources'] as Resources;
    const eur = sum(idlePrice({ ...of(ledger), ...of(mesh) })) / USD_PER_EUR;
    const what = 'idle: a month in which nothing happens, without free tiers';
    return Promise.resolve([{ what, measured: `${eur.toFixed(2)} EUR`, target: '< 1 EUR', met: eur < 1 }]);
  },
};
