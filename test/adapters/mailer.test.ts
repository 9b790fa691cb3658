import { CreateEmailIdentityCommand, SESv2Client } from '@aws-sdk/client-sesv2';
import { ulid } from 'ulid';
import { beforeEach, describe, expect, it } from 'vitest';
import { memoryMailer } from '../../adapters/memory/mailer.ts';
import { sesMailer } from '../../adapters/ses/mailer.ts';
import { requestContract } from '../../domain/contracts/request.ts';
import { askForNotices, pushedTo } from '../../domain/notices-pushed/ask.ts';
import { pushNotices } from '../../domain/notices-pushed/push.ts';
import type { Mail, Mailer } from '../../domain/ports.ts';
import { titleOf } from '../../events/notices.ts';
import { meshInMemory } from '../domain/mesh.ts';
import { given } from '../given.ts';
import { engine, uniqueName } from './given-engine.ts';

/** A mailer, with its post office. */
interface PostOffice {
  mail: Mailer;
  lettersTo: (address: string) => Promise<Mail[]>;
}

const senderOf = (): string => `${uniqueName('maille')}@mesh.example.org`;

/** What the engine keeps of each e-mail that it took for sent. */
interface Kept {
  Source: string;
  To: string[];
  Subject: string;
  BodyText: string;
}

/** Says that an address is the account's own: SES sends from no other. */
async function verify(EmailIdentity: string): Promise<void> {
  await new SESv2Client(engine()).send(new CreateEmailIdentityCommand({ EmailIdentity }));
}

function ses(sender: string): PostOffice {
  return {
    mail: sesMailer({ client: new SESv2Client(engine()), sender }),
    async lettersTo(address) {
      const answer = await fetch(`${engine().endpoint}/_ministack/ses/messages`);
      const { messages } = (await answer.json()) as { messages: Record<string, Kept[]> | Kept[] };
      const all = Array.isArray(messages) ? messages : Object.values(messages).flat();
      return all
        .filter(({ To, Source }) => To.includes(address) && Source === sender)
        .map(({ Subject: subject, BodyText: text }) => ({ to: address, subject, text }));
    },
  };
}

function memory(): PostOffice {
  const { mail, sent } = memoryMailer();
  return {
    mail,
    lettersTo: async (address) => sent.filter(({ to }) => to === address),
  };
}

const makers: Record<string, () => Promise<PostOffice>> = {
  memory: async () => memory(),
  ses: async () => {
    const sender = senderOf();
    await verify(sender);
    return ses(sender);
  },
};

describe.each(Object.keys(makers))('mailer: %s', (name) => {
  let office: PostOffice;
  let ada: string;
  beforeEach(async () => {
    office = await makers[name]!();
    ada = `${uniqueName('ada')}@example.org`;
  });

  it('sends a letter as it is written, to the one that it is for', async () => {
    const letter = {
      to: ada,
      subject: '[Maille test] Fin du contrat €',
      text: 'Été : 1 événement\n\nà Évry 🐚',
    };
    await office.mail(letter);
    expect(await office.lettersTo(ada)).toEqual([letter]);
    expect(await office.lettersTo(`not-${ada}`)).toEqual([]);
    await office.mail({ ...letter, subject: 'again' });
    expect((await office.lettersTo(ada)).map(({ subject }) => subject)).toEqual([letter.subject, 'again']);
  });

  it('tells a provider of a contract on its dataset, and never twice', async () => {
    const mesh = await meshWithSender();
    await askForNotices(mesh, atmo, { email: ada });
    mesh.later(1);
    const request = { dataset: 'school-air', purpose: 'research' };
    const { id } = await requestContract(mesh, given.caller('app'), request, { dryRun: false });
    mesh.later(60_000);
    const deps = { ...mesh, mail: office.mail };
    expect(await pushNotices(deps, mesh.now())).toBeGreaterThan(0);
    const [letter, ...more] = await office.lettersTo(ada);
    expect(more).toEqual([]);
    expect(letter?.text).toContain(id);
    expect(letter?.text).toContain(titleOf('maille.contract.active.v1'));
    expect(await pushNotices(deps, mesh.now())).toBe(0);
    expect(await office.lettersTo(ada)).toHaveLength(1);
    expect(await pushedTo(mesh.registry, atmo)).toMatchObject({
      email: ada,
      channels: [{ status: 'active' }],
    });
  });
});

const atmo = given.caller('atmo');

/** A mesh with a dataset, whose territory sends e-mail. */
async function meshWithSender() {
  const mesh = meshInMemory(undefined, { noticeSender: senderOf() });
  await mesh.has('participant', given.participant({ id: 'atmo' }));
  await mesh.has('participant', given.participant({ id: 'app' }));
  await mesh.has('dataset', given.dataset());
  return mesh;
}

it('what SES does not take is told to whom it was for, and goes once it does', async () => {
  const mesh = await meshWithSender();
  const sender = senderOf();
  const ada = `${uniqueName('ada')}@example.org`;
  const office = ses(sender);
  await askForNotices(mesh, atmo, { email: ada });
  mesh.later(1);
  await mesh.has('notice', given.notice({ participant: 'atmo', id: `ntc_${ulid(mesh.now().getTime())}` }));
  mesh.later(60_000);
  const deps = { ...mesh, mail: office.mail };
  expect(await pushNotices(deps, mesh.now())).toBe(0);
  expect((await pushedTo(mesh.registry, atmo)).channels).toMatchObject([
    { status: 'failing', error: 'MessageRejected' },
  ]);
  await verify(sender);
  mesh.later(60_000);
  expect(await pushNotices(deps, mesh.now())).toBe(1);
  expect(await office.lettersTo(ada)).toHaveLength(1);
});

it('without a sender of the territory nothing is sent', async () => {
  const mail = sesMailer({ client: new SESv2Client(engine()), sender: undefined });
  await expect(mail({ to: senderOf(), subject: 'x', text: 'y' })).rejects.toThrow('no sender of e-mail');
});
