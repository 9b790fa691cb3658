import { App, type Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { maille } from './maille.ts';
import { bill, idlePrice, type Resources } from './price.ts';
import { readTerritory } from './territory.ts';

const app = new App();
const { ledger, mesh } = maille(app, readTerritory(process.argv[2] ?? 'la-rochelle'));
// The assertions' JSON is untyped; a template's resources have this shape.
const resourcesOf = (stack: Stack): Resources => Template.fromStack(stack).toJSON()['Resources'] as Resources;
console.log(bill(idlePrice({ ...resourcesOf(ledger), ...resourcesOf(mesh) })));
