const began = performance.now();

/** Seconds since the command began, for people. */
export const elapsed = (): string => `${((performance.now() - began) / 1000).toFixed(1).padStart(5)} s`;

/** Tells one short line of progress, with the seconds since the command began. */
export const say = (line: string): void => {
  process.stdout.write(`${elapsed()}  ${line}\n`);
};

/** What went wrong and what to do about it: shown without a stack trace. */
export class Trouble extends Error {}

/** Runs a command's main function; a {@link Trouble} is told in plain words, anything else with its stack. */
export async function command(main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    if (error instanceof Trouble) process.stderr.write(`\n${error.message}\n`);
    else console.error(error);
    process.exitCode = 1;
  }
}
