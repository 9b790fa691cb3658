import {
  Agent,
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** One call of a function to AWS, before it reaches the engine. */
export interface Call {
  /** As AWS names it: `PutEvents`, `TransactWriteItems`, `PutObject` … */
  action: string;
  body: Buffer;
}

/** What happens to a call instead of an answer by the engine. */
export type Fault =
  /** Never reaches the engine; answered with an error of AWS. */
  | { do: 'refuse'; status: number; error: string }
  /** Never reaches the engine; the connection is closed. */
  | { do: 'reset' }
  /** Is done by the engine, and its answer is lost on the way. */
  | { do: 'lose-answer' }
  /** Reaches the engine only after a while. */
  | { do: 'delay'; ms: number }
  /** `PutEvents` only: these entries never reach the engine and are answered as failed. */
  | { do: 'drop-entries'; drop: (index: number) => boolean };

/** Decides about each call; undefined lets it through. */
export type Injector = (call: Call) => Fault | undefined | Promise<Fault | undefined>;

/** A proxy between the functions and the engine that does to their calls what it is told. */
export interface FaultProxy {
  url: string;
  /** Takes the place of the injector before it; none lets everything through. */
  inject: (injector?: Injector) => void;
  /** How many calls met a fault since this was last asked. */
  faults: () => number;
  close: () => Promise<void>;
}

/** An answer of the engine, whole. */
interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/** Passes a call on to the engine, with another body where one is given. */
type Onwards = (instead?: Buffer) => Promise<Answer>;

/** Starts the proxy before an engine, on a free loopback port. */
export async function faultProxy(engine: string): Promise<FaultProxy> {
  const agent = new Agent({ keepAlive: true });
  let injector: Injector | undefined;
  let faults = 0;
  let here = '';
  // Where a queue is, its calls go: what is made through here stays behind here.
  const behind =
    (onwards: Onwards): Onwards =>
    async (instead) => {
      const { body, ...answer } = await onwards(instead);
      const { 'content-length': _, ...headers } = answer.headers;
      return { ...answer, headers, body: Buffer.from(body.toString().replaceAll(engine, here)) };
    };
  const server = createServer((asked, response) => {
    const chunks: Buffer[] = [];
    asked.on('data', (chunk: Buffer) => chunks.push(chunk));
    asked.on('end', () => {
      const body = Buffer.concat(chunks);
      const onwards: Onwards = (instead = body) =>
        forward(agent, `${engine}${asked.url ?? '/'}`, asked.method ?? 'POST', asked.headers, instead);
      const action = actionOf(asked);
      Promise.resolve(injector?.({ action, body }))
        .then((fault) => {
          if (fault) faults += 1;
          const through = action === 'CreateQueue' ? behind(onwards) : onwards;
          return suffer(fault, { action, body }, through, response);
        })
        .catch(() => response.destroy());
    });
    asked.on('error', () => undefined);
  });
  server.keepAliveTimeout = 120_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  here = `http://127.0.0.1:${port}`;
  return {
    url: here,
    inject: (next) => void (injector = next),
    faults: () => {
      const count = faults;
      faults = 0;
      return count;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
        agent.destroy();
      }),
  };
}

/** What a call asks for: a header tells it, but of S3 and of Lambda, whose paths and methods do. */
function actionOf({ headers, method, url = '/' }: IncomingMessage): string {
  const target = headers['x-amz-target'];
  if (target !== undefined) return String(target).split('.').at(-1) ?? '';
  return url.startsWith('/2015-03-31/') ? 'Invoke' : (OBJECTS[method ?? ''] ?? '');
}

const OBJECTS: Record<string, string> = { GET: 'GetObject', PUT: 'PutObject', DELETE: 'DeleteObject' };

async function suffer(
  fault: Fault | undefined,
  { action, body }: Call,
  onwards: Onwards,
  response: ServerResponse,
): Promise<void> {
  switch (fault?.do) {
    case 'refuse':
      return (action.endsWith('Object') ? refuseObject : refuse)(response, fault);
    case 'reset':
      return void response.socket?.destroy();
    case 'lose-answer':
      await onwards();
      return void response.socket?.destroy();
    case 'drop-entries':
      return dropEntries(fault.drop, body, onwards, response);
    case 'delay':
      await sleep(fault.ms);
  }
  const { status, headers, body: answer } = await onwards();
  response.writeHead(status, headers);
  response.end(answer);
}

type Refusal = Fault & { do: 'refuse' };

/** As S3 refuses, in XML. */
function refuseObject(response: ServerResponse, { status, error }: Refusal): void {
  const text = `<Error><Code>${error}</Code><Message>by the chaos proxy</Message></Error>`;
  response.writeHead(status, { 'content-type': 'application/xml' }).end(text);
}

function refuse(response: ServerResponse, { status, error }: Refusal): void {
  const text = JSON.stringify({ __type: error, message: `${error} by the chaos proxy` });
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0', 'x-amzn-errortype': error });
  response.end(text);
}

/** The part of `PutEvents` and of its answer that is read here. */
interface PutEvents {
  Entries: object[];
}

async function dropEntries(
  drop: (index: number) => boolean,
  body: Buffer,
  onwards: Onwards,
  response: ServerResponse,
): Promise<void> {
  // Safe: the functions' own client made it.
  const { Entries, ...rest } = JSON.parse(body.toString()) as PutEvents;
  const kept = Entries.filter((_, index) => !drop(index));
  const taken =
    kept.length === 0
      ? []
      : entriesOf(await onwards(Buffer.from(JSON.stringify({ ...rest, Entries: kept }))));
  const failure = { ErrorCode: 'ThrottlingException', ErrorMessage: 'by the chaos proxy' };
  const answers = Entries.map((_, index) => (drop(index) ? failure : taken.shift()));
  const FailedEntryCount = answers.filter((answer) => answer === failure).length;
  response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' });
  response.end(JSON.stringify({ FailedEntryCount, Entries: answers }));
}

const entriesOf = ({ body }: Answer): object[] => (JSON.parse(body.toString()) as PutEvents).Entries;

function forward(
  agent: Agent,
  url: string,
  method: string,
  { 'content-length': _, 'transfer-encoding': __, ...headers }: IncomingHttpHeaders,
  body: Buffer,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { agent, method, headers: { ...headers, 'content-length': body.length } };
    request(url, options, (given) => {
      const chunks: Buffer[] = [];
      given.on('data', (chunk: Buffer) => chunks.push(chunk));
      given.on('end', () =>
        resolve({ status: given.statusCode ?? 502, headers: given.headers, body: Buffer.concat(chunks) }),
      );
      given.on('error', reject);
    })
      .on('error', reject)
      .end(body);
  });
}
