/** Runs a work when its turn has come. */
export type InTurn = <Result>(
  lane: string,
  most: number,
  work: (waited: boolean) => Promise<Result>,
) => Promise<Result>;

/** Lets at most so many works of one lane go on side by side; the others wait for one before them to end, and know it. */
export function turns(): InTurn {
  const lanes = new Map<string, Promise<unknown>[]>();
  return (lane, most, work) => {
    const before = lanes.get(lane) ?? [];
    lanes.set(lane, before);
    const ahead = before[before.length - most];
    const done = ahead === undefined ? work(false) : ahead.then(() => work(true));
    before.push(done.catch(() => undefined));
    return done;
  };
}
