import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DOCUMENTS } from '../domain/contracts/document.ts';
import { LOCAL, ROOT } from '../local/paths.ts';
import { judgePython } from '../local/python.ts';
import { command, say, Trouble } from '../local/say.ts';
import { JUDGED } from './domain/contracts/judged.ts';

const SCHEMA = join(ROOT, 'test/fixtures/odcs/odcs-json-schema-v3.1.0.json');

/** What `datacontract lint` does, for many documents in one process: starting it takes longer than they do. */
const LINT = `
import sys
from datacontract.data_contract import DataContract
faults = 0
for file in sys.argv[2:]:
    run = DataContract(data_contract_file=file, schema_location=sys.argv[1]).lint()
    print(f"{run.result.value}: {file}", flush=True)
    checks = [f"  {check.result.value}: {check.name}: {check.reason}" for check in run.checks if check.result != "passed"]
    if str(run.result.value) != "passed" or not run.checks:
        faults += 1
        print(*checks, sep="\\n", flush=True)
sys.exit(1 if faults else 0)
`;

/**
 * Has the linter of the standard (datacontract-cli) judge the documents of contracts of all that terms can say. It is
 * large, so that it is no part of `npm test`, which holds the same documents against the JSON Schema of the standard.
 */
async function main(): Promise<void> {
  const python = await judgePython();
  const folder = join(LOCAL, 'judged');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const files = Object.entries(JUDGED).map(([what, source]) => {
    const file = join(folder, `${what.replaceAll(/\W+/g, '-')}.odcs.yaml`);
    writeFileSync(file, DOCUMENTS['application/yaml'](source));
    return file;
  });
  say(`datacontract lint judges ${files.length} documents, half a minute each`);
  const { status } = spawnSync(python, ['-c', LINT, SCHEMA, ...files], { stdio: 'inherit' });
  if (status !== 0) throw new Trouble('The linter has something to say: above, by document.');
  say(`datacontract lint has nothing to say against ${files.length} documents, which are in ${folder}`);
}

await command(main);
