import type { Mail, Mailer } from '../../domain/ports.ts';

/** E-mail in memory: what was sent. */
export interface MemoryMailer {
  mail: Mailer;
  readonly sent: Mail[];
  /** Takes the place of what happens to each from now on; nothing at first. */
  happens: () => void;
}

/** A mailer whose letter box is in memory. */
export function memoryMailer(): MemoryMailer {
  const sent: Mail[] = [];
  const mailer: MemoryMailer = {
    sent,
    happens: () => undefined,
    async mail(mail) {
      mailer.happens();
      sent.push(mail);
    },
  };
  return mailer;
}
