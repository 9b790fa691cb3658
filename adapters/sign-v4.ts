import { createHmac, createSecretKey, hash, type KeyObject } from 'node:crypto';

/** Whose signature it is, for which service. */
export interface SigningScope {
  region: string;
  service: string;
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string | undefined;
}

/** A POST to the root of a service, as the protocols `awsJson1_0` and `awsJson1_1` have it. */
export interface JsonCall {
  host: string;
  contentType: string;
  target: string;
  body: string;
}

/**
 * The headers that sign such a call (AWS Signature Version 4, "Create a signed AWS API request"). The one shape of request
 * that it knows lets it be a tenth of what signing anything takes; the key of a day is derived once.
 */
export function signerV4(scope: SigningScope): (call: JsonCall, at: Date) => Record<string, string> {
  const { region, service, accessKeyId, sessionToken } = scope;
  const token = sessionToken === undefined ? {} : { 'x-amz-security-token': sessionToken };
  let known: { day: string; key: KeyObject } | undefined;
  const keyOf = (day: string): KeyObject => {
    if (known?.day !== day) known = { day, key: keyOfDay(scope, day) };
    return known.key;
  };
  return ({ host, contentType, target, body }, at) => {
    const time = at.toISOString().replace(/[-:]|\.\d{3}/g, '');
    const day = time.slice(0, 8);
    const signed = {
      'content-type': contentType,
      host,
      'x-amz-date': time,
      ...token,
      'x-amz-target': target,
    };
    const names = Object.keys(signed).join(';');
    const lines = Object.entries(signed).map(([name, value]) => `${name}:${value}\n`);
    const request = `POST\n/\n\n${lines.join('')}\n${names}\n${hash('sha256', body)}`;
    const credential = `${day}/${region}/${service}/aws4_request`;
    const text = `AWS4-HMAC-SHA256\n${time}\n${credential}\n${hash('sha256', request)}`;
    const signature = createHmac('sha256', keyOf(day)).update(text).digest('hex');
    const authorization = `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${credential}, SignedHeaders=${names}, Signature=${signature}`;
    return { ...signed, authorization };
  };
}

function keyOfDay({ secretAccessKey, region, service }: SigningScope, day: string): KeyObject {
  const step = (key: string | Buffer, text: string): Buffer =>
    createHmac('sha256', key).update(text).digest();
  return createSecretKey(
    step(step(step(step(`AWS4${secretAccessKey}`, day), region), service), 'aws4_request'),
  );
}
