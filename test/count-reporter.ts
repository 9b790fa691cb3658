import type { Reporter, TestModule } from 'vitest/node';

/** Closes a run with `N passed, N failed`, alone on its line; a module that cannot be run counts as failed. */
export default class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    let passed = 0;
    let failed = errors.length;
    for (const module of modules) {
      let any = false;
      for (const test of module.children.allTests()) {
        any = true;
        if (test.result().state === 'passed') passed += 1;
        if (test.result().state === 'failed') failed += 1;
      }
      if (!any && module.state() === 'failed') failed += 1;
    }
    console.log(`\n${passed} passed, ${failed} failed`);
  }
}
