import { describe, expect, it } from 'vitest';
import { PROBLEM_PAGE, PROBLEMS, type ProblemDocument } from '../../schemas/problem.ts';
import { synthesised } from './synthesised.ts';

const { mesh } = synthesised('la-rochelle');
const responses = mesh.findResources('AWS::ApiGateway::GatewayResponse');
const answers = Object.values(responses).map(({ Properties }) => ({
  type: Properties.ResponseType as string,
  status: Number(Properties.StatusCode),
  header: (name: string): unknown => Properties.ResponseParameters[`gatewayresponse.header.${name}`],
  /** As the gateway writes it: only what it says is put in, in quotes. */
  document: JSON.parse(
    Properties.ResponseTemplates['application/json'].replace(
      '$context.error.messageString',
      () => ' "a \\"message\\" of its own"',
    ),
  ) as ProblemDocument,
}));

describe('what the gateway answers itself', () => {
  it.each(answers)('is a problem, as the functions would say it: $type', ({ status, header, document }) => {
    const kind = document.type.slice(`${PROBLEM_PAGE}#`.length);
    expect(PROBLEMS).toHaveProperty(kind, { status, title: document.title });
    expect(document).toEqual({
      type: `${PROBLEM_PAGE}#${kind}`,
      title: document.title,
      status,
      detail: expect.stringMatching(/^[^$]+$/),
    });
    expect(header('Content-Type')).toBe("'application/problem+json'");
    expect(header('Cache-Control')).toBe("'no-store'");
    expect(header('X-Request-Id')).toBe('context.requestId');
  });

  it('says when to come again where that helps, and only there', () => {
    for (const { type, status, header } of answers) {
      const after = [429, 503].includes(status) ? expect.stringMatching(/^'\d+'$/) : undefined;
      expect([type, header('Retry-After')]).toEqual([type, after]);
    }
  });

  it.each([
    ['DEFAULT_4XX', 400],
    ['DEFAULT_5XX', 500],
    ['THROTTLED', 429],
    ['REQUEST_TOO_LARGE', 413],
    ['INTEGRATION_TIMEOUT', 503],
    ['MISSING_AUTHENTICATION_TOKEN', 404],
  ])('has %s as %i', (type, status) => {
    expect(answers.find((one) => one.type === type)?.status).toBe(status);
  });

  it('is deployed with the API', () => {
    const [deployment] = Object.values(mesh.findResources('AWS::ApiGateway::Deployment'));
    expect(deployment?.['DependsOn']).toEqual(expect.arrayContaining(Object.keys(responses)));
  });
});
