import { SendEmailCommand, type SESv2Client } from '@aws-sdk/client-sesv2';
import type { Mailer } from '../../domain/ports.ts';

/** E-mail by Amazon SES, from the territory's verified address; without one nothing can be sent. */
export function sesMailer({ client, sender }: { client: SESv2Client; sender: string | undefined }): Mailer {
  return async ({ to, subject, text }) => {
    if (sender === undefined) throw new Error('this territory has no sender of e-mail');
    const data = (Data: string) => ({ Data, Charset: 'UTF-8' });
    await client.send(
      new SendEmailCommand({
        FromEmailAddress: sender,
        Destination: { ToAddresses: [to] },
        Content: { Simple: { Subject: data(subject), Body: { Text: data(text) } } },
      }),
    );
  };
}
