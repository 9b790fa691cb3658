import { describe, expect, it } from 'vitest';
import { synthesised } from './synthesised.ts';

const told = (publicUrl?: string): Record<string, unknown> => {
  const { mesh } = synthesised('la-rochelle', publicUrl === undefined ? {} : { publicUrl });
  const functions = Object.values(mesh.findResources('AWS::Lambda::Function'));
  return Object.fromEntries(
    functions.flatMap(({ Properties: { FunctionName, Environment } }) => {
      const url: unknown = Environment.Variables.PUBLIC_URL;
      return url === undefined ? [] : [[String(FunctionName).split('-').at(-1), url]];
    }),
  );
};

describe('the address of the mesh', () => {
  it('is told to the functions that state events, without a cycle', () => {
    const urls = told();
    expect(Object.keys(urls).sort()).toEqual(['api', 'clock', 'deliver', 'pull']);
    expect(JSON.stringify(urls['deliver'])).toMatch(
      /"https:\/\/",\{"Ref":"FrontDoor\w+"\},"\.execute-api\.",\{"Ref":"AWS::Region"\},"\.",\{"Ref":"AWS::URLSuffix"\},"\/mesh"/,
    );
  });

  it('is the domain that a territory names', () => {
    expect(told('https://data.example.fr')).toMatchObject({ api: 'https://data.example.fr' });
  });

  it('may hold the id of the REST API, as on a local engine', () => {
    expect(JSON.stringify(told('{endpoint}/_aws/execute-api/{api}/mesh')['pull'])).toMatch(
      /"\{endpoint\}\/_aws\/execute-api\/",\{"Ref":"FrontDoor\w+"\},"\/mesh"/,
    );
  });
});
